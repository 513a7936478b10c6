"""The event store in one SQLite file (decision 0002)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

import apsw

from autobot.adapters.sqlite import reading
from autobot.adapters.sqlite.backup import Manifest, make_backup
from autobot.adapters.sqlite.files import CURRENT, Format, connect
from autobot.adapters.sqlite.options import StoreOptions
from autobot.adapters.sqlite.rows import place_of, prepare
from autobot.adapters.sqlite.tail import Tail
from autobot.adapters.sqlite.threads import Readers
from autobot.adapters.sqlite.writer import Group, Writer, opened, vacuum
from autobot.kernel.core.bell import Bell
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.event_store.ports import StoreClosed
from autobot.kernel.event_store.transaction import (
    AuditRecord,
    Committed,
    Document,
    Filter,
    Handled,
    Query,
    Recorded,
    SearchHit,
    Snapshot,
    StoredAnswer,
    Transaction,
)

T = TypeVar("T")

SHIPPED: Final = StoreOptions()
BATCH: Final = 1000


class SqliteEventStore:
    """Implements `EventStore`. Made by `open`; belongs to the event loop that it was opened on.

    Transactions that are committed in one turn of the loop, or while the disk is busy with others, share
    the next flush.
    """

    def __init__(self, path: Path, clock: Clock, writer: Writer, readers: Readers) -> None:
        self.path, self._clock = path, clock
        self._writer, self._readers = writer, readers
        self._loop = asyncio.get_running_loop()
        self._tail = Tail(head=writer.durable.head, aliases=dict(writer.durable.aliases))
        self._moved = Bell()
        self._closed = False
        writer.start(self._settle)

    @classmethod
    async def open(
        cls, path: Path, clock: Clock, *, form: Format = CURRENT, options: StoreOptions = SHIPPED
    ) -> Self:
        """Open or create the database file at `path`; older data is backed up and migrated.

        The caller owns the folder (`adapters.system.folder_lock`). Raises DataNewer, DataCorrupt,
        DataLocked or OperatorError; then the file is as it was.
        """
        journal = await asyncio.to_thread(opened, path, clock, form, options)
        readers = Readers(partial(connect, path, writes=False), options.readers)
        return cls(path, clock, Writer(journal), readers)

    # -------------------------------------------------------------------------------------------- writing

    async def commit(self, transaction: Transaction) -> Committed:
        if self._closed:
            raise StoreClosed
        prepared = prepare(transaction)
        future: asyncio.Future[Committed] = self._loop.create_future()
        self._writer.put(prepared, future)
        return await future

    def _settle(self, group: Group) -> None:
        """Take over what the writer has committed, then let the callers go on. Runs on the loop."""
        if self._tail.adopt(self._writer.durable, group):
            self._moved.ring()
        for future, result in zip(group.futures, group.results, strict=True):
            if future.done():
                continue
            if isinstance(result, Committed):
                future.set_result(result)
            else:
                future.set_exception(result)

    async def vacuum(self) -> None:
        """Rewrite the file: what was erased or deleted is nowhere in the data folder after it. Commits wait meanwhile."""
        self._open_or_refuse()
        await self._writer.run(vacuum)

    async def backup(self, folder: Path, extra: Mapping[str, Path] | None = None) -> Manifest:
        """Write a backup of now into a new folder, with `extra` files (name there → file); commits go on meanwhile.

        Raises OperatorError when `folder` has something in it or cannot be written.
        """
        self._open_or_refuse()
        made = rfc3339(self._clock.now())
        return await asyncio.to_thread(make_backup, self.path, folder, made, extra or {})

    # ------------------------------------------------------------------------------------------------ log

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        tail = self._tail.places(stream, after, limit)
        return await self._read(lambda connection: reading.stream(connection, stream, after, limit, tail))

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        return await self._read(lambda connection: reading.log(connection, after, limit, where, backwards))

    async def subscribe(self, *, after: int) -> AsyncIterator[Sequence[Recorded]]:
        self._tail.followers += 1
        try:
            while not self._closed:
                moved = self._moved.next()
                if after >= self._tail.head:
                    await moved.wait()
                    continue
                batch: Sequence[Recorded] | None = self._tail.recent(after, BATCH)
                if batch is None:
                    batch = await self.read_all(after=after, limit=BATCH)
                after = batch[-1].position
                yield batch
        finally:
            self._tail.followers -= 1

    async def head(self) -> int:
        return self._tail.head

    async def position_at(self, moment: datetime) -> int:
        head = self._tail.head
        return await self._read(lambda connection: reading.position_at(connection, moment, head))

    # ------------------------------------------------------------------------------------------ beside it

    async def answer(self, scope: str, key: str, now: datetime) -> StoredAnswer | None:
        tail = self._tail.numbers(place_of(scope, key))
        return await self._read(lambda connection: reading.answer(connection, scope, key, now, tail))

    async def checkpoint(self, consumer: str) -> int:
        return await self._read(lambda connection: reading.checkpoint(connection, consumer))

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        return await self._read(lambda connection: reading.handled(connection, entries))

    async def get(self, table: str, key: str) -> Document | None:
        table = self._tail.table(table)
        return await self._read(lambda connection: reading.get(connection, table, key))

    async def query(self, query: Query) -> Sequence[Document]:
        table = self._tail.table(query.table)
        return await self._read(lambda connection: reading.query(connection, query, table))

    async def count(self, query: Query) -> int:
        table = self._tail.table(query.table)
        return await self._read(lambda connection: reading.count(connection, query, table))

    async def groups(self, table: str) -> Sequence[str]:
        table = self._tail.table(table)
        return await self._read(lambda connection: reading.groups(connection, table))

    async def search(self, query: Query) -> Sequence[SearchHit]:
        table = self._tail.table(query.table)
        return await self._read(lambda connection: reading.search(connection, query, table))

    async def snapshot(self, stream: str, schema: str) -> Snapshot | None:
        return await self._read(lambda connection: reading.snapshot(connection, stream, schema))

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditRecord]:
        return await self._read(lambda connection: reading.audit(connection, after, limit))

    async def _read(self, function: Callable[[apsw.Connection], T]) -> T:
        self._open_or_refuse()
        return await self._readers.run(function)

    def _open_or_refuse(self) -> None:
        if self._closed:
            raise StoreClosed

    async def close(self) -> None:
        """Finish queued commits, end subscriptions, close the file. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._moved.ring()
        for thread in self._readers.stop():
            await asyncio.to_thread(thread.join)
        await self._writer.stop()
