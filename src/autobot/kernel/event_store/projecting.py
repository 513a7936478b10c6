"""How a projection takes events: a batch of writes over the store, committed with the position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from autobot.kernel.core.errors import (
    AutoBotError,
    WrongExpectedVersion,
)
from autobot.kernel.event_store.patience import PASSING
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Projection, Write
from autobot.kernel.event_store.transaction import (
    Alias,
    Checkpoint,
    Document,
    Put,
    Query,
    Recorded,
    Transaction,
)

SKIPPED: Final = "projection_skips"
"""Table of events that a projection could not take, with the reason."""

FLUSH: Final = 200
"""Writes of one commit, more or less: a single event's writes are never split."""


class Poison(Exception):
    """`apply` raised on an event; `__cause__` is what it raised."""

    def __init__(self, recorded: Recorded, reason: str) -> None:
        super().__init__(reason)
        self.recorded, self.reason = recorded, reason


class Batch:
    """Collects writes and shows them to the projection before they are committed.

    `names` maps the projection's tables to those that are really written, `position` is what is durable.
    """

    def __init__(
        self,
        projection: Projection,
        store: EventStore,
        consumer: str,
        position: int,
        names: Mapping[str, str],
    ) -> None:
        self._projection, self._store, self._names = projection, store, names
        self._consumer, self._durable, self.position = consumer, position, position
        self._writes: list[Write] = []
        self._seen: dict[tuple[str, str], Document | None] = {}
        self._open = False
        self.skipped = 0

    # ---------------------------------------------------------------------------------------- the reader

    async def get(self, table: str, key: str) -> Document | None:
        """Return one document, with all that earlier events wrote."""
        name = self._own(table)
        if (name, key) in self._seen:
            return self._seen[name, key]
        return await self._store.get(name, key)

    async def query(self, query: Query) -> Sequence[Document]:
        """Return a page of documents; what waits is committed first, so that the store can order it."""
        name = self._own(query.table)
        await self.commit()
        return await self._store.query(replace(query, table=name))

    def _own(self, table: str) -> str:
        if table not in self._names:
            raise ValueError(f"{table} is no table of the projection {self._projection.name}")
        return self._names[table]

    # ---------------------------------------------------------------------------------------- the events

    async def take(self, recorded: Recorded) -> None:
        """Apply one event. Raises Poison with what `apply` raised; the position then stays before the event."""
        if self._projection.wants(recorded.message.type):
            try:
                writes = [self._named(one) for one in await self._projection.apply(recorded, self)]
            except PASSING:
                raise
            except Exception as error:
                raise Poison(recorded, _reason(error)) from error
            for write in writes:
                self._remember(write)
            self._writes += writes
        self.position = recorded.position
        if len(self._writes) >= FLUSH:
            await self.commit()

    def skip(self, poison: Poison) -> None:
        """Put an event on the skip-list and go past it."""
        message = poison.recorded.message
        document = {
            "projection": self._projection.name,
            "version": self._projection.version,
            "position": poison.recorded.position,
            "event_id": message.id,
            "type": message.type,
            "reason": poison.reason,
        }
        key = f"{self._projection.name}/{self._projection.version}/{poison.recorded.position:020d}"
        self._writes.append(
            Put(table=SKIPPED, key=key, document=document, group=self._projection.name, sort=key)
        )
        self.position = poison.recorded.position
        self.skipped += 1

    def _named(self, write: Write) -> Write:
        return replace(write, table=self._own(write.table))

    def _remember(self, write: Write) -> None:
        """Keep what a later event of this batch would read."""
        shown: Document | None = None
        if isinstance(write, Put):
            # As it will be read back: a copy, with JSON's types.
            body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(write.document))
            shown = Document(
                key=write.key, document=body, owner=write.owner, group=write.group, sort=write.sort
            )
        self._seen[write.table, write.key] = shown

    async def commit(
        self, *, force: bool = False, extra: Sequence[Write] = (), aliases: tuple[Alias, ...] = ()
    ) -> None:
        """Make writes and position durable together. `force` also writes a position that has no writes.

        Safe to call again after a failure that left open whether the commit was made. Raises
        WrongExpectedVersion when another runner has moved the projection meanwhile.
        """
        if not (self._writes or extra or aliases or (force and self.unsaved)):
            return
        moved = Checkpoint(consumer=self._consumer, position=self.position, expected=self._durable)
        try:
            await self._store.commit(
                Transaction(writes=(*self._writes, *extra), checkpoints=(moved,), aliases=aliases)
            )
        except PASSING:
            self._open = True
            raise
        except WrongExpectedVersion as error:
            if not (self._open and error.stream == self._consumer and error.current == self.position):
                raise
        self._open = False
        self._durable = self.position
        self._writes.clear()
        self._seen.clear()

    @property
    def unsaved(self) -> int:
        """How far the durable position is behind."""
        return self.position - self._durable


def _reason(error: Exception) -> str:
    return error.detail if isinstance(error, AutoBotError) else f"{type(error).__name__}: {error}"
