"""Proof of credentials, on every request: two dictionary look-ups and a comparison of positions.

What was proven is kept in memory together with the log position it was read at. Before a kept proof is
used, the log's head is compared: if it moved, the identity facts in between are read first, and whoever
they speak of is forgotten. So a suspension that was committed, by this process or another, holds for the
very next request, without a message having to arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from autobot.contexts.identity.domain.credentials import (
    KEY_START,
    SESSION_IDLE,
    csrf_of,
    digest,
    key_principal,
    user_principal,
)
from autobot.contexts.identity.ports.directory import Directory, put_usage
from autobot.contracts import identity
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import Principal
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Filter, Transaction

KEPT_MAX: Final = 10_000
"""Proofs in memory; beyond it all are forgotten and read again."""
_BATCH: Final = 1000
_FACTS: Final = Filter(types=("autobot.identity.*",))
_HARMLESS: Final = (identity.UserAdded, identity.SignedIn, identity.LinkIssued, identity.KeyCreated)


P = TypeVar("P")
MakeProof = Callable[[Principal, str, str | None, float | None], P]
"""Makes what the edge keeps of a proof: principal, credential id, CSRF token (sessions only), monotonic expiry."""


@dataclass(slots=True)
class _Kept(Generic[P]):
    proof: P
    credential_id: str
    user_id: str
    last_used: datetime
    expires_at: datetime | None
    idles: bool


class Authenticator(Generic[P]):
    """Proves API keys and sessions. None for whatever does not hold; never raises for hostile input."""

    def __init__(
        self,
        directory: Directory,
        store: EventStore,
        codec: EventCodec,
        clock: Clock,
        make: MakeProof[P],
        kept_max: int = KEPT_MAX,
    ) -> None:
        self._directory, self._store, self._codec, self._clock = directory, store, codec, clock
        self._make, self._kept_max = make, kept_max
        self._kept: dict[str, _Kept[P]] = {}
        self._users: dict[str, set[str]] = {}
        self._seen = -1
        self._unwritten: dict[str, datetime] = {}

    async def key(self, token: str) -> P | None:
        """Prove an API key."""
        if not token.startswith(KEY_START) or not token.isascii():
            return None
        return await self._prove(token, session=False)

    async def session(self, token: str) -> P | None:
        """Prove a session token."""
        if token.startswith(KEY_START) or not token.isascii():
            return None
        return await self._prove(token, session=True)

    async def flush(self) -> int:
        """Write when credentials were last used; returns how many. Call it about once a minute, and at the end."""
        taken, self._unwritten = self._unwritten, {}
        if taken:
            try:
                writes = tuple(put_usage(one, at) for one, at in taken.items())
                await self._store.commit(Transaction(writes=writes))
            except BaseException:
                self._unwritten = {**taken, **self._unwritten}
                raise
        return len(taken)

    async def _prove(self, token: str, *, session: bool) -> P | None:
        head = await self._store.head()
        if head != self._seen:
            await self._catch_up(head)
        key, now = digest(token), self._clock.now()
        kept = self._kept.get(key)
        if kept is None or not _holds(kept, now):
            kept = await self._load(key, token, session, now)
            if kept is None:
                return None
        kept.last_used = self._unwritten[kept.credential_id] = now
        return kept.proof

    async def _load(self, key: str, token: str, session: bool, now: datetime) -> _Kept[P] | None:
        """Read a credential anew; keep its proof only if nothing was forgotten meanwhile."""
        seen = self._seen
        kept = await (self._session(key, token, now) if session else self._key(key, now))
        if kept is None:
            self._kept.pop(key, None)
        elif seen == self._seen:
            if len(self._kept) >= self._kept_max:
                self._forget_all()
            self._kept[key] = kept
            self._users.setdefault(kept.user_id, set()).add(key)
        return kept

    async def _session(self, key: str, token: str, now: datetime) -> _Kept[P] | None:
        session = await self._directory.session(key)
        user = await self._directory.user(session.user_id) if session else None
        if session is None or user is None:
            return None
        last_used = self._unwritten.get(session.id) or await self._directory.last_used(session.id)
        if not session.holds(user, last_used, now):
            return None
        proof = self._make(
            user_principal(user), session.id, csrf_of(token), self._monotonic(session.expires_at, now)
        )
        return _Kept(proof, session.id, user.id, now, session.expires_at, True)

    async def _key(self, key: str, now: datetime) -> _Kept[P] | None:
        stored = await self._directory.key(key)
        user = await self._directory.user(stored.user_id) if stored else None
        if stored is None or user is None or not stored.holds(user, now):
            return None
        proof = self._make(
            key_principal(stored, user), stored.id, None, self._monotonic(stored.expires_at, now)
        )
        return _Kept(proof, stored.id, user.id, now, stored.expires_at, False)

    def _monotonic(self, moment: datetime | None, now: datetime) -> float | None:
        return None if moment is None else self._clock.monotonic() + (moment - now).total_seconds()

    # ----------------------------------------------------------------------------------- invalidation

    async def _catch_up(self, head: int) -> None:
        """Forget whomever the identity facts up to `head` speak of."""
        facts: list[Any] = []
        after = self._seen
        while self._kept and after < head:
            batch = await self._store.read_all(after=after, limit=_BATCH, where=_FACTS)
            facts.extend(self._codec.unwrap(one) for one in batch)
            if len(batch) < _BATCH:
                break
            after = batch[-1].position
        # Nothing is awaited from here on: no proof that was read before these facts can slip in between.
        for fact in facts:
            self._note(fact)
        self._seen = max(self._seen, head)

    def _note(self, fact: Any) -> None:
        if isinstance(fact, _HARMLESS):
            return
        user_id = getattr(fact, "user_id", None)
        if user_id is None:
            self._forget_all()
            return
        for key in self._users.pop(user_id, ()):
            kept = self._kept.pop(key, None)
            if kept is not None:
                self._unwritten.pop(kept.credential_id, None)

    def _forget_all(self) -> None:
        self._kept.clear()
        self._users.clear()


def _holds(kept: _Kept[Any], now: datetime) -> bool:
    if kept.expires_at is not None and now >= kept.expires_at:
        return False
    return not kept.idles or now < kept.last_used + SESSION_IDLE
