"""Connections of asyncpg with the project's settings, and the part of the driver that this adapter rests on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

import asyncpg

from autobot.adapters.postgres.errors import UNREACHED, is_lost, mapped, slow, unreached
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.event_store.ports import StoreClosed

T = TypeVar("T")

CONNECT_S: Final = 5.0
"""How long one try to connect may take."""
PAUSE_S: Final = (0.02, 0.5)
"""First and longest pause between two tries."""

SETTINGS: Final = {
    "client_encoding": "UTF8",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "plan_cache_mode": "force_generic_plan",
    # Each statement of ours has an index that fits. On a young table, without statistics, the planner would
    # read it whole, and keep that plan when the table has grown.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "lock_timeout": "0",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "60s",
    # A client whose machine is gone holds its locks for a minute at most.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


class Connection(Protocol):
    """What is used of a connection."""

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        """Return all rows."""
        ...

    async def fetchrow(self, query: str, *values: Any) -> Any:
        """Return the first row, None when there is none."""
        ...

    async def fetchval(self, query: str, *values: Any) -> Any:
        """Return the first column of the first row."""
        ...

    async def execute(self, query: str, *values: Any) -> Any:
        """Run statements."""
        ...


def arguments(url: str, name: str) -> dict[str, Any]:
    """Return what asyncpg takes to connect to `url`; `name` is what the server shows for the connection."""
    return {
        "dsn": url,
        "timeout": CONNECT_S,
        "server_settings": SETTINGS | {"application_name": name},
        "statement_cache_size": 256,
        "max_cached_statement_lifetime": 0,
    }


async def connect(url: str, name: str) -> Any:
    """Return a connection. Raises ConnectFailed when the server is away, and what `mapped` makes of refusals."""
    try:
        return await asyncpg.connect(**arguments(url, name))
    except asyncio.CancelledError:
        raise
    except UNREACHED as error:
        raise unreached(error) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError) as error:
        if is_lost(error):
            raise unreached(error) from error
        if isinstance(error, ValueError):
            raise ConfigurationError(
                "AUTOBOT_DATABASE_URL is no address of a PostgreSQL database.",
                hint="postgresql://NAME:PASSWORD@HOST:5432/DATABASE",
            ) from error
        raise mapped(error) from error


async def make_tables(url: str, name: str, lock: int, ddl: str) -> None:
    """Make what `ddl` says where it is missing, one process after the other. Raises as `connect`, and what `mapped` says."""
    connection = await connect(url, name)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", lock)
            await connection.execute(ddl)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise mapped(error) from error
    finally:
        await connection.close()


async def _as_it_is(connection: object) -> None:
    """Leave a connection as it is between two reads: they change nothing of it."""


class Readers:
    """A few connections for reads. A read that meets a broken one is done again on a new one.

    One that takes too long is ended at the server, and not done again: it would only take long again.
    """

    def __init__(self, url: str, count: int, patience_s: float) -> None:
        self._pool: Any = asyncpg.create_pool(
            **arguments(url, "autobot reader"), min_size=0, max_size=count, reset=_as_it_is
        )
        self._patience_s = patience_s
        self._turns = asyncio.Semaphore(count)
        self._away: BaseException | None = None
        """Why the server was not reached when somebody tried last."""
        self._opened = False
        self._opening = asyncio.Lock()
        self._closed = False

    async def run(self, read: Callable[[Connection], Awaitable[T]], *, within_s: float | None = None) -> T:
        """Run `read`; it may run again after a loss.

        `within_s`: how long waiting for a connection and one try may take together; when None, the patience for the one
        and half of it for the other. Raises AttemptTimeout when they take longer, ConnectFailed when the server stays away
        for the patience, and else what `mapped` says.
        """
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._patience_s if within_s is None else within_s):
                await self._turns.acquire()
        except TimeoutError as error:
            raise (slow(error) if self._away is None else unreached(self._away)) from error
        try:
            waited = asyncio.get_running_loop().time() - began
            limit = self._patience_s / 2 if within_s is None else max(0.0, within_s - waited)
            return await self._tried(read, limit)
        finally:
            self._turns.release()

    async def _tried(self, read: Callable[[Connection], Awaitable[T]], limit: float) -> T:
        """Run `read` until no connection breaks under it."""
        deadline = asyncio.get_running_loop().time() + self._patience_s
        pause = PAUSE_S[0]
        while True:
            if self._closed:
                raise StoreClosed
            try:
                if not self._opened:
                    await self._open()
                async with self._pool.acquire() as connection:
                    self._away = None
                    return await self._in_time(read, connection, limit)
            except (
                *UNREACHED,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                if not (is_lost(error) or isinstance(error, UNREACHED)):
                    raise mapped(error) from error
                self._away = error
                if asyncio.get_running_loop().time() + pause > deadline:
                    raise unreached(error) from error
            await asyncio.sleep(pause)
            pause = min(PAUSE_S[1], pause * 2)

    async def _in_time(self, read: Callable[[Connection], Awaitable[T]], connection: Any, limit: float) -> T:
        """Run a read. When it takes too long, its statement is ended; a connection that then says nothing is broken.

        Raises AttemptTimeout for the one, TimeoutError for the other.
        """
        try:
            async with asyncio.timeout(limit):
                return await read(connection)
        except TimeoutError as error:
            if await self._answers(connection):
                raise slow(error) from error
            connection.terminate()
            raise

    async def _answers(self, connection: Any) -> bool:
        """Say whether the server still answers on a connection whose statement was given up."""
        try:
            async with asyncio.timeout(self._patience_s / 4):
                # The driver has asked the server to end the statement, and waits for that first.
                await connection.fetchval("SELECT 1")
        except asyncpg.QueryCanceledError:
            # The wish to end the statement came after its end, and met this one.
            return True
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def _open(self) -> None:
        async with self._opening:
            if not self._opened:
                await self._pool
                self._opened = True

    async def close(self) -> None:
        """Close the connections after the reads that run."""
        self._closed = True
        if self._opened:
            try:
                async with asyncio.timeout(CONNECT_S):
                    await self._pool.close()
            except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                self._pool.terminate()
