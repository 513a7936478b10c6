"""The writer's thread: takes what waits, commits it in groups, tells the loop once for each group."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

import apsw

from autobot.adapters.sqlite.errors import mapped
from autobot.adapters.sqlite.files import BUSY_MS, Format, open_database
from autobot.adapters.sqlite.joint import install
from autobot.adapters.sqlite.journal import Journal, Plain, Result, places_of
from autobot.adapters.sqlite.options import StoreOptions
from autobot.adapters.sqlite.rows import Prepared
from autobot.adapters.sqlite.staging import Durable, adopt
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import DataCorrupt, OperatorError
from autobot.kernel.event_store.transaction import Committed

PATIENCE_MS: Final = 100
"""How long commits wait for a reader that keeps the write-ahead log from being emptied."""
SCRUB_S: Final = 1.0
"""Seconds between two tries to empty the write-ahead log after an erasure, while a reader is in the way."""


@dataclass(slots=True)
class Group:
    """Transactions of one commit; `plain` when the loop has staged them.

    The thread fills `results`, and `erased`: older images of erased text may be in the write-ahead log.
    """

    prepared: list[Prepared]
    futures: list[asyncio.Future[Committed]]
    plain: Plain | None = None
    results: Sequence[Result] = ()
    erased: bool = False

    def forget_cancelled(self) -> None:
        """Leave out transactions whose callers were cancelled before their turn came."""
        if any(one.cancelled() for one in self.futures):
            kept = [one for one in zip(self.prepared, self.futures, strict=True) if not one[1].cancelled()]
            self.prepared = [prepared for prepared, _ in kept]
            self.futures = [future for _, future in kept]


@dataclass(slots=True)
class Job:
    """Other work for the writer's connection, between two groups."""

    function: Callable[[Journal], Any]
    future: asyncio.Future[Any]
    outcome: Any = None


class Writer:
    """Owns the journal's thread. `put`, `run` and `stop` are called on the loop.

    The thread has one group or job at a time. While it has one, the committed state in memory is the
    thread's; while it rests, the loop's.
    """

    def __init__(self, journal: Journal) -> None:
        self.durable = journal.durable
        self._journal, self._limit = journal, journal.options.group
        self._waiting: deque[Group | Job] = deque()
        self._open: Group | None = None
        self._handed: SimpleQueue[Group | Job | None] = SimpleQueue()
        self._busy = self._called = False
        self._resting: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._settle: Callable[[Group], None] = _nobody
        self._scrubbed = -SCRUB_S
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)

    def start(self, settle: Callable[[Group], None]) -> None:
        """Start the thread; `settle` is called on the loop after each group."""
        self._settle = settle
        self._thread.start()

    def put(self, prepared: Prepared, future: asyncio.Future[Committed]) -> None:
        """Queue a transaction. What is queued in one turn of the loop, or while the thread is busy, shares a commit."""
        group = self._open
        if group is None or len(group.futures) >= self._limit:
            group = self._open = Group([], [])
            self._waiting.append(group)
            if not self._busy and not self._called:
                self._call()
        group.prepared.append(prepared)
        group.futures.append(future)

    async def run(self, function: Callable[[Journal], Any]) -> Any:
        """Run `function` with the journal, after all that was queued before."""
        job = Job(function, self._loop.create_future())
        self._open = None
        self._waiting.append(job)
        if not self._busy and not self._called:
            self._call()
        return await job.future

    async def stop(self) -> None:
        """Let the thread finish what is queued, close the file and end."""
        if self._busy or self._called:
            self._resting = self._loop.create_future()
            await self._resting
        self._handed.put(None)
        await asyncio.to_thread(self._thread.join)

    # ---------------------------------------------------------------------------------------------- the loop

    def _call(self) -> None:
        self._called = True
        self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Give the thread what comes next, or let it rest."""
        self._called = False
        while self._waiting:
            handed = self._waiting.popleft()
            if isinstance(handed, Group):
                if handed is self._open:
                    self._open = None
                handed.forget_cancelled()
                if not handed.futures:
                    continue
                handed.plain = self._journal.plain(handed.prepared)
            self._busy = True
            self._handed.put(handed)
            return
        if self._resting is not None:
            self._resting.set_result(None)

    def _done(self, handed: Group | Job) -> None:
        """Take back what the thread has done with."""
        self._busy = False
        if isinstance(handed, Job):
            _answer(handed)
        else:
            plain = handed.plain
            if plain is not None and handed.results is plain.results:
                adopt(self.durable, plain.staged)
            self._settle(handed)
        if self._waiting or self._resting is not None:
            # The callers go on before this is called: what they ask for next joins the group.
            self._call()

    # -------------------------------------------------------------------------------------------- the thread

    def _next(self) -> Group | Job | None:
        """Wait for work; meanwhile try now and then to scrub what an erasure left behind."""
        while self.durable.erased:
            try:
                return self._handed.get(timeout=SCRUB_S)
            except Empty:
                self._scrub()
        return self._handed.get()

    def _scrub(self) -> None:
        self._scrubbed = self._journal.clock.monotonic()
        try:
            self.durable.erased = not scrub(self._journal)
        except apsw.Error:
            # The disk is full or answers with an error: as with a reader in the way, tried again later.
            self.durable.erased = True

    def _run(self) -> None:
        try:
            while (handed := self._next()) is not None:
                if isinstance(handed, Job):
                    _do(handed, self._journal)
                    self._loop.call_soon_threadsafe(self._done, handed)
                    continue
                self._commit(handed)
                # Asked before the group is handed back: then the state is the loop's.
                handed.erased = self.durable.erased
                self._loop.call_soon_threadsafe(self._done, handed)
                if handed.erased and self._journal.clock.monotonic() - self._scrubbed >= SCRUB_S:
                    self._scrub()
        finally:
            close(self._journal)

    def _commit(self, group: Group) -> None:
        try:
            if group.plain is not None:
                group.results = self._journal.write(group.plain, group.prepared)
            else:
                group.results = self._journal.commit(group.prepared)
        except Exception as error:  # noqa: BLE001 - its callers raise it; the writer serves the next group
            failed = OperatorError("The store failed; nothing of this was written.")
            failed.__cause__ = error
            group.results = [failed for _ in group.futures]


def _do(job: Job, journal: Journal) -> None:
    try:
        job.outcome = job.function(journal)
    except apsw.Error as error:
        job.outcome = mapped(error)
    except Exception as error:  # noqa: BLE001 - its caller raises it
        job.outcome = error


def _nobody(group: Group) -> None:
    raise AssertionError("the writer was not started")


def _answer(job: Job) -> None:
    if job.future.done():
        return
    if isinstance(job.outcome, BaseException):
        job.future.set_exception(job.outcome)
    else:
        job.future.set_result(job.outcome)


# ---------------------------------------------------------------------------------------------- the journal


def opened(path: Path, clock: Clock, form: Format, options: StoreOptions) -> Journal:
    """Open the file and read where it stands. Raises what `open_database` raises."""
    connection = open_database(path, form)
    try:
        install(connection)
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
        places=places_of(connection),
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
