"""What proves a user: sessions, sign-in links, API keys. Only digests of secrets are ever kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from autobot.contexts.identity.domain.user import User
from autobot.contracts import identity
from autobot.kernel.commands.authorize import scope_covers
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import FieldError, Forbidden, InvalidInput

KEY_START: Final = "ab_"
PREFIX_LENGTH: Final = 11
"""Characters of a key that lists show; of its 256 secret bits 208 stay unknown."""
SESSION_IDLE: Final = timedelta(days=7)
SESSION_LONGEST: Final = timedelta(days=30)
LINK_HOLDS: Final = timedelta(hours=24)
ASK_WHO: Final = frozenset({"identity:me", "identity:reveal"})
"""What every key may do beside its scopes: ask who it is, and read the secret of an answer it got."""


def digest(token: str) -> str:
    """Return what is kept of a token: BLAKE2b-256. Tokens are 256 bits of chance, so no salt is needed."""
    return blake2b(token.encode(), digest_size=32, person=b"autobot-token").hexdigest()


def csrf_of(token: str) -> str:
    """Return the proof that belongs to a session: only who holds the session can make it (OWASP, HMAC form)."""
    return blake2b(digest_size=32, key=token.encode()[:64], person=b"autobot-csrf").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as it is kept."""

    id: str
    user_id: str
    epoch: int
    method: identity.SignInMethod
    created_at: datetime
    expires_at: datetime

    def holds(self, user: User, last_used: datetime | None, now: datetime) -> bool:
        """Say whether the session proves `user` now: of this epoch, not too old, not idle for too long."""
        idle_since = max(last_used or self.created_at, self.created_at)
        return (
            user.active
            and self.epoch == user.epoch
            and now < self.expires_at
            and now < idle_since + SESSION_IDLE
        )

    def of_epoch(self, epoch: int) -> Session:
        """Return the session that goes on when all others end."""
        return replace(self, epoch=epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The one sign-in link of a user as it is kept; one of another epoch is dead."""

    user_id: str
    epoch: int
    expires_at: datetime
    used_at: datetime | None = None

    def holds(self, user: User, now: datetime) -> bool:
        """Say whether the link may be used now."""
        return user.active and self.epoch == user.epoch and self.used_at is None and now < self.expires_at

    def used(self, now: datetime) -> Link:
        """Return the link after its one use."""
        return replace(self, used_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key as it is kept."""

    id: str
    user_id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None

    def holds(self, user: User, now: datetime) -> bool:
        """Say whether the key proves its user now."""
        return user.active and (self.expires_at is None or now < self.expires_at)

    def view(self, last_used: datetime | None) -> identity.KeyView:
        """Return the key as lists show it."""
        return identity.KeyView(
            id=self.id,
            name=self.name,
            prefix=self.prefix,
            scopes=self.scopes,
            created_at=rfc3339(self.created_at),
            expires_at=rfc3339(self.expires_at) if self.expires_at else None,
            last_used_at=rfc3339(last_used) if last_used else None,
            user_id=self.user_id,
        )


def key_principal(key: Key, user: User) -> Principal:
    """Return who acts with a key: its own id, its owner's role and objects, its scopes."""
    return Principal(
        id=key.id,
        kind="key",
        role=user.role,
        user_id=user.id,
        tenant=user.tenant,
        scopes=frozenset(key.scopes) | ASK_WHO,
        username=user.username,
    )


def user_principal(user: User) -> Principal:
    """Return who acts in a session."""
    return Principal(
        id=user.id,
        kind="user",
        role=user.role,
        user_id=user.id,
        tenant=user.tenant,
        username=user.username,
    )


def check_scopes(wanted: tuple[str, ...], allowed: Iterable[str], caller: Principal) -> None:
    """Refuse scopes beyond the owner's role (`allowed` are its actions) or beyond the caller's own.

    Raises InvalidInput, naming each scope that reaches too far, or Forbidden.
    """
    actions = tuple(allowed)
    errors = tuple(
        FieldError(detail=f"{scope} is nothing that this user may do", pointer=f"#/scopes/{index}")
        for index, scope in enumerate(wanted)
        if scope != "*" and not any(scope_covers(scope, action) for action in actions)
    )
    if errors:
        raise InvalidInput("A key cannot do more than the user it belongs to.", errors=errors)
    if any(not any(scope_covers(mine, scope) for mine in caller.scopes) for scope in wanted):
        raise Forbidden("A key cannot make a key that may do more than itself.")


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Refuse an expiry without time zone or in the past. Raises InvalidInput."""
    if expires_at is None:
        return
    wrong = "needs a time zone" if expires_at.tzinfo is None else "lies in the past"
    if expires_at.tzinfo is None or expires_at <= now:
        raise InvalidInput(f"The expiry {wrong}.", errors=(FieldError(detail=wrong, pointer="#/expires_at"),))
