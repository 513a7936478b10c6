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
    """How a state is kept between loads, to begin the next fold with; the stream alone is the truth.

    `schema` names its shape (change it with the shape): one of another shape is not looked at. `decode` raises
    ValueError for bytes that it cannot read; the stream is then folded whole. A snapshot is due when at least `every`
    events are folded since the last one, and at least `share` (0 to 1) of all: so what is written for ever longer
    streams grows as they do, not with their square. Raises ValueError for `every` below 1, a share out of range, or an
    empty `schema`.
    """

    schema: str
    encode: Callable[[A], bytes]
    decode: Callable[[bytes], A]
    every: int = 200
    share: float = 0.0

    def __post_init__(self) -> None:
        if self.every < 1 or not self.schema or not 0 <= self.share <= 1:
            raise ValueError(
                "snapshots need a schema, and are taken every 1 or more events and a share of 0 to 1"
            )

    def due(self, revision: int, snapshot: int) -> bool:
        """Say whether a state at `revision` is to be kept when the last one kept was at `snapshot`."""
        return revision - snapshot >= max(self.every, self.share * revision)


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

    async def load(self, stream: str, known: Loaded[A] | None = None) -> Loaded[A]:
        """Return the aggregate as it is now; `known` is an earlier load to go on with."""
        begin = known or await self._kept(stream) or Loaded(state=self._initial(stream), revision=-1)
        state, revision = await fold(
            self._store, self._codec, stream, begin.state, self._apply, after=begin.revision
        )
        return Loaded(state=state, revision=revision, snapshot=begin.snapshot)

    async def _kept(self, stream: str) -> Loaded[A] | None:
        if self._snapshots is None:
            return None
        kept = await self._store.snapshot(stream, self._snapshots.schema)
        if kept is None:
            return None
        try:
            state = self._snapshots.decode(kept.data)
        except ValueError:
            return None
        return Loaded(state=state, revision=kept.revision, snapshot=kept.revision)

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
        if kept is None or not kept.due(loaded.revision, loaded.snapshot):
            return ()
        data = kept.encode(loaded.state)
        return (SaveSnapshot(stream=stream, revision=loaded.revision, schema=kept.schema, data=data),)
