"""The context's state in its store: users folded from their streams, and tables that commit with the facts.

Credentials live in tables, not in the log: their digests are nobody's history. A user's row repeats the
fold of its stream, written in the same commit, so that proving a credential is two look-ups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from autobot.contexts.identity.domain.credentials import Key, Link, Session
from autobot.contexts.identity.domain.user import Administrators, User, folded_name, stream_of
from autobot.contracts import identity
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Document, Filter, Put, Query

USERS: Final = "identity.users"
NAMES: Final = "identity.names"
GUARD: Final = "identity.guard"
PASSWORDS: Final = "identity.passwords"
SESSIONS: Final = "identity.sessions"
LINKS: Final = "identity.links"
KEYS: Final = "identity.keys"
USAGE: Final = "identity.usage"
_ADMINISTRATORS: Final = "administrators"
_BATCH: Final = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Generic[T]):
    """A row with the version it was read at and the digest it is found by."""

    value: T
    version: int = 0
    digest: str = ""


# ------------------------------------------------------------------------------------------------- writes


def put_user(user: User) -> Put:
    """Write a user's row."""
    sort = rfc3339(user.created_at) if user.created_at else ""
    return Put(table=USERS, key=user.id, document=msgspec.to_builtins(user), sort=sort)


def claim_name(user: User) -> Put:
    """Take a name; refused by the store when it is taken."""
    document = {"user_id": user.id, "username": user.username}
    return Put(table=NAMES, key=folded_name(user.username), document=document, expected=0)


def put_administrators(administrators: Administrators, version: int) -> Put:
    """Write who can administrate, unless that changed meanwhile."""
    return Put(
        table=GUARD, key=_ADMINISTRATORS, document=msgspec.to_builtins(administrators), expected=version
    )


def put_password(user_id: str, hashed: str, version: int) -> Put:
    """Write a password hash, unless it changed meanwhile."""
    return Put(table=PASSWORDS, key=user_id, document={"hash": hashed}, owner=user_id, expected=version)


def put_session(session: Session, token_digest: str) -> Put:
    """Write a session."""
    return Put(
        table=SESSIONS,
        key=session.id,
        document=msgspec.to_builtins(session),
        owner=session.user_id,
        group=token_digest,
        sort=rfc3339(session.created_at),
    )


def put_link(link: Link, token_digest: str, version: int | None = None) -> Put:
    """Write the sign-in link of a user; with a version, unless it changed meanwhile."""
    return Put(
        table=LINKS,
        key=link.user_id,
        document=msgspec.to_builtins(link),
        owner=link.user_id,
        group=token_digest,
        expected=version,
    )


def put_key(key: Key, key_digest: str) -> Put:
    """Write an API key."""
    return Put(
        table=KEYS,
        key=key.id,
        document=msgspec.to_builtins(key),
        owner=key.user_id,
        group=key_digest,
        sort=rfc3339(key.created_at),
        expected=0,
    )


def put_usage(credential_id: str, used_at: datetime) -> Put:
    """Write when a credential was last used: apart from it, so that this never revives a revoked one."""
    return Put(table=USAGE, key=credential_id, document={"at": rfc3339(used_at)})


# -------------------------------------------------------------------------------------------------- reads


class Directory:
    """Typed reads of the context's state."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        self._store, self._codec = store, codec

    async def load(self, user_id: str) -> tuple[User, int]:
        """Return a user folded from its stream, and the stream's revision (-1: there is none)."""
        user, revision = User(id=user_id), -1
        while True:
            batch = await self._store.read_stream(stream_of(user_id), after=revision, limit=_BATCH)
            for one in batch:
                user = user.apply(self._codec.unwrap(one), one.message.time)
                revision = one.revision
            if len(batch) < _BATCH:
                return user, revision

    async def was_suspended(self, user_id: str, removal_id: str) -> bool:
        """Return whether a user was suspended when a removal was requested."""
        for one in await self._store.read_stream(stream_of(user_id), limit=1_000_000):
            event = self._codec.unwrap(one)
            if isinstance(event, identity.UserRemovalRequested) and event.removal_id == removal_id:
                return event.was_suspended
        return False

    async def keys_ever(self, user_id: str) -> Sequence[str]:
        """Return the ids of all keys that a user ever had, revoked ones too: from the log, as their rows are gone."""
        found, after, made = [], 0, Filter(types=(identity.KeyCreated.TYPE,))
        while page := await self._store.read_all(after=after, limit=_BATCH, where=made):
            events = [self._codec.unwrap(one) for one in page]
            found += [
                one.key_id
                for one in events
                if isinstance(one, identity.KeyCreated) and one.user_id == user_id
            ]
            after = page[-1].position
        return found

    async def user(self, user_id: str) -> User | None:
        """Return a user's row."""
        found = await self._store.get(USERS, user_id)
        return msgspec.convert(found.document, User) if found else None

    async def id_of(self, username: str) -> str | None:
        """Return the id of the user with this name."""
        found = await self._store.get(NAMES, folded_name(username))
        return str(found.document["user_id"]) if found else None

    async def administrators(self) -> Stored[Administrators]:
        """Return who can administrate; version 0 when nobody was ever added."""
        found = await self._store.get(GUARD, _ADMINISTRATORS)
        return _typed(found, Administrators) if found else Stored(value=Administrators())

    async def password(self, user_id: str) -> Stored[str | None]:
        """Return a user's password hash."""
        found = await self._store.get(PASSWORDS, user_id)
        if found is None:
            return Stored(value=None)
        return Stored(value=str(found.document["hash"]), version=found.version)

    async def session(self, token_digest: str) -> Session | None:
        """Return the session of a token."""
        found = await self._by_digest(SESSIONS, token_digest)
        return msgspec.convert(found.document, Session) if found else None

    async def link(self, token_digest: str) -> Stored[Link] | None:
        """Return the sign-in link of a token."""
        found = await self._by_digest(LINKS, token_digest)
        return _typed(found, Link) if found else None

    async def link_of(self, user_id: str) -> Link | None:
        """Return the sign-in link of a user."""
        found = await self._store.get(LINKS, user_id)
        return msgspec.convert(found.document, Link) if found else None

    async def key(self, token_digest: str) -> Key | None:
        """Return the API key of a token."""
        found = await self._by_digest(KEYS, token_digest)
        return msgspec.convert(found.document, Key) if found else None

    async def key_by_id(self, key_id: str) -> Key | None:
        """Return an API key."""
        found = await self._store.get(KEYS, key_id)
        return msgspec.convert(found.document, Key) if found else None

    async def last_used(self, credential_id: str) -> datetime | None:
        """Return when a session or key was last used, as far as it was written."""
        found = await self._store.get(USAGE, credential_id)
        return msgspec.convert(found.document["at"], datetime) if found else None

    async def page(
        self, table: str, owner: str | None, after: tuple[str, str] | None, limit: int
    ) -> Sequence[Document]:
        """Return rows in order of creation."""
        return await self._store.query(Query(table=table, owner=owner, after=after, limit=limit))

    def user_of(self, row: Document) -> User:
        """Return the user of a row."""
        return msgspec.convert(row.document, User)

    def key_of(self, row: Document) -> Key:
        """Return the API key of a row."""
        return msgspec.convert(row.document, Key)

    def session_of(self, row: Document) -> Session:
        """Return the session of a row."""
        return msgspec.convert(row.document, Session)

    async def forget(self, table: str, owner: str, *, unless: str = "") -> list[Delete]:
        """Return the removal of all rows of a user in a table, and of what their use left, but for one."""
        after: tuple[str, str] | None = None
        writes: list[Delete] = []
        while True:
            rows = await self.page(table, owner, after, _BATCH)
            for row in rows:
                if row.key != unless:
                    writes += [Delete(table=table, key=row.key), Delete(table=USAGE, key=row.key)]
            if len(rows) < _BATCH:
                return writes
            after = (rows[-1].sort, rows[-1].key)

    async def _by_digest(self, table: str, token_digest: str) -> Document | None:
        found = await self._store.query(Query(table=table, group=token_digest, limit=1))
        return found[0] if found else None


def _typed(found: Document, kind: type[Any]) -> Stored[Any]:
    return Stored(value=msgspec.convert(found.document, kind), version=found.version, digest=found.group)
