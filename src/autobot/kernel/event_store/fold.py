"""The state of a stream: now, as of a position, as of a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from autobot.kernel.event_store.codec import EventCodec, UnknownType
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Recorded

A = TypeVar("A")
Apply = Callable[[A, Any, Recorded], A]
"""Pure: the state after an event, from the state before it."""

PAGE: Final = 2000


async def fold(
    store: EventStore,
    codec: EventCodec,
    stream: str,
    state: A,
    apply: Apply[A],
    *,
    after: int = -1,
    until: int | None = None,
) -> tuple[A, int]:
    """Apply a stream's events above revision `after`, up to log position `until`; return state and last revision.

    Events that are erased or of a type that this version does not know change nothing but the revision.
    """
    unwrap, revision = codec.unwrap, after
    while True:
        page = await store.read_stream(stream, after=revision, limit=PAGE)
        for one in page:
            if until is not None and one.position > until:
                return state, revision
            event = unwrap(one)
            if event.__class__ is not UnknownType:
                state = apply(state, event, one)
            revision = one.revision
        if len(page) < PAGE:
            return state, revision


async def position_of(
    store: EventStore, *, at: datetime | None = None, position: int | None = None
) -> int | None:
    """Return the log position that an `at` (time) or a `position` asks for; None when neither is given: now."""
    if position is not None:
        return position
    return None if at is None else await store.position_at(at)
