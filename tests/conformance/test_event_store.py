"""Every event store keeps the port's promises."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.kernel.event_store.ports import EventStore
from autobot.testing.conformance.event_store import EventStoreSuite
from autobot.testing.postgres import Cluster


class TestMemory(EventStoreSuite):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[EventStore]:
        store = MemoryEventStore(self.clock)
        yield store
        await store.close()

    def open(self) -> AbstractAsyncContextManager[EventStore]:
        return self._open()


class TestSqlite(EventStoreSuite):
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
class TestPostgres(EventStoreSuite):
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
