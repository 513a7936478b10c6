"""The event store in PostgreSQL (decision 0019)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence, Set
from datetime import datetime
from typing import Final, Self

from autobot.adapters.postgres import reading
from autobot.adapters.postgres.driver import PAUSE_S, Readers
from autobot.adapters.postgres.following import Listener
from autobot.adapters.postgres.opening import CURRENT, Format, Server, open_database
from autobot.adapters.postgres.options import StoreOptions
from autobot.adapters.postgres.rows import prepare
from autobot.adapters.postgres.writer import Sequencer
from autobot.kernel.core.bell import Bell
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import HopFailed
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

SHIPPED: Final = StoreOptions()
BATCH: Final = 1000


class PostgresEventStore:
    """Implements `EventStore`. Made by `open`; belongs to the event loop that it was opened on.

    Any number of processes may have the same database open. Transactions that are committed in one turn of the loop,
    or while the server is busy with others, share one commit. A commit or read that finds the server away waits for
    it (`patience_s`), then raises ConnectFailed; ConnectionLost when it is not known whether a commit happened.
    """

    def __init__(self, url: str, clock: Clock, options: StoreOptions, server: Server) -> None:
        self.server = server
        self._head = 0
        self._moved = Bell()
        self._closed = False
        self._readers = Readers(url, options.readers, options.patience_s)
        self._listener = Listener(url, options.poll_s, self._grown)
        self._sequencer = Sequencer(url, clock, options, self._written)

    @classmethod
    async def open(
        cls, url: str, clock: Clock, *, form: Format = CURRENT, options: StoreOptions = SHIPPED
    ) -> Self:
        """Open the database at `url` (`postgresql://…`); its tables are made or migrated.

        Raises ConnectFailed, ConfigurationError, DataNewer, DataCorrupt or OperatorError; then it is as it was. With
        `options.alone` DataLocked, too.
        """
        server = await open_database(url, form)
        store = cls(url, clock, options, server)
        if options.alone:
            try:
                await store._sequencer.alone()
            except BaseException:
                await store.close()
                raise
        return store

    # -------------------------------------------------------------------------------------------- writing

    async def commit(self, transaction: Transaction) -> Committed:
        self._open_or_refuse()
        return await self._sequencer.commit(prepare(transaction))

    def _written(self, position: int) -> None:
        if position > self._head:
            self._grown(position)
            self._listener.tell(position)

    def _grown(self, position: int) -> None:
        if position > self._head:
            self._head = position
            self._moved.ring()

    async def vacuum(self) -> None:
        """Rewrite the tables: what was erased or deleted is not in their files after it. Commits wait meanwhile.

        The server's write-ahead log, its archive and backups are the server's: see its own settings.
        """
        self._open_or_refuse()
        await self._sequencer.vacuum()

    # ------------------------------------------------------------------------------------------------ log

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        return await self._readers.run(lambda connection: reading.stream(connection, stream, after, limit))

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        return await self._readers.run(
            lambda connection: reading.log(connection, after, limit, where, backwards)
        )

    async def subscribe(self, *, after: int) -> AsyncIterator[Sequence[Recorded]]:
        pause = PAUSE_S[0]
        while not self._closed:
            moved = self._moved.next()
            if after >= self._head:
                await moved.wait()
                continue
            try:
                batch = await self.read_all(after=after, limit=BATCH)
            except HopFailed:
                await asyncio.sleep(pause)
                pause = min(PAUSE_S[1], pause * 2)
                continue
            except StoreClosed:
                return
            if batch:
                pause = PAUSE_S[0]
                after = batch[-1].position
                yield batch
            else:
                # Told of what is not to be seen here.
                await asyncio.sleep(pause)

    async def head(self) -> int:
        return await self._readers.run(reading.head)

    async def position_at(self, moment: datetime) -> int:
        return await self._readers.run(lambda connection: reading.position_at(connection, moment))

    # ------------------------------------------------------------------------------------------ beside it

    async def answer(self, scope: str, key: str, now: datetime) -> StoredAnswer | None:
        return await self._readers.run(lambda connection: reading.answer(connection, scope, key, now))

    async def checkpoint(self, consumer: str) -> int:
        return await self._readers.run(lambda connection: reading.checkpoint(connection, consumer))

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        return await self._readers.run(lambda connection: reading.handled(connection, entries))

    async def get(self, table: str, key: str) -> Document | None:
        return await self._readers.run(lambda connection: reading.get(connection, table, key))

    async def query(self, query: Query) -> Sequence[Document]:
        return await self._readers.run(lambda connection: reading.query(connection, query))

    async def count(self, query: Query) -> int:
        return await self._readers.run(lambda connection: reading.count(connection, query))

    async def groups(self, table: str) -> Sequence[str]:
        return await self._readers.run(lambda connection: reading.groups(connection, table))

    async def search(self, query: Query) -> Sequence[SearchHit]:
        return await self._readers.run(lambda connection: reading.search(connection, query))

    async def snapshot(self, stream: str, schema: str) -> Snapshot | None:
        return await self._readers.run(lambda connection: reading.snapshot(connection, stream, schema))

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditRecord]:
        return await self._readers.run(lambda connection: reading.audit(connection, after, limit))

    def _open_or_refuse(self) -> None:
        if self._closed:
            raise StoreClosed

    async def close(self) -> None:
        """Finish queued commits, end subscriptions, close the connections. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        await self._sequencer.close()
        self._moved.ring()
        await self._listener.close()
        await self._readers.close()
