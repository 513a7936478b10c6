"""A user, folded from its stream, and the rule that somebody can always administrate. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from autobot.contracts import identity
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import DEFAULT_TENANT
from autobot.kernel.core.errors import Conflict, NotFound

FIRST_USERNAME: Final = "admin"


def stream_of(user_id: str) -> str:
    """Return the stream of a user."""
    return f"user-{user_id}"


def folded_name(username: str) -> str:
    """Return what makes a name unique: its compatibility form without case (UAX 15, UAX 21)."""
    return unicodedata.normalize("NFKC", username.strip()).casefold()


def prepared(password: str) -> str:
    """Return the password in the one form that is hashed: NFC (RFC 8265 §4.2, OpaqueString)."""
    return unicodedata.normalize("NFC", password)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """State of one user. `epoch` counts what ended all sessions so far: a session of another epoch is over.

    `removal` is the saga that takes the user away, not before `removal_due`.
    """

    id: str
    username: str = ""
    role: identity.UserRole = "viewer"
    suspended: bool = False
    removed: bool = False
    has_password: bool = False
    epoch: int = 0
    created_at: datetime | None = None
    tenant: str = DEFAULT_TENANT
    removal: str = ""
    removal_due: datetime | None = None

    # ------------------------------------------------------------------------------------------ folding

    def apply(self, event: Any, time: datetime) -> User:
        """Return the state after one fact. Unknown and erased facts change nothing."""
        match event:
            case identity.UserAdded():
                return replace(self, username=event.username, role=event.role, created_at=time)
            case identity.RoleChanged():
                return replace(self, role=event.role)
            case identity.UserSuspended():
                return replace(self, suspended=True, epoch=self.epoch + 1)
            case identity.UserRestored():
                return replace(self, suspended=False)
            case identity.UserRemoved():
                return replace(self, removed=True, epoch=self.epoch + 1)
            case identity.UserRemovalRequested():
                wanted = replace(self, removal=event.removal_id, removal_due=event.due, epoch=self.epoch + 1)
                return replace(wanted, suspended=True)
            case identity.UserKept():
                return replace(self, removal="", removal_due=None, suspended=event.suspended)
            case identity.PasswordSet():
                return replace(self, has_password=True, epoch=self.epoch + 1)
        return self

    def after(self, facts: Iterable[Any], time: datetime) -> User:
        """Return the state after `facts`."""
        state = self
        for fact in facts:
            state = state.apply(fact, time)
        return state

    # ------------------------------------------------------------------------------------------ reading

    @property
    def exists(self) -> bool:
        """Whether the user was added and not removed."""
        return self.created_at is not None and not self.removed

    @property
    def active(self) -> bool:
        """Whether the credentials of the user hold."""
        return self.exists and not self.suspended

    @property
    def administrates(self) -> bool:
        """Whether the user can act as administrator now."""
        return self.active and self.role == "admin"

    def require(self) -> None:
        """Raise NotFound unless the user exists."""
        if not self.exists:
            raise NotFound("There is no such user.")

    def view(self) -> identity.UserView:
        """Return the user as lists show it."""
        return identity.UserView(
            id=self.id,
            username=self.username,
            role=self.role,
            suspended=self.suspended,
            created_at=rfc3339(self.created_at) if self.created_at else "",
            has_password=self.has_password,
            removal_id=self.removal or None,
            removal_due=rfc3339(self.removal_due) if self.removal_due else None,
        )

    # ----------------------------------------------------------------------------------------- deciding

    def change(self, role: identity.UserRole | None, suspended: bool | None, reason: str) -> tuple[Any, ...]:
        """A role, a suspension or its end. What is so already is no fact."""
        self.require()
        self.require_staying()
        facts: list[Any] = []
        if role is not None and role != self.role:
            facts.append(identity.RoleChanged(user_id=self.id, role=role))
        if suspended is True and not self.suspended:
            facts.append(identity.UserSuspended(user_id=self.id, reason=reason))
        if suspended is False and self.suspended:
            facts.append(identity.UserRestored(user_id=self.id))
        return tuple(facts)

    def require_staying(self) -> None:
        """Raise Conflict for a user who is being removed."""
        if self.removal:
            raise Conflict(
                f"This user is being removed by the saga {self.removal}.",
                hint="Stop that saga to keep the user.",
            )

    def remove(self, removal_id: str, due: datetime, *, at_once: bool) -> tuple[Any, ...]:
        """The user goes: their credentials now, the rest when it is due."""
        self.require()
        self.require_staying()
        requested = identity.UserRemovalRequested(
            user_id=self.id, removal_id=removal_id, due=due, was_suspended=self.suspended
        )
        return (requested, identity.UserRemoved(user_id=self.id)) if at_once else (requested,)

    def take(self, removal_id: str) -> tuple[Any, ...]:
        """The removal is carried out; one who is gone stays so. Raises Conflict when it was stopped."""
        if not self.exists:
            return ()
        if self.removal != removal_id:
            raise Conflict("This removal was stopped.")
        return (identity.UserRemoved(user_id=self.id),)

    def keep(self, removal_id: str, *, suspended: bool) -> tuple[Any, ...]:
        """The removal is taken back; of another one, or for one who is gone, nothing happens."""
        if not self.exists or self.removal != removal_id:
            return ()
        return (identity.UserKept(user_id=self.id, removal_id=removal_id, suspended=suspended),)

    def set_password(self) -> tuple[Any, ...]:
        """The password was set."""
        self.require()
        return (identity.PasswordSet(user_id=self.id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrators:
    """Who can administrate now, in the order they came to it. Never empty once somebody was added."""

    ids: tuple[str, ...] = field(default=())

    def with_state(self, user: User) -> Administrators:
        """Return the list after `user` came to its new state. Raises Conflict when nobody would be left."""
        if user.administrates:
            return self if user.id in self.ids else Administrators(ids=(*self.ids, user.id))
        rest = tuple(one for one in self.ids if one != user.id)
        if self.ids and not rest:
            raise Conflict(
                "This is the last administrator; nobody could manage users any more.",
                hint="Make another user an administrator first.",
            )
        return Administrators(ids=rest)
