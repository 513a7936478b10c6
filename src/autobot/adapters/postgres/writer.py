"""The sequencer: transactions that wait share one commit, and a broken connection loses and doubles none.

A group goes one of three ways. *Quick*: decided by what is remembered of the state and written by one statement,
which changes nothing when another process has written since (`head.epoch`) or a constraint knows better. *Exact*:
facts are asked for first. *Locked*: the row `head` is locked before facts are asked for, so nobody comes between.
When others write at the same time, processes take turns; who comes between all the same makes a group go locked.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from autobot.adapters.postgres import statements
from autobot.adapters.postgres.driver import PAUSE_S, connect
from autobot.adapters.postgres.errors import is_lost, mapped, unknown, unreached
from autobot.adapters.postgres.options import StoreOptions
from autobot.adapters.postgres.rows import Prepared
from autobot.adapters.postgres.staging import Facts, Head, Result, Staged, Unsure, adopt, stage
from autobot.adapters.postgres.turns import Turn
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, ConnectFailed, DataLocked, OperatorError
from autobot.kernel.event_store.rows import micros
from autobot.kernel.event_store.transaction import Committed

BUSY_S: Final = 1.0
"""For so long after another process came between, groups are written in turns."""
TIDY_S: Final = 3600.0
ALONE_S: Final = 1.0
"""How long opening waits for another store that is just ending."""

Waiting = tuple[Prepared, "asyncio.Future[Committed]"]
REFUSED: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    ValueError,
)


class _Lost(Exception):
    """The connection broke; its cause says how."""


@dataclass(slots=True)
class _Sent:
    """A group that is on its way: its number, and what it means when it arrives."""

    number: int
    staged: Staged


class Sequencer:
    """Owns the connection that writes, and the task that uses it. Belongs to one event loop."""

    def __init__(self, url: str, clock: Clock, options: StoreOptions, written: Callable[[int], None]) -> None:
        self._url, self._clock, self._options, self._written = url, clock, options, written
        self._loop = asyncio.get_running_loop()
        self._name = secrets.token_hex(8)
        self._number = 0
        self._head = Head()
        self._connection: Any = None
        self._sent: _Sent | None = None
        self._busy_until = self._tidied = -1.0
        self._turn, self._crowded = Turn(options.patience_s), False
        self._queue: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._ending = False
        self._task = self._loop.create_task(self._run(), name="postgres sequencer")

    async def commit(self, one: Prepared) -> Committed:
        """Queue a transaction and wait for its result. Cancelling the caller leaves it queued, whole."""
        future: asyncio.Future[Committed] = self._loop.create_future()
        self._queue.append((one, future))
        self._wake.set()
        return await future

    async def alone(self) -> None:
        """Become the one store that writes. Raises DataLocked when another one stays."""
        try:
            await self._connected(self._loop.time() + ALONE_S)
        except AutoBotError:
            await self._drop()
            raise

    async def close(self) -> None:
        """Finish what is queued, and close the connection."""
        self._ending = True
        self._wake.set()
        await self._task

    async def vacuum(self) -> None:
        """Let the server free what erased and deleted rows hold, so that it is not in the tables' files any more."""
        connection = await connect(self._url, "autobot vacuum")
        try:
            for table in ("events", "documents", "snapshots", "answers", "inbox"):
                await connection.execute(f"VACUUM (FULL) autobot.{table}", timeout=None)
        except REFUSED as error:
            raise mapped(error) from error
        finally:
            await connection.close()

    # -------------------------------------------------------------------------------------------- the task

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._group(self._next())
                if not self._queue:
                    # Who was answered may go on at once; else somebody else may.
                    await asyncio.sleep(0)
            await self._hand_over()
            if self._ending and not self._queue:
                await self._drop()
                return

    def _next(self) -> list[Waiting]:
        """Take what waits: as many as may be together, or one that must be apart."""
        group: list[Waiting] = []
        while self._queue and len(group) < self._options.group:
            if self._queue[0][1].cancelled():
                self._queue.popleft()
            elif not self._queue[0][0].apart:
                group.append(self._queue.popleft())
            elif group:
                break
            else:
                return [self._queue.popleft()]
        return group

    async def _group(self, waiting: Sequence[Waiting]) -> None:
        if not waiting:
            return
        results: Sequence[Result]
        try:
            results = await self._commit([one for one, _ in waiting])
        except AutoBotError as error:
            results = [error for _ in waiting]
        except Exception as error:  # noqa: BLE001 - its callers raise it; the next group is served
            failed = OperatorError("The store failed; what came of this is not known.")
            failed.__cause__ = error
            results = [failed for _ in waiting]
        self._written(self._head.position)
        for (_, future), result in zip(waiting, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Committed):
                future.set_result(result)
            else:
                future.set_exception(result)

    async def _commit(self, group: Sequence[Prepared]) -> Sequence[Result]:
        """Commit a group. Raises ConnectFailed or ConnectionLost when the server stays away."""
        deadline = self._loop.time() + self._options.patience_s
        exact = False
        while True:
            try:
                await self._connected(deadline)
                if self._sent is not None:
                    return self._arrived(self._sent)
                async with asyncio.timeout(None if group[0].apart else self._options.patience_s / 2):
                    done = await self._try(group, exact=exact)
                if done is not None:
                    return done
                exact = True
            except (_Lost, TimeoutError) as lost:
                # A connection on which nothing comes counts as broken.
                await self._drop()
                if self._loop.time() > deadline:
                    raise self._away(lost) from lost
                exact = True
            except REFUSED as error:
                await self._rollback()
                self._sent = None
                if len(group) > 1:
                    # One of them cannot be written; the others can.
                    return [result for one in group for result in await self._alone(one)]
                return [mapped(error)]

    async def _alone(self, one: Prepared) -> Sequence[Result]:
        try:
            return await self._commit([one])
        except AutoBotError as error:
            return [error]

    def _away(self, cause: BaseException) -> AutoBotError:
        """Return the error for a group when the server stays away; whether it was sent decides what is known."""
        sent, self._sent = self._sent, None
        return unreached(cause) if sent is None else unknown(cause)

    def _arrived(self, sent: _Sent) -> Sequence[Result]:
        self._sent = None
        return sent.staged.results

    # ------------------------------------------------------------------------------------- one try of a group

    async def _try(self, group: Sequence[Prepared], *, exact: bool) -> Sequence[Result] | None:
        """Commit a group; None when it must be tried again with facts. Raises _Lost, and what the server refuses."""
        now = micros(self._clock.now())
        locked = group[0].apart or self._crowded
        try:
            exact = await self._apart_from_others(locked=locked) or exact
            known = Facts()
            if exact or locked:
                known = await statements.facts(self._connection, group, self._head)
            staged = stage(self._head, known, group, now)
            if staged.changed:
                if not await self._write(staged, group, locked=locked):
                    self._busy_until = self._loop.time() + BUSY_S
                    self._crowded = exact
                    return None
                self._crowded = False
            elif locked:
                await self._rollback()
        except Unsure:
            await self._rollback()
            if exact or locked:
                raise
            return None
        except asyncpg.UniqueViolationError:
            await self._rollback()
            self._sent = None
            if exact or locked:
                raise
            return None
        except REFUSED as error:
            if is_lost(error):
                raise _Lost from error
            raise
        adopt(staged, self._name, self._number)
        if group[0].apart and staged.changed:
            self._head.aliases |= {one.table: one.target for one in group[0].transaction.aliases}
        return staged.results

    async def _apart_from_others(self, *, locked: bool) -> bool:
        """Have the turn, or the lock; say whether others may have written before it was ours."""
        moved = self._loop.time() < self._busy_until and await self._turn.taken(self._connection)
        if locked:
            await self._connection.execute("BEGIN; SELECT FROM autobot.head FOR UPDATE")
        return moved

    async def _write(self, staged: Staged, group: Sequence[Prepared], *, locked: bool) -> bool:
        self._number += 1
        self._sent = _Sent(self._number, staged)
        written = await statements.commit(self._connection, staged, self._name, self._number)
        if locked:
            if written:
                await statements.commit_apart(self._connection, group[0].transaction)
            await self._connection.execute("COMMIT")
        self._sent = None
        return written

    async def _hand_over(self) -> None:
        """Let others write, as there is nothing to write here."""
        if self._connection is not None:
            try:
                async with asyncio.timeout(self._options.patience_s / 2):
                    await self._turn.given(self._connection)
            except (*REFUSED, TimeoutError):
                await self._drop()

    async def _rollback(self) -> None:
        if self._connection is not None and self._connection.is_in_transaction():
            try:
                await self._connection.execute("ROLLBACK")
            except REFUSED:
                await self._drop()

    # ---------------------------------------------------------------------------------------- the connection

    async def _connected(self, deadline: float) -> None:
        """Have a connection; after a new one `_sent` is there only if it arrived."""
        if self._connection is not None and not self._connection.is_closed():
            await self._tidy()
            return
        pause = PAUSE_S[0]
        while True:
            try:
                await self._connect()
                return
            except AutoBotError as error:
                await self._drop()
                if not isinstance(error, ConnectFailed | DataLocked) or self._loop.time() + pause > deadline:
                    sent, self._sent = self._sent, None
                    raise (error if sent is None else unknown(error)) from error
            await asyncio.sleep(pause)
            pause = min(PAUSE_S[1], pause * 2)

    async def _connect(self) -> None:
        self._connection = await connect(self._url, "autobot writer")
        try:
            async with asyncio.timeout(self._options.patience_s / 2):
                last = await self._begin()
        except REFUSED as error:
            if is_lost(error):
                raise ConnectFailed("The database server went away while connecting.") from error
            raise mapped(error) from error
        if self._sent is not None and self._sent.number != last:
            self._sent = None

    async def _begin(self) -> int:
        """Make a new connection the one that writes, and learn where things stand; returns our last commit's number."""
        if self._options.alone and not await statements.lock_alone(self._connection):
            raise DataLocked("Another AutoBot uses this database.", hint="Stop it, or name another database.")
        async with self._connection.transaction():
            last = await statements.fence(self._connection, self._name)
        await statements.facts(self._connection, (), self._head)
        return last

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _tidy(self) -> None:
        if self._loop.time() - self._tidied < TIDY_S and self._tidied >= 0:
            return
        self._tidied = self._loop.time()
        try:
            await statements.tidy(self._connection, micros(self._clock.now()))
        except REFUSED as error:
            if is_lost(error):
                raise _Lost from error
            raise
