"""`EventStore` on one SQLite file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from autobot.adapters.sqlite import reads
from autobot.adapters.sqlite.schema import connect, execute
from autobot.adapters.sqlite.writer import Writer, vacuum
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.transaction import (
    AuditRecord,
    Committed,
    Document,
    Filter,
    Query,
    Recorded,
    SearchHit,
    Snapshot,
    StoredAnswer,
    Transaction,
)

READERS: Final = 2
SUBSCRIBE_BATCH: Final = 1000
T = TypeVar("T")


class SqliteEventStore:
    """Implements `EventStore`. Open it with `open`; used from the event loop that opened it."""

    def __init__(self, path: Path, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._path = path
        self._writer = Writer(path, clock, loop, self._moved_to)
        self._head = self._writer.head
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._moved = asyncio.Event()
        self._closed = False
        self._loop = loop
        self._writer.thread.start()

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> SqliteEventStore:
        """Open or make the file. Raises DataCorrupt or DataNewer and changes nothing then."""
        loop = asyncio.get_running_loop()
        return await asyncio.to_thread(cls, path, clock, loop)

    def _moved_to(self, head: int) -> None:
        if head != self._head:
            self._head = head
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    async def _read(self, work: Callable[..., T], *args: Any) -> T:
        return await self._loop.run_in_executor(self._readers, self._on_reader, work, args)

    def _on_reader(self, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path, write=False)
            self._connections.append(connection)
        return work(connection, *args)

    async def commit(self, transaction: Transaction) -> Committed:
        done: Committed = await self._writer.submit(transaction)
        return done

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        return await self._read(reads.read_stream, stream, after, limit)

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        return await self._read(reads.read_all, after, limit, where, backwards)

    async def subscribe(self, *, after: int) -> AsyncIterator[Sequence[Recorded]]:
        while not self._closed:
            moved = self._moved
            if after >= self._head:
                await moved.wait()
                continue
            batch = await self._read(reads.read_all, after, SUBSCRIBE_BATCH, None, False)
            if batch:
                after = batch[-1].position
                yield batch

    async def head(self) -> int:
        return self._head

    async def position_at(self, moment: datetime) -> int:
        return await self._read(reads.position_at, moment)

    async def answer(self, scope: str, key: str, now: datetime) -> StoredAnswer | None:
        return await self._read(reads.answer, scope, key, now)

    async def checkpoint(self, consumer: str) -> int:
        return await self._read(reads.checkpoint, consumer)

    async def get(self, table: str, key: str) -> Document | None:
        return await self._read(reads.get, table, key)

    async def query(self, query: Query) -> Sequence[Document]:
        return await self._read(reads.query, query)

    async def search(self, query: Query) -> Sequence[SearchHit]:
        return await self._read(reads.search, query)

    async def snapshot(self, stream: str, schema: str) -> Snapshot | None:
        return await self._read(reads.snapshot, stream, schema)

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditRecord]:
        return await self._read(reads.audit, after, limit)

    # --------------------------------------------------------------------------------------- upkeep

    async def vacuum(self) -> None:
        """Leave nothing of what was erased in the file or its log."""
        await self._writer.submit(vacuum)

    async def backup(self, target: Path) -> None:
        """Write a whole, consistent copy without free pages to a new file."""
        await self._read(lambda connection: execute(connection, "VACUUM INTO ?", (str(target),)))

    async def table_hashes(self) -> dict[str, str]:
        """Return a hash of each document table, for comparing a restored or rebuilt one."""
        names = await self._read(reads.tables)
        return {name: await self._read(reads.table_hash, name) for name in names}

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._moved.set()
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._readers.shutdown, wait=True)
        for connection in self._connections:
            connection.close()
