"""The writer thread: takes what waits, commits it together, answers together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

import apsw

from autobot.adapters.sqlite.apply import Applier
from autobot.adapters.sqlite.schema import execute, open_writer
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, OperatorError
from autobot.kernel.event_store.transaction import Transaction

BATCH_MAX: Final = 500
"""Transactions that share one disk flush."""

Job = Callable[[apsw.Connection], Any]
Item = tuple[Transaction | Job, "asyncio.Future[Any]"]
Settled = list[tuple["asyncio.Future[Any]", Any, BaseException | None]]


class Writer:
    """Owns the writing connection. Transactions go in from the event loop, answers come back to it."""

    def __init__(
        self, path: Path, clock: Clock, loop: asyncio.AbstractEventLoop, moved: Callable[[int], None]
    ) -> None:
        self._path, self._clock, self._loop, self._moved = path, clock, loop, moved
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._connection = open_writer(path)
        self._applier = Applier(self._connection)
        self._closing = False
        self.thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)

    @property
    def head(self) -> int:
        """The last position of the file as it was opened."""
        return self._applier.head

    def submit(self, work: Transaction | Job) -> asyncio.Future[Any]:
        """Queue a transaction, or a job that needs the writing connection outside a transaction."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._closing:
            future.set_exception(OperatorError("The store is closed."))
        else:
            self._queue.put((work, future))
        return future

    def close(self) -> None:
        """Finish what is queued, then end. Call from another thread than the loop's: it waits."""
        self._closing = True
        self._queue.put(None)
        self.thread.join()
        self._connection.close()

    # ------------------------------------------------------------------------------------ on the thread

    def _work(self) -> None:
        open_ = True
        while open_:
            item = self._queue.get()
            if item is None:
                return
            work, _ = item
            if isinstance(work, Transaction):
                batch, job, open_ = self._gather(item)
                self._commit(batch)
            else:
                job = item
            if job is not None:
                self._do(job)

    def _gather(self, first: Item) -> tuple[list[Item], Item | None, bool]:
        """Take what waits besides: transactions until a job, the end, or a full batch."""
        batch = [first]
        while len(batch) < BATCH_MAX:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if item is None:
                return batch, None, False
            if not isinstance(item[0], Transaction):
                return batch, item, True
            batch.append(item)
        return batch, None, True

    def _commit(self, batch: list[Item]) -> None:
        settled: Settled = []
        run = self._connection.execute
        before = self._applier.head
        try:
            run("BEGIN IMMEDIATE")
            now = self._clock.now()
            for transaction, future in batch:
                settled.append(self._one(transaction, future, now))
            run("COMMIT")
        except apsw.Error as error:
            self._fail(batch, before, error)
            return
        self._answer(settled)

    def _one(
        self, transaction: Any, future: asyncio.Future[Any], now: Any
    ) -> tuple[Any, Any, BaseException | None]:
        applier, run = self._applier, self._connection.execute
        applier.begin()
        run("SAVEPOINT one")
        try:
            result = applier.apply(transaction, now)
        except AutoBotError as error:
            applier.forget()
            run("ROLLBACK TO one")
            run("RELEASE one")
            return future, None, error
        run("RELEASE one")
        return future, result, None

    def _fail(self, batch: list[Item], before: int, error: apsw.Error) -> None:
        """The disk or the file refused: nothing of the batch is durable, and what was learnt is read anew."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._applier = Applier(self._connection)
        failure = OperatorError(
            f"The database could not be written: {type(error).__name__}.", hint="autobot doctor"
        )
        failure.__cause__ = error
        self._answer([(future, None, failure) for _, future in batch])

    def _do(self, item: Item) -> None:
        job, future = item
        result, failure = None, None
        try:
            result = job(self._connection)  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - whatever a job raises belongs to who asked for it
            failure = error
        self._answer([(future, result, failure)])

    def _answer(self, settled: Settled) -> None:
        head = self._applier.head
        try:
            self._loop.call_soon_threadsafe(self._settle, settled, head)
        except RuntimeError:
            # The loop is gone: nobody waits for these answers any more, and what was committed is.
            return

    def _settle(self, settled: Settled, head: int) -> None:
        self._moved(head)
        for future, result, error in settled:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


def vacuum(connection: apsw.Connection) -> None:
    """Rewrite the file without free pages and empty the write-ahead log."""
    execute(connection, "INSERT INTO texts (texts) VALUES ('optimize')")
    execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    execute(connection, "VACUUM")
    execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
