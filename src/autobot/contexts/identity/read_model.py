"""Who could use the product at a moment of the past, and by which keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from autobot.contexts.identity.domain.user import stream_of
from autobot.contexts.identity.ports.directory import KEYS
from autobot.contracts import identity
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
