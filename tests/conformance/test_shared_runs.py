"""Engines that share a store keep their promises on every store, and the suite finds tenures that do not."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import WrongExpectedVersion
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Checkpoint, Document, Put, Transaction
from autobot.kernel.messaging.leases import Others
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.tenure import ENGINES, Tenure
from autobot.testing.conformance.runs import Scene
from autobot.testing.conformance.shared_runs import SharedRunsSuite
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import VirtualClock


class TestOverMemory(SharedRunsSuite):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Scene]:
        clock = VirtualClock()
        store = MemoryEventStore(clock)
        yield Scene(store, clock)
        await store.close()

    def open(self) -> AbstractAsyncContextManager[Scene]:
        return self._open()


class Real(SharedRunsSuite):
    unit = 0.1

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        asyncio.run(main)


class TestOverSqlite(Real):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Scene]:
        clock = SystemClock()
        with tempfile.TemporaryDirectory() as folder:
            store = await SqliteEventStore.open(Path(folder) / "autobot.db", clock)
            yield Scene(store, clock)
            await store.close()

    def open(self) -> AbstractAsyncContextManager[Scene]:
        return self._open()


@pytest.mark.needs_program("initdb")
class TestOverPostgres(Real):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: Cluster) -> None:
        self.cluster = postgres

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Scene]:
        clock = SystemClock()
        store = await PostgresEventStore.open(self.cluster.database(), clock)
        yield Scene(store, clock)
        await store.close()

    def open(self) -> AbstractAsyncContextManager[Scene]:
        return self._open()


# --------------------------------------------------------------------------------------------------- faults


class TakesWhatIsAnothers(Tenure):
    """Claims every run that it sees."""

    async def claim(self, started: facts.RunStarted) -> Checkpoint | None:
        mine = self.carries(started.run_id, started.definition, started.serial_key)
        write = Put(
            table=mine.table, key=mine.key, document=mine.document, owner=mine.owner, group=mine.group
        )
        await self._store.commit(Transaction(writes=(write,)))
        return self.fence


class IgnoresItsLoss(Tenure):
    """Goes on when its lease is over."""

    def _lose(self) -> None:
        return None

    async def held(self) -> None:
        await asyncio.sleep(self.look_s)


class ChecksNoEpoch(Tenure):
    """Writes whatever became of its lease."""

    @property
    def fence(self) -> Checkpoint:
        return Checkpoint(consumer=super().fence.consumer, position=super().fence.position)


class HandsNothingOver(Tenure):
    """Goes without a word."""

    async def release(self) -> None:
        return None


class ByWallClock(Others):
    """Judges others by the time that their rows name."""

    def _silent(self, row: Document) -> bool:
        return bool(row.document["until"] < self._clock.now().isoformat())


class BelievesTheWallClock(Tenure):
    """Judges other engines by the time that their rows name."""

    def __init__(self, store: EventStore, clock: Clock, owner: str, **options: float) -> None:
        super().__init__(store, clock, owner, **options)
        self._others = ByWallClock(store, clock, ENGINES, owner)


class LetsAllGoFirst(Tenure):
    """Waits for no run of the same key."""

    async def first(self, run_id: str, serial_key: str) -> bool:
        return True


FAULTS = (
    TakesWhatIsAnothers,
    IgnoresItsLoss,
    ChecksNoEpoch,
    HandsNothingOver,
    BelievesTheWallClock,
    LetsAllGoFirst,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
def test_the_suite_finds_a_planted_fault(fault: type[Tenure]) -> None:
    """Each fault makes at least one test of the suite fail."""

    class Planted(TestOverMemory):
        tenure = fault

    for name in dir(Planted):
        if name.startswith("test_"):
            try:
                getattr(Planted(), name)()
            except (
                AssertionError,
                RuntimeError,
                WrongExpectedVersion,
                BaseExceptionGroup,
                TimeoutError,
            ) as found:
                print(name, repr(found))
                return
    pytest.fail("no test fails")
