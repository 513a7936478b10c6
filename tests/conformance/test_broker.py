"""Every broker keeps the port's promises, on every store."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.testing.conformance.broker import BrokerSuite, Place
from autobot.testing.streams import streams
from autobot.testing.valkey import ValkeyServer
from autobot.testing.virtual_time import VirtualClock, seeded


class TestLogOverMemory(BrokerSuite):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Place]:
        clock = VirtualClock()
        store = MemoryEventStore(clock)
        yield Place(store, LogBroker(store, clock, seeded()), clock)
        await store.close()

    def open(self) -> AbstractAsyncContextManager[Place]:
        return self._open()


class TestLogOverSqlite(BrokerSuite):
    delays = (0.03, 0.05, 0.1)
    patience_s = 20.0

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Place]:
        clock = SystemClock()
        with tempfile.TemporaryDirectory() as folder:
            store = await SqliteEventStore.open(Path(folder) / "autobot.db", clock)
            yield Place(store, LogBroker(store, clock, seeded()), clock)
            await store.close()

    def open(self) -> AbstractAsyncContextManager[Place]:
        return self._open()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        asyncio.run(main)


class TestStreamsOverMemory(BrokerSuite):
    delays = (0.03, 0.05, 0.1)
    patience_s = 20.0

    @pytest.fixture(autouse=True)
    def server(self, valkey: ValkeyServer) -> None:
        self.valkey = valkey

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Place]:
        clock = SystemClock()
        store = MemoryEventStore(clock)
        self.valkey.flush()
        async with streams(self.valkey.url, store, clock) as broker:
            yield Place(store, broker, clock)
            await store.close()

    def open(self) -> AbstractAsyncContextManager[Place]:
        return self._open()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        asyncio.run(main)
