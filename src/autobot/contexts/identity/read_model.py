"""Who could use the product at a moment of the past: one document a user."""

from __future__ import annotations

from typing import Any, Final

from autobot.contexts.identity.domain.user import stream_of
from autobot.contracts import identity
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.projection import Projection

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
