"""Runs a projection, and changes what is in force: builds anew beside, compares, switches, goes back, discards."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from autobot.kernel.core.errors import Conflict, DataCorrupt
from autobot.kernel.event_store import generations
from autobot.kernel.event_store.generations import Generation, beside
from autobot.kernel.event_store.projecting import Batch, Poison
from autobot.kernel.event_store.projection import Parity, Rebuilt
from autobot.kernel.event_store.projection_follower import PAGE, ProjectionFollower, told
from autobot.kernel.event_store.projection_standing import beside_consumer
from autobot.kernel.event_store.table_hash import table_hash
from autobot.kernel.event_store.transaction import Checkpoint, Transaction


class ProjectionRunner(ProjectionFollower):
    """A follower whose tables can be changed. Each change is one commit: a crash leaves the old or the new."""

    async def build(self) -> int:
        """Build a candidate beside the live tables, or go on with the one that is half built; return its number.

        Nothing but its own tables is written: the projection's effects are its tables, so there are none else to
        hold back. From its end on it is followed. Raises Conflict where the projection is not live, DataCorrupt
        when an event stops it; nothing is left of it then.
        """
        self._require_live()
        async with self._writing:
            if self._there.building is None:
                await self._keep(self._there.next(self.projection.version))
        candidate = self._candidate()
        batch = await self._batch(candidate.generation)
        while not candidate.ready:
            async with self._writing:
                candidate = await self._build_on(candidate, batch)
        return candidate.generation

    async def _build_on(self, candidate: Generation, batch: Batch) -> Generation:
        """Take one page; between two pages the live tables have their turn."""
        if self._there.building != candidate:
            raise Conflict(f"The candidate of {self.projection.name} was discarded while it was built.")
        try:
            await self._catch_up(batch, min(self._position, batch.position + PAGE))
        except Poison as poison:
            why = told(poison)
            await self._keep(self._there.without(candidate, why), (candidate,))
            raise DataCorrupt(f"The candidate of {self.projection.name} was dropped. {why}") from poison
        if batch.position < self._position:
            return candidate
        whole = replace(candidate, ready=True)
        await self._keep(replace(self._there, building=whole))
        return whole

    async def compare(self) -> Parity:
        """Compare the candidate with the live tables at one position, and keep what was found.

        Raises Conflict where no candidate is ready.
        """
        async with self._writing:
            candidate = self._ready()
            await self._settle(candidate.generation)
            tables = [
                await self._compared(table, beside(table, candidate.generation))
                for table in self.projection.tables
            ]
            found = Parity(generation=candidate.generation, position=self._position, tables=tuple(tables))
            await self._keep(replace(self._there, parity=found))
        return found

    async def _compared(self, table: str, name: str) -> Rebuilt:
        before, after = await table_hash(self._store, table), await table_hash(self._store, name)
        return Rebuilt(
            table=table,
            documents=after[0],
            hash=after[1],
            documents_before=before[0],
            hash_before=before[1],
        )

    async def switch(self, change: str = "") -> None:
        """Put the candidate in force, and keep what was until now for a rollback.

        `change` names this switch: once made, it is not made again. Raises Conflict where no candidate is ready.
        """
        async with self._writing:
            if not self._made(change):
                await self._put_in_force(self._ready(), change)

    async def rollback(self, change: str = "") -> None:
        """Put the tables kept by the last switch in force again; those in force now become the candidate.

        `change` as in `switch`. Raises Conflict where nothing is kept, or where another candidate is there.
        """
        async with self._writing:
            if self._made(change):
                return
            self._require_live()
            if self._there.previous is None:
                raise Conflict(f"Nothing of {self.projection.name} is kept to go back to.")
            if self._there.building is not None:
                raise Conflict(f"There is a candidate of {self.projection.name}; discard it first.")
            await self._put_in_force(self._there.previous, change)

    async def _put_in_force(self, one: Generation, change: str) -> None:
        there, projection, until = self._there, self.projection, self._position
        await self._settle(one.generation)
        old = Generation(generation=there.generation, version=projection.version, ready=True)
        back = one == there.previous
        changed = replace(
            there,
            generation=one.generation,
            building=old if back else None,
            previous=None if back else old,
            parity=None,
            change=change or there.change,
        )
        gone = [there.previous] if there.previous and not back else []
        # The live tables' batch goes on under the table's own name, which now means other documents.
        await self._patient(
            partial(
                self._store.commit,
                Transaction(
                    writes=(changed.put(projection.name),),
                    checkpoints=(
                        Checkpoint(consumer=projection.consumer, position=until, expected=until),
                        Checkpoint(consumer=beside_consumer(projection, old.generation), position=until),
                        *self._fenced,
                    ),
                    aliases=generations.in_force(projection.tables, one.generation, there.generation),
                    drops=generations.dropped(projection.tables, gone),
                ),
            )
        )
        self._there = changed
        for unused in (one, *gone):
            self._beside.pop(unused.generation, None)
        await self._batch(old.generation)

    async def discard(self, change: str = "", *, kept: bool = False) -> None:
        """Remove the candidate, built or half built, or with `kept` what is kept for a rollback.

        `change` as in `switch`. Raises Conflict where there is none.
        """
        async with self._writing:
            if self._made(change):
                return
            self._require_live()
            one = self._there.previous if kept else self._there.building
            if one is None:
                raise Conflict(f"There is nothing of {self.projection.name} to discard.")
            await self._keep(replace(self._there.without(one), change=change or self._there.change), (one,))

    def _made(self, change: str) -> bool:
        return bool(change) and self._there.change == change

    def _candidate(self) -> Generation:
        if self._there.building is None:
            raise Conflict(f"There is no candidate of {self.projection.name}; rebuild it first.")
        return self._there.building

    def _ready(self) -> Generation:
        self._require_live()
        candidate = self._candidate()
        if not candidate.ready:
            raise Conflict(f"The candidate of {self.projection.name} is not built whole yet.")
        return candidate

    def _require_live(self) -> None:
        if self._state != "live" or self._live is None:
            raise Conflict(f"The read model {self.projection.name} is {self._state} in this process.")

    async def _settle(self, generation: int) -> None:
        """Make durable what is taken, so that live and the other stand at one position."""
        if self._live is not None:
            await self._patient(partial(self._live.commit, force=True))
        batch = await self._batch(generation)
        await self._catch_up(batch, self._position)
