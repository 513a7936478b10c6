"""The read side: who may use the product, by which keys, and who could at a moment of the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from autobot.contexts.identity.domain.credentials import ASK_WHO
from autobot.contexts.identity.domain.user import User, stream_of
from autobot.contexts.identity.ports.directory import KEYS, USERS, Directory
from autobot.contexts.identity.ports.sealing import Sealer
from autobot.contracts import identity
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.projection import Projection, Reader, Write
from autobot.kernel.event_store.transaction import Delete, Put, Query, Recorded

NAME: Final = "users"
_TYPES: Final = (
    identity.UserAdded.TYPE,
    identity.RoleChanged.TYPE,
    identity.UserSuspended.TYPE,
    identity.UserRestored.TYPE,
    identity.UserRemoved.TYPE,
    identity.UserRemovalRequested.TYPE,
    identity.UserKept.TYPE,
)


class IdentityQueries:
    """One method a query."""

    def __init__(self, directory: Directory, sealer: Sealer) -> None:
        self._directory, self._sealer = directory, sealer

    async def reveal(self, query: identity.Reveal, context: CallContext) -> str:
        """Answer what was sealed for the principal. Raises NotFound for what is forged, another's or too old."""
        return self._sealer.open(query.sealed, context.principal)

    async def me(self, query: identity.Me, context: CallContext) -> identity.MeView:
        """Who asks."""
        principal = context.principal
        user = await self._directory.user(principal.user_id)
        scopes = principal.scopes - ASK_WHO if principal.kind == "key" else principal.scopes
        return identity.MeView(
            id=principal.id,
            username=principal.username,
            role=principal.role,
            kind=principal.kind,
            scopes=tuple(sorted(scopes)),
            has_password=user.has_password if user else False,
        )

    async def users(self, query: identity.ListUsers, context: CallContext) -> identity.UserPage:
        """All users, or the one that was named."""
        if query.name_or_id is not None:
            user_id = await self._directory.id_of(query.name_or_id) or query.name_or_id
            user = await self._directory.user(user_id)
            return identity.UserPage(items=(user.view(),) if user else ())
        rows = await self._directory.page(USERS, None, _place(query.cursor), query.limit + 1)
        items = tuple(self._directory.user_of(row).view() for row in rows[: query.limit])
        last = rows[query.limit - 1] if len(rows) > query.limit else None
        return identity.UserPage(
            items=items, next_cursor=encode_cursor(last.sort, last.key) if last else None
        )

    async def person(self, query: identity.FindPerson, context: CallContext) -> identity.PersonView:
        """The one of that name or id, unless suspended. Raises NotFound."""
        user_id = await self._directory.id_of(query.name_or_id) or query.name_or_id
        user = await self._directory.user(user_id)
        if user is None or user.suspended:
            raise NotFound("Nobody here has this name.", hint="Names are found whole alone.")
        return identity.PersonView(id=user.id, username=user.username)

    async def user(self, user_id: str) -> User | None:
        """Return a user's present state."""
        return await self._directory.user(user_id)

    async def keys(self, query: identity.ListKeys, context: CallContext) -> identity.KeyPage:
        """The caller's keys, or those of `user_id`."""
        owner = query.user_id or context.principal.user_id
        rows = await self._directory.page(KEYS, owner, _place(query.cursor), query.limit + 1)
        items = []
        for row in rows[: query.limit]:
            items.append(self._directory.key_of(row).view(await self._directory.last_used(row.key)))
        last = rows[query.limit - 1] if len(rows) > query.limit else None
        return identity.KeyPage(
            items=tuple(items), next_cursor=encode_cursor(last.sort, last.key) if last else None
        )


def _place(cursor: str | None) -> tuple[str, str] | None:
    place = decode_cursor(cursor, 2)
    return (place[0], place[1]) if place else None


def users_then(codec: EventCodec) -> Projection:
    """Return the read model. Of a user who was erased since, nothing is left in any past."""
    return latest(NAME, _TYPES, codec.unwrap, prefix=stream_of(""), change=_change)


def _change(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case identity.UserAdded():
            return {"username": event.username, "role": event.role, "state": "active"}
        case identity.UserRemoved():
            return None
    if not before:
        return before
    match event:
        case identity.RoleChanged():
            return {**before, "role": event.role}
        case identity.UserSuspended():
            return {**before, "state": "suspended"}
        case identity.UserRestored():
            return {**before, "state": "active"}
        case identity.UserRemovalRequested():
            return {**before, "state": "leaving"}
        case identity.UserKept():
            return {**before, "state": "suspended" if event.suspended else "active"}
    return before


def keys_then(codec: EventCodec) -> Projection:
    """Return the read model of API keys: one document a key. Its name stays out, which is its owner's text; the
    secret was never in any fact."""

    async def apply(recorded: Recorded, reader: Reader) -> Sequence[Write]:
        if recorded.message.type == identity.UserRemoved.TYPE:
            # Erased or not: whose stream it is on tells who went.
            owner = recorded.stream.removeprefix(stream_of(""))
            return await _without(owner, reader)
        match codec.unwrap(recorded):
            case identity.KeyCreated() as made:
                document = {
                    "user_id": made.user_id,
                    "prefix": made.prefix,
                    "scopes": made.scopes,
                    "expires_at": made.expires_at,
                }
                return (Put(table=KEYS, key=made.key_id, document=document, owner=made.user_id),)
            case identity.KeyRevoked() as revoked:
                return (Delete(table=KEYS, key=revoked.key_id),)
        return ()

    types = (identity.KeyCreated.TYPE, identity.KeyRevoked.TYPE, identity.UserRemoved.TYPE)
    return Projection(name="keys", types=types, tables=(KEYS,), apply=apply)


async def _without(owner: str, reader: Reader) -> Sequence[Write]:
    """Return the removal of all keys of a user."""
    gone: list[Write] = []
    after: tuple[str, str] | None = None
    while found := await reader.query(Query(table=KEYS, owner=owner, after=after, limit=1000)):
        gone += [Delete(table=KEYS, key=one.key) for one in found]
        after = (found[-1].sort, found[-1].key)
    return gone
