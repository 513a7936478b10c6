"""The writer's thread: takes what waits, commits it in groups, tells the loop once for each group."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

import apsw

from autobot.adapters.sqlite.errors import mapped
from autobot.adapters.sqlite.files import BUSY_MS, Format, open_database
from autobot.adapters.sqlite.journal import Journal, Result
from autobot.adapters.sqlite.options import StoreOptions
from autobot.adapters.sqlite.rows import Prepared
from autobot.adapters.sqlite.staging import CACHED, Durable
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import DataCorrupt, OperatorError
from autobot.kernel.event_store.transaction import Committed

PATIENCE_MS: Final = 100
"""How long commits wait for a reader that keeps the write-ahead log from being emptied."""
SCRUB_S: Final = 1.0
"""Seconds between two tries to empty the write-ahead log after an erasure, while a reader is in the way."""

Waiting = tuple[Prepared, "asyncio.Future[Committed]"]


@dataclass(slots=True)
class Done:
    """A group after its commit, and what the loop must know of the state: see `staging.Durable`."""

    group: Sequence[Waiting]
    results: Sequence[Result]
    head: int
    folded: int
    answered: int
    aliases: dict[str, str]
    erased: bool


@dataclass(slots=True)
class Job:
    """Other work for the writer's connection, between two groups."""

    function: Callable[[Journal], Any]
    future: asyncio.Future[Any]


class Writer:
    """Owns the journal's thread. `put` and `run` are called on the loop."""

    def __init__(self, journal: Journal) -> None:
        self.durable = journal.durable
        self._journal = journal
        self._queue: SimpleQueue[list[Waiting] | Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._settle: Callable[[Done], None] = _nobody
        self._scrubbed = -SCRUB_S
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)

    def start(self, settle: Callable[[Done], None]) -> None:
        """Start the thread; `settle` is called on the loop after each group."""
        self._settle = settle
        self._thread.start()

    def put(self, waiting: list[Waiting]) -> None:
        """Queue transactions."""
        self._queue.put(waiting)

    async def run(self, function: Callable[[Journal], Any]) -> Any:
        """Run `function` with the journal, after all that was queued before."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(Job(function, future))
        return await future

    def stop(self) -> threading.Thread:
        """Let the thread finish what is queued, close the file and end; returns it to be joined."""
        self._queue.put(None)
        return self._thread

    # -------------------------------------------------------------------------------------------- the thread

    def _next(self) -> list[Waiting] | Job | None:
        """Wait for work; meanwhile try now and then to scrub what an erasure left behind."""
        while self.durable.erased:
            try:
                return self._queue.get(timeout=SCRUB_S)
            except Empty:
                self._scrub()
        return self._queue.get()

    def _scrub(self) -> None:
        self._scrubbed = self._journal.clock.monotonic()
        self.durable.erased = not scrub(self._journal)

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                if isinstance(item, Job):
                    self._job(item)
                    continue
                follower = self._gather(item)
                limit = self._journal.options.group
                for start in range(0, len(item), limit):
                    self._group(item[start : start + limit])
                if isinstance(follower, Job):
                    self._job(follower)
                elif follower is not None:
                    return
        finally:
            close(self._journal)

    def _gather(self, waiting: list[Waiting]) -> Job | threading.Thread | None:
        """Add what waits behind `waiting`; return what is no transaction and ends the gathering."""
        while len(waiting) < self._journal.options.group and not self._queue.empty():
            item = self._queue.get()
            if item is None:
                return self._thread
            if isinstance(item, Job):
                return item
            waiting.extend(item)
        return None

    def _group(self, waiting: list[Waiting]) -> None:
        group = [one for one in waiting if not one[1].cancelled()]
        if not group:
            return
        results: list[Result]
        try:
            results = self._journal.commit([prepared for prepared, _ in group])
        except Exception as error:  # noqa: BLE001 - its callers raise it; the writer serves the next group
            failed = OperatorError("The store failed; nothing of this was written.")
            failed.__cause__ = error
            results = [failed for _ in group]
        durable = self.durable
        done = Done(
            group,
            results,
            durable.head,
            durable.folded,
            durable.answered,
            dict(durable.aliases),
            durable.erased,
        )
        self._loop.call_soon_threadsafe(self._settle, done)
        if durable.erased and self._journal.clock.monotonic() - self._scrubbed >= SCRUB_S:
            self._scrub()

    def _job(self, job: Job) -> None:
        outcome: Any
        try:
            outcome = job.function(self._journal)
        except apsw.Error as error:
            outcome = mapped(error)
        except Exception as error:  # noqa: BLE001 - its caller raises it
            outcome = error
        self._loop.call_soon_threadsafe(_answer, job.future, outcome)


def _nobody(done: Done) -> None:
    raise AssertionError("the writer was not started")


def _answer(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


# ---------------------------------------------------------------------------------------------- the journal


def opened(path: Path, clock: Clock, form: Format, options: StoreOptions) -> Journal:
    """Open the file and read where it stands. Raises what `open_database` raises."""
    connection = open_database(path, form)
    try:
        journal = Journal(connection, clock, _state(connection), options)
        journal.fold()
        # What a crash left above the marks is indexed only now: what is in the indexes is read after that.
        journal.durable = _state(connection)
    except apsw.Error as error:
        connection.close()
        if isinstance(error, apsw.SQLError):
            raise DataCorrupt("The database file does not have the tables of its format.") from error
        raise mapped(error) from error
    return journal


def _state(connection: apsw.Connection) -> Durable:
    def rows(sql: str) -> list[Any]:
        return connection.execute(sql).fetchall()

    marks: dict[str, int] = dict(rows("SELECT name, value FROM marks"))
    event = (*rows("SELECT position, committed FROM events ORDER BY position DESC LIMIT 1"), (0, 0))[0]
    record = (*rows("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1"), (0, bytes(32)))[0]
    ((newest,),) = rows("SELECT coalesce(max(id), '') FROM ids")
    ((numbered,),) = rows("SELECT coalesce(max(number), 0) FROM answers")
    places = {place for (place,) in connection.execute("SELECT place FROM places LIMIT ?", (CACHED + 1,))}
    if marks.keys() != {"folded", "answered"} or marks["folded"] > event[0]:
        raise DataCorrupt("The database file does not hang together: events that were indexed are missing.")
    return Durable(
        head=event[0],
        committed=event[1],
        audited=record[0],
        audit_hash=record[1],
        numbered=numbered,
        folded=marks["folded"],
        answered=marks["answered"],
        newest=newest,
        places=places if len(places) <= CACHED else None,
        aliases=dict(rows("SELECT name, target FROM aliases")),
    )


def scrub(journal: Journal, patience_ms: int = PATIENCE_MS) -> bool:
    """Empty the write-ahead log, which still holds older images of pages; False when a reader was in the way."""
    connection = journal.connection
    connection.set_busy_timeout(patience_ms)
    try:
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except apsw.BusyError:
        return False
    finally:
        connection.set_busy_timeout(BUSY_MS)
    return not busy


def vacuum(journal: Journal) -> None:
    """Rewrite the file without free space; what was erased or deleted is nowhere in the folder after it."""
    journal.fold()
    journal.connection.execute("INSERT INTO texts(texts) VALUES ('optimize')")
    journal.connection.execute("VACUUM")
    if not scrub(journal, BUSY_MS):
        raise OperatorError("Another connection kept the old state of the store open; try again.")


def close(journal: Journal) -> None:
    """Fold, and close the file; the last connection to close empties the write-ahead log."""
    try:
        journal.fold()
    finally:
        journal.connection.close()
