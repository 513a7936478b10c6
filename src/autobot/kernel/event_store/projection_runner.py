"""Runs a projection: follows the log, waits for readers, builds anew beside the live tables and switches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeVar

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, DeadlineExceeded
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.event_store.projecting import Batch, Poison
from autobot.kernel.event_store.projection import Projection, ProjectionState, Rebuilt
from autobot.kernel.event_store.table_hash import table_hash
from autobot.kernel.event_store.transaction import (
    Alias,
    Checkpoint,
    Drop,
    Put,
    Recorded,
    Transaction,
)

T = TypeVar("T")

REGISTRY: Final = "projections"
"""Table of what is built: version, generation, and the tables of both."""

PAGE: Final = 500
UNSAVED: Final = 1000
"""Events without writes after which the position is written all the same."""


class ProjectionRunner:
    """Keeps one projection's tables up to date.

    `run` is the only task that writes the live tables; a second runner of the same projection is noticed
    and stops. Positions and writes commit together, so a crash neither loses nor doubles an effect.
    """

    def __init__(self, projection: Projection, store: EventStore, clock: Clock) -> None:
        self.projection = projection
        self._store, self._clock = store, clock
        self._position = 0
        self._skipped = 0
        self._state: Literal["starting", "building", "live", "stopped"] = "starting"
        self._reason = ""
        self._writing = asyncio.Lock()
        self._moved = asyncio.Event()
        self._registered: dict[str, Any] = {}
        self._live: Batch | None = None

    # ------------------------------------------------------------------------------------------ for readers

    @property
    def position(self) -> int:
        """The last event whose writes readers see."""
        return self._position

    async def wait_for(self, position: int, deadline: float) -> None:
        """Return when readers see what the event at `position` wrote.

        `deadline` is in monotonic seconds. Raises DeadlineExceeded when it passes, or at once when the
        projection has stopped before that event.
        """
        try:
            async with asyncio.timeout_at(deadline):
                while self._position < position:
                    if self._state == "stopped":
                        break
                    await self._moved.wait()
        except TimeoutError:
            pass
        if self._position < position:
            raise DeadlineExceeded(
                f"The read model {self.projection.name} stands at position {self._position}, not yet at {position}."
            )

    async def statistics(self) -> ProjectionState:
        """Return where it stands."""
        return ProjectionState(
            name=self.projection.name,
            version=self.projection.version,
            state=self._state,
            position=self._position,
            head=await self._store.head(),
            skipped=self._skipped,
            reason=self._reason,
        )

    # ------------------------------------------------------------------------------------------- following

    async def run(self) -> None:
        """Follow the log until the store closes or an event stops the projection (`statistics` says why)."""
        try:
            await self._start()
            await self._follow()
            self._stop("closed")
        except StoreClosed:
            self._stop("closed")
        except Poison as poison:
            message = poison.recorded.message
            self._stop(f"Event {poison.recorded.position} ({message.type}): {poison.reason}")
        except AutoBotError as error:
            self._stop(error.detail)

    def _stop(self, reason: str) -> None:
        self._state, self._reason = "stopped", reason
        self._announce()

    def _announce(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _advance(self, position: int) -> None:
        self._position = position
        self._announce()

    async def _start(self) -> None:
        projection = self.projection
        self._position = await self._patient(lambda: self._store.checkpoint(projection.consumer))
        found = await self._patient(lambda: self._store.get(REGISTRY, projection.name))
        if found is not None:
            self._registered = dict(found.document)
        elif self._position == 0:
            self._registered = {"version": projection.version, "generation": 0, "building": None}
        if self._registered.get("version") != projection.version:
            self._state = "building"
            await self._build(await self._store.head(), parity=False)
        elif found is None:
            await self._patient(lambda: self._store.commit(Transaction(writes=(self._register(),))))
        else:
            await self._drop_unused()
        self._state = "live"
        self._announce()

    def _register(self) -> Put:
        return Put(table=REGISTRY, key=self.projection.name, document=self._registered)

    async def _follow(self) -> None:
        projection = self.projection
        names = {table: table for table in projection.tables}
        batch = self._live = Batch(projection, self._store, projection.consumer, self._position, names)
        async for events in self._store.subscribe(after=self._position):
            async with self._writing:
                for recorded in events:
                    await self._take(batch, recorded)
                await self._patient(lambda: batch.commit(force=batch.unsaved >= UNSAVED))
                self._advance(batch.position)
        await batch.commit(force=True)

    async def _take(self, batch: Batch, recorded: Recorded) -> None:
        async def once() -> None:
            # A batch that was full may have failed in its commit, after the event was taken.
            if batch.position < recorded.position:
                await batch.take(recorded)

        try:
            await self._patient(once)
        except Poison as poison:
            if self.projection.on_poison == "skip":
                batch.skip(poison)
                self._skipped += batch is self._live
                return
            await self._patient(partial(batch.commit, force=True))
            if batch is self._live:
                self._advance(batch.position)
            raise

    async def _patient(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do `step` until the way to the store is free."""
        done = await patiently(step, failing=self._failing)
        self._reason = ""
        return done

    def _failing(self, error: AutoBotError) -> None:
        self._reason = error.detail

    # ------------------------------------------------------------------------------------------ rebuilding

    async def rebuild(self) -> Sequence[Rebuilt]:
        """Build the tables anew from the log beside the live ones, compare, and switch; readers notice nothing.

        The live tables are followed meanwhile and stand still only for the last events and the comparison.
        The old tables are removed after the switch: they would keep what is erased later.
        """
        return await self._build(self._position, parity=True)

    async def _build(self, until: int, *, parity: bool) -> Sequence[Rebuilt]:
        generation = await self._prepare_building()
        names = {table: f"{table}~{generation}" for table in self.projection.tables}
        consumer = f"{self.projection.consumer}~{generation}"
        start = await self._store.checkpoint(consumer)
        batch = Batch(self.projection, self._store, consumer, start, names)
        await self._catch_up(batch, until)
        async with self._writing:
            if self._live is not None:
                await self._patient(partial(self._live.commit, force=True))
                until = self._position
            await self._catch_up(batch, until)
            report = await self._compare(names) if parity else ()
            await self._switch(names, generation, until)
        return report

    async def _prepare_building(self) -> int:
        """Return the generation to build: the one that a crash left half built, or a new one."""
        version, building = self.projection.version, self._registered.get("building")
        if building is not None and building["version"] == version:
            half_built: int = building["generation"]
            return half_built
        await self._drop_unused()
        newest: int = max(self._registered.get("generation", 0), building["generation"] if building else 0)
        self._registered = {
            **self._registered,
            "building": {"version": version, "generation": newest + 1},
        }
        await self._patient(lambda: self._store.commit(Transaction(writes=(self._register(),))))
        return newest + 1

    async def _drop_unused(self) -> None:
        """Remove the tables that nobody reads: replaced ones, and those half built for another version."""
        building, previous = self._registered.get("building"), self._registered.get("previous")
        unused = [previous] if previous else []
        if building is not None and building["version"] != self.projection.version:
            unused.append(building)
        names = tuple(
            Drop(table=f"{table}~{one['generation']}" if one["generation"] else table)
            for one in unused
            for table in self.projection.tables
        )
        if names:
            self._registered = {**self._registered, "previous": None}
            await self._patient(
                lambda: self._store.commit(Transaction(drops=names, writes=(self._register(),)))
            )

    async def _catch_up(self, batch: Batch, until: int) -> None:
        while batch.position < until:
            limit = min(PAGE, until - batch.position)
            read = partial(self._store.read_all, after=batch.position, limit=limit)
            events = await self._patient(read)
            for recorded in events:
                await self._take(batch, recorded)
        await self._patient(lambda: batch.commit(force=True))

    async def _compare(self, names: Mapping[str, str]) -> Sequence[Rebuilt]:
        report = []
        for table, name in names.items():
            before, after = await table_hash(self._store, table), await table_hash(self._store, name)
            report.append(
                Rebuilt(
                    table=table,
                    documents=after[0],
                    hash=after[1],
                    documents_before=before[0],
                    hash_before=before[1],
                )
            )
        return report

    async def _switch(self, names: Mapping[str, str], generation: int, until: int) -> None:
        old = {"generation": self._registered.get("generation", 0)}
        self._registered = {
            "version": self.projection.version,
            "generation": generation,
            "previous": old,
            "building": None,
        }
        switch = Transaction(
            writes=(self._register(),),
            checkpoints=(Checkpoint(consumer=self.projection.consumer, position=until),),
            aliases=tuple(Alias(table=table, target=name) for table, name in names.items()),
        )
        await self._patient(lambda: self._store.commit(switch))
        self._advance(until)
        await self._drop_unused()
