"""Follows the log for one projection: its live tables, and those that stand beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, Literal, TypeVar

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, DeadlineExceeded
from autobot.kernel.event_store import generations
from autobot.kernel.event_store.generations import REGISTRY, Generation, Generations, beside
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.event_store.projecting import Batch, Poison
from autobot.kernel.event_store.projection import Policy, Projection, ProjectionState, stops
from autobot.kernel.event_store.projection_standing import beside_consumer, skipped, standing
from autobot.kernel.event_store.transaction import Checkpoint, Recorded, Transaction

T = TypeVar("T")

PAGE: Final = 500
UNSAVED: Final = 1000
"""Events without writes after which the position is written all the same."""


def told(poison: Poison) -> str:
    """Say which event a projection could not take, and why."""
    named = f"Event {poison.recorded.position} ({poison.recorded.message.type})"
    # What cannot be decoded names the event itself.
    return poison.reason if poison.reason.startswith(named) else f"{named}: {poison.reason}"


class ProjectionFollower:
    """Keeps one projection's tables up to date.

    `run` is the only task that writes the live tables; a second runner of the same projection is noticed
    and stops. Positions and writes commit together, so a crash neither loses nor doubles an effect.

    A candidate that is built whole and the tables kept for a rollback are followed too, each with a position of
    its own: so a switch or a rollback is one commit, and what is erased goes out of them as it goes out of the
    live ones. Tables of another version cannot be followed and are never kept.
    """

    def __init__(
        self, projection: Projection, store: EventStore, clock: Clock, on_poison: Policy = stops
    ) -> None:
        self.projection, self.on_poison = projection, on_poison
        self._store, self._clock = store, clock
        self._position = 0
        self._skipped = 0
        self._state: Literal["starting", "building", "live", "stopped"] = "starting"
        self._reason = ""
        self._writing = asyncio.Lock()
        self._moved = asyncio.Event()
        self._there = Generations()
        self._live: Batch | None = None
        self._beside: dict[int, Batch] = {}
        self.fence: Checkpoint | None = None
        """What a change of the generations depends on: the lease of who runs this, where several may."""

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

    async def settled(self) -> None:
        """Return when it is live or has stopped."""
        while self._state in ("starting", "building"):
            await self._moved.wait()

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
            beside=standing(self._there, self._candidate_position()),
        )

    def _candidate_position(self) -> int:
        candidate = self._there.building
        batch = None if candidate is None else self._beside.get(candidate.generation)
        return 0 if batch is None else batch.position

    # ------------------------------------------------------------------------------------------- following

    async def run(self) -> Literal["closed", "poison", "failed"]:
        """Follow the log until the store closes or an event stops the projection (`statistics` says why).

        Returns what ended it. It may be run again, and then begins with what is stored.
        """
        self._state, self._reason, self._live = "starting", "", None
        self._beside.clear()
        try:
            await self._start()
            await self._follow()
        except StoreClosed:
            pass
        except Poison as poison:
            with suppress(AutoBotError):
                await self._keep(replace(self._there, stopped=told(poison)))
            self._stop(told(poison))
            return "poison"
        except AutoBotError as error:
            self._stop(error.detail)
            return "failed"
        self._stop("closed")
        return "closed"

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
        self._skipped = await self._patient(lambda: skipped(self._store, projection))
        self._position = await self._patient(lambda: self._store.checkpoint(projection.consumer))
        found = await self._patient(lambda: self._store.get(REGISTRY, projection.name))
        if found is not None:
            self._there = generations.read(found.document)
        elif self._position == 0:
            self._there = Generations(version=projection.version)
        if self._there.version != projection.version:
            self._state = "building"
            await self._renew()
        elif found is None:
            await self._keep(self._there)
        else:
            await self._forget_others()
        if self._there.stopped:
            await self._keep(replace(self._there, stopped=""))
        self._state = "live"
        self._announce()

    async def _keep(self, there: Generations, gone: Sequence[Generation] = ()) -> None:
        """Store which generations there are, and remove those that are `gone`."""
        change = Transaction(
            writes=(there.put(self.projection.name),),
            checkpoints=self._fenced,
            drops=generations.dropped(self.projection.tables, gone),
        )
        await self._patient(lambda: self._store.commit(change))
        self._there = there
        for one in gone:
            self._beside.pop(one.generation, None)

    @property
    def _fenced(self) -> tuple[Checkpoint, ...]:
        return () if self.fence is None else (self.fence,)

    async def _follow(self) -> None:
        projection = self.projection
        names = {table: table for table in projection.tables}
        batch = self._live = Batch(projection, self._store, projection.consumer, self._position, names)
        async with self._writing:
            await self._take_up()
        async for events in self._store.subscribe(after=self._position):
            async with self._writing:
                for recorded in events:
                    await self._take(batch, recorded)
                await self._patient(lambda: batch.commit(force=batch.unsaved >= UNSAVED))
                self._advance(batch.position)
                await self._follow_beside(events)
        await batch.commit(force=True)

    def _followed(self) -> list[Generation]:
        """Return the generations that are kept up to date beside the live one."""
        there = (self._there.building, self._there.previous)
        return [one for one in there if one is not None and (one.ready or one == self._there.previous)]

    async def _take_up(self) -> None:
        """Bring what a process before left beside the live tables to where those are."""
        for one in self._followed():
            await self._safely(one, self._catch_up(await self._batch(one.generation), self._position))

    async def _follow_beside(self, events: Sequence[Recorded]) -> None:
        for one in self._followed():
            await self._safely(one, self._feed(self._beside[one.generation], events))

    async def _feed(self, batch: Batch, events: Sequence[Recorded]) -> None:
        for recorded in events:
            if recorded.position > batch.position:
                await self._take(batch, recorded)
        await self._patient(lambda: batch.commit(force=batch.unsaved >= UNSAVED))

    async def _safely(self, one: Generation, work: Awaitable[None]) -> None:
        """Do it; tables that cannot follow are dropped at once: they would keep what is erased later."""
        try:
            await work
        except Poison as poison:
            await self._keep(self._there.without(one, told(poison)), (one,))

    async def _batch(self, generation: int) -> Batch:
        """Return what writes a generation beside the live one, from where it stands."""
        if generation not in self._beside:
            names = {table: beside(table, generation) for table in self.projection.tables}
            consumer = beside_consumer(self.projection, generation)
            start = await self._patient(lambda: self._store.checkpoint(consumer))
            self._beside[generation] = Batch(self.projection, self._store, consumer, start, names)
        return self._beside[generation]

    async def _take(self, batch: Batch, recorded: Recorded) -> None:
        async def once() -> None:
            # A batch that was full may have failed in its commit, after the event was taken; whether it was made
            # must be known before the next event moves the batch on.
            if batch.position < recorded.position:
                await batch.take(recorded)
            else:
                await batch.commit()

        try:
            await self._patient(once)
        except Poison as poison:
            if await self.on_poison() == "skip":
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

    async def _catch_up(self, batch: Batch, until: int) -> None:
        while batch.position < until:
            limit = min(PAGE, until - batch.position)
            read = partial(self._store.read_all, after=batch.position, limit=limit)
            events = await self._patient(read)
            for recorded in events:
                await self._take(batch, recorded)
        await self._patient(lambda: batch.commit(force=True))

    # ------------------------------------------------------------------------------------- another version

    async def _renew(self) -> None:
        """Build what this version writes beside the tables of another one, and switch; those are then removed."""
        projection = self.projection
        await self._forget_others()
        there = self._there if self._there.building else self._there.next(projection.version)
        if there != self._there:
            await self._keep(there)
        one = there.building or Generation(generation=there.newest, version=projection.version)
        until = await self._patient(self._store.head)
        await self._catch_up(await self._batch(one.generation), until)
        old = Generation(generation=self._there.generation, version=self._there.version or 0)
        changed = replace(
            self._there, version=projection.version, generation=one.generation, building=None, previous=old
        )
        await self._patient(
            partial(
                self._store.commit,
                Transaction(
                    writes=(changed.put(projection.name),),
                    checkpoints=(Checkpoint(consumer=projection.consumer, position=until), *self._fenced),
                    aliases=generations.in_force(projection.tables, one.generation, old.generation),
                ),
            )
        )
        self._there = changed
        self._beside.pop(one.generation)
        self._advance(until)
        await self._forget_others()

    async def _forget_others(self) -> None:
        """Remove the tables of other versions: nobody reads or follows them."""
        there, gone = self._there, list[Generation]()
        for one in (there.building, there.previous):
            if one is not None and one.version != self.projection.version:
                there = there.without(one)
                gone.append(one)
        if gone:
            await self._keep(there, gone)
