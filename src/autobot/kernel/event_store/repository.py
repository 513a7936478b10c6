"""Aggregates in their streams: load by snapshot and fold, append where they were read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.codec import Event, EventCodec
from autobot.kernel.event_store.fold import Apply, fold, position_of
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Append, SaveSnapshot

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[A]):
    """An aggregate as it was read: its state, the stream's revision (-1: nothing there), the snapshot it began with."""

    state: A
    revision: int
    snapshot: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots(Generic[A]):
    """How a state is kept between loads: `schema` names its shape (change it with the shape), every `every` events.

    Raises ValueError for `every` below 1 or an empty `schema`.
    """

    schema: str
    encode: Callable[[A], bytes]
    decode: Callable[[bytes], A]
    every: int = 200

    def __post_init__(self) -> None:
        if self.every < 1 or not self.schema:
            raise ValueError("snapshots need a schema and are taken every 1 or more events")


class Repository(Generic[A]):
    """Loads and prepares appends of one kind of aggregate.

    `initial` makes the state of an empty stream from its name; `apply` is pure.
    """

    def __init__(
        self,
        store: EventStore,
        codec: EventCodec,
        *,
        initial: Callable[[str], A],
        apply: Apply[A],
        snapshots: Snapshots[A] | None = None,
    ) -> None:
        self._store, self._codec = store, codec
        self._initial, self._apply, self._snapshots = initial, apply, snapshots

    async def load(self, stream: str) -> Loaded[A]:
        """Return the aggregate as it is now."""
        state, revision = self._initial(stream), -1
        if self._snapshots is not None:
            kept = await self._store.snapshot(stream, self._snapshots.schema)
            if kept is not None:
                state, revision = self._snapshots.decode(kept.data), kept.revision
        start = revision
        state, revision = await fold(self._store, self._codec, stream, state, self._apply, after=revision)
        return Loaded(state=state, revision=revision, snapshot=start)

    async def load_at(
        self, stream: str, *, at: datetime | None = None, position: int | None = None
    ) -> Loaded[A]:
        """Return the aggregate as of a time or a log position. What was erased since is missing from it."""
        until = await position_of(self._store, at=at, position=position)
        state, revision = await fold(
            self._store, self._codec, stream, self._initial(stream), self._apply, until=until
        )
        return Loaded(state=state, revision=revision)

    def append(self, stream: str, loaded: Loaded[A], events: Iterable[Event], context: CallContext) -> Append:
        """Return the append of `events` behind what was loaded: refused when the stream has moved on since."""
        wrapped = tuple(self._codec.wrap(one, stream, context) for one in events)
        return Append(stream=stream, expected=loaded.revision, events=wrapped)

    def snapshot(self, stream: str, loaded: Loaded[A]) -> tuple[SaveSnapshot, ...]:
        """Return the snapshot that is due, if one is: put it into the next transaction."""
        kept = self._snapshots
        if kept is None or loaded.revision - loaded.snapshot < kept.every:
            return ()
        data = kept.encode(loaded.state)
        return (SaveSnapshot(stream=stream, revision=loaded.revision, schema=kept.schema, data=data),)
