"""Several engines on one store: which of them carries a run, and how the store refuses all others.

An engine has one lease: a row that says who it is, and a token that every taking and every ending moves by one. A run's row
names the engine that carries it and the token (epoch) under which it does so. Every commit of a run is conditional on that
token, so an engine whose lease was ended writes nothing more, whatever it believes. One row is renewed for all runs of an
engine, three times as often as it must, and the rows of runs go with their facts: a run costs no commit more than alone.

Time decides only when another engine looks dead: its row has not moved for `ttl_s` seconds by the looker's own monotonic
clock. No clock of a machine is compared with another's, so one that jumps costs a delay at most (decision 0026).

How an engine gets its identity: whoever makes it gives it `Tenure(store, clock, owner)`, where `owner` is stable over
restarts of the process and unlike that of every other process of the installation (the id under which it is listed among the
roles). With the same id it takes up its own runs at once after a crash; with another one they wait for `ttl_s`. An engine's
kinds are the definitions that it is made with: it takes over those runs alone. An engine without a tenure believes to be the
only one on its store and is fenced by the runs' streams; the two must not be mixed on one store at one time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Final

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, WrongExpectedVersion
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Checkpoint, Delete, Document, Put, Query, Transaction
from autobot.kernel.messaging.leases import TTL_S, Lease, Others, end, rows_about
from autobot.kernel.messaging.source import Superseded
from autobot.kernel.sagas import facts

CARRIERS: Final = "run_leases"
"""Which engine carries a run: owner = the engine, group = the serial key; a run that is over or stuck has no row."""
ENGINES: Final = "engines"
LOOK_S: Final = 1.0
"""How often an engine looks for runs that are nobody's any more, in seconds."""
PAGE: Final = 200


class Tenure:
    """One engine's lease, and what it holds by it. `lost` is set from the moment at which it is known to be over."""

    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        owner: str,
        *,
        ttl_s: float = TTL_S,
        look_s: float = LOOK_S,
    ) -> None:
        if not 0 < look_s < ttl_s:
            raise ValueError("An engine looks more often than a lease lasts.")
        self._store, self._clock = store, clock
        self._lease = Lease(store, clock, f"engine:{owner}", owner, about=ENGINES, ttl_s=ttl_s)
        self.owner, self.ttl_s, self.look_s = owner, ttl_s, look_s
        self.lost = asyncio.Event()
        self._holds = asyncio.Event()
        self._renewed = clock.monotonic()
        self._others = Others(store, clock, ENGINES, owner, ttl_s=ttl_s)

    # -------------------------------------------------------------------------------------------- the lease

    @property
    def fence(self) -> Checkpoint:
        """What every commit of a run depends on."""
        return self._lease.fence

    async def begin(self) -> None:
        """Take the lease anew: an earlier life of this owner writes nothing from now on."""
        self._renewed = self._clock.monotonic()
        while not await self._lease.take():
            await asyncio.sleep(self.look_s)
            self._renewed = self._clock.monotonic()
        self.lost = asyncio.Event()
        self._holds.set()

    async def held(self) -> None:
        """Return when this engine has its lease, as far as it knows."""
        await self._holds.wait()

    async def renew(self) -> None:
        """Keep the lease when a third of its time is over; note its loss, also when nobody could be told in time."""
        began = self._clock.monotonic()
        if began - self._renewed < self.ttl_s / 3:
            return
        try:
            async with asyncio.timeout(max(0.0, self._renewed + self.ttl_s - began)):
                await self._lease.renew()
            self._renewed = began
        except (Superseded, TimeoutError):
            self._lose()
        except AutoBotError:
            if self._clock.monotonic() - self._renewed >= self.ttl_s:
                self._lose()

    async def release(self) -> None:
        """Hand over all that is left, at once."""
        row = next(
            (one for one in await rows_about(self._store, ENGINES) if one.key == self._lease.name), None
        )
        if row is not None and await self._store.checkpoint(self.fence.consumer) == self._lease.token:
            await end(self._store, row)
        self._lose()

    def refused(self, error: WrongExpectedVersion) -> bool:
        """Say whether a commit was refused because the lease is over, and take note of it."""
        ours = error.stream == self.fence.consumer
        if ours and error.current > self._lease.token:
            self._lose()
        return ours

    def _lose(self) -> None:
        self._holds.clear()
        self.lost.set()

    # --------------------------------------------------------------------------------------------- its runs

    def carries(self, run_id: str, definition: str, serial_key: str, expected: int = 0) -> Put:
        """Return the write that makes a run this engine's."""
        document = {"definition": definition, "epoch": self._lease.token}
        return Put(
            table=CARRIERS,
            key=run_id,
            document=document,
            owner=self.owner,
            group=serial_key,
            expected=expected,
        )

    @staticmethod
    def drops(run_id: str) -> Delete:
        """Return the write that makes a run nobody's."""
        return Delete(table=CARRIERS, key=run_id)

    async def claim(self, started: facts.RunStarted) -> Checkpoint | None:
        """Make a run ours that is nobody's, or was an engine's whose lease is over, and return what its commits depend
        on from now on; None when it is another's."""
        fence = self.fence
        row = await self._store.get(CARRIERS, started.run_id)
        if row is not None and not await self._free(row):
            return None
        write = self.carries(
            started.run_id, started.definition, started.serial_key, row.version if row is not None else 0
        )
        try:
            await self._store.commit(Transaction(checkpoints=(fence,), writes=(write,)))
        except WrongExpectedVersion as error:
            if self.refused(error):
                return None
            # It may be our own commit, whose answer was lost on its way here.
            now = await self._store.get(CARRIERS, started.run_id)
            ours = now is not None and now.owner == self.owner and now.document["epoch"] == fence.position
            return fence if ours else None
        return fence

    async def _free(self, row: Document) -> bool:
        """Say whether the engine in a run's row can write nothing under that row any more."""
        if row.owner == self.owner:
            return True
        return int(row.document["epoch"]) < await self._store.checkpoint(f"lease:engine:{row.owner}")

    async def left(self, kinds: Collection[str]) -> AsyncIterator[str]:
        """Yield the runs of these kinds whose engine is gone; end the leases of those that said nothing for long."""
        async for holder in self._others.gone():
            async for run_id in self._of(holder, kinds):
                yield run_id

    async def _of(self, holder: str, kinds: Collection[str]) -> AsyncIterator[str]:
        after: tuple[str, str] | None = None
        while True:
            page = await self._store.query(Query(table=CARRIERS, owner=holder, after=after, limit=PAGE))
            for one in page:
                if one.document["definition"] in kinds:
                    yield one.key
            if len(page) < PAGE:
                return
            after = (page[-1].sort, page[-1].key)

    async def first(self, run_id: str, serial_key: str) -> bool:
        """Say whether no run of that key that was accepted earlier is still on its way, in whichever engine."""
        rows = await patiently(lambda: self._store.query(Query(table=CARRIERS, group=serial_key, limit=PAGE)))
        others = [one.key for one in rows if one.key != run_id]
        if not others:
            return True
        own = await self._accepted(run_id)
        for one in others:
            at = await self._accepted(one)
            if 0 < at < own:
                return False
        return True

    async def _accepted(self, run_id: str) -> int:
        found = await patiently(lambda: self._store.read_stream(facts.stream_of(run_id), limit=1))
        return found[0].position if found else 0
