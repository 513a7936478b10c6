"""The roles table keeps its promises on every store, and its suite finds what breaks them."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.kernel.event_store.ports import EventStore
from autobot.testing.conformance.roles import RolesSuite
from autobot.testing.fleet import Fleet
from autobot.testing.postgres import Cluster
from autobot.testing.roles_faults import MEMBERSHIPS, OBSERVERS, faulty


class TestMemory(RolesSuite):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[EventStore]:
        store = MemoryEventStore(self.clock)
        yield store
        await store.close()

    def open(self) -> AbstractAsyncContextManager[EventStore]:
        return self._open()


class TestSqlite(RolesSuite):
    folder: Path

    @pytest.fixture(autouse=True)
    def placed(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[EventStore]:
        store = await SqliteEventStore.open(self.folder / "autobot.db", self.clock)
        yield store
        await store.close()

    def open(self) -> AbstractAsyncContextManager[EventStore]:
        return self._open()


@pytest.mark.needs_program("initdb")
class TestPostgres(RolesSuite):
    cluster: Cluster

    @pytest.fixture(autouse=True)
    def placed(self, postgres: Cluster) -> None:
        self.cluster = postgres

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[EventStore]:
        store = await PostgresEventStore.open(self.cluster.emptied(), self.clock)
        yield store
        await store.close()

    def open(self) -> AbstractAsyncContextManager[EventStore]:
        return self._open()


# ------------------------------------------------------------------------------------------ planted faults


async def within(seconds: float, test: Awaitable[None]) -> None:
    """Run a test, which a fault may keep from ending."""
    async with asyncio.timeout(seconds):
        await test


def failures(part: type[Any] | None) -> list[str]:
    """Run the suite over a part with a fault and name what fails."""

    class Suite(TestMemory):
        def fleet(self, store: EventStore) -> Fleet:
            return Fleet(store) if part is None else faulty(store, part)

    found = []
    for name, test in inspect.getmembers(Suite, inspect.isfunction):
        if name.startswith("test_"):
            try:
                asyncio.run(within(10, test(Suite())))
            except (Exception, pytest.fail.Exception):  # noqa: BLE001 - any failure counts
                found.append(name)
    return found


@pytest.mark.parametrize("part", [*OBSERVERS, *MEMBERSHIPS])
def test_each_planted_fault_is_found(part: type[Any]) -> None:
    """Over a part with this fault at least one test of the suite fails."""
    assert failures(part) != []


def test_without_a_fault_all_pass() -> None:
    """What fails above fails for its fault."""
    assert failures(None) == []
