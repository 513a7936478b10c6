"""What takes long at the database is told as that: it is no broken connection, is ended there, and holds up nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from autobot.adapters.postgres.driver import Connection, Readers, connect
from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.postgres.options import StoreOptions
from autobot.kernel.core.errors import AttemptTimeout
from autobot.testing.conformance.event_store_base import PATIENCE_S as TEST_S
from autobot.testing.messages import Maker
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]
PATIENCE_S = 2.0
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"


class Sleeper:
    """A read that takes so long, and counts how often it was begun."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.begun = seconds, 0

    async def __call__(self, connection: Connection) -> str:
        self.begun += 1
        return str(await connection.fetchval("SELECT 'done' FROM pg_sleep($1)", self.seconds))


@asynccontextmanager
async def reading(url: str, count: int = 1) -> AsyncIterator[Readers]:
    """Open so many connections for reads."""
    readers = Readers(url, count, PATIENCE_S)
    try:
        async with asyncio.timeout(TEST_S):
            yield readers
    finally:
        await readers.close()


async def outcome(readers: Readers, read: Sleeper) -> str | AttemptTimeout:
    """Read with much time, and return what came of it."""
    try:
        return await readers.run(read, within_s=TEST_S)
    except AttemptTimeout as error:
        return error


async def until(cluster: Cluster, statement: str, answer: str) -> None:
    """Return when a question to the server has this answer."""
    while await asyncio.to_thread(cluster.sql, statement) != answer:
        await asyncio.sleep(0.01)


async def test_work_is_given_the_time_that_it_may_take(postgres: Cluster) -> None:
    """A read that takes longer than half of the patience is too slow; long work has a limit of its own."""
    async with reading(postgres.database()) as readers:
        with pytest.raises(AttemptTimeout):
            await readers.run(Sleeper(30.0))
        assert await readers.run(Sleeper(1.5), within_s=30.0) == "done"


async def test_slow_work_is_begun_once_and_ended_at_the_server(postgres: Cluster) -> None:
    """What was too slow is not begun again, the server works on it no longer, and its connection serves the next read."""
    async with reading(postgres.database()) as readers:
        pid = await readers.run(lambda connection: connection.fetchval("SELECT pg_backend_pid()"))
        slow = Sleeper(60.0)
        with pytest.raises(AttemptTimeout) as told:
            await readers.run(slow, within_s=0.2)
        assert slow.begun == 1
        assert (told.value.phase, told.value.link, bool(told.value.hint)) == (
            "attempt",
            "backend-store",
            True,
        )
        await until(postgres, RUNNING, "0")
        assert await readers.run(lambda connection: connection.fetchval("SELECT pg_backend_pid()")) == pid


async def test_a_statement_that_an_operator_ends_is_told_as_too_slow(postgres: Cluster) -> None:
    """`pg_cancel_backend` ends a statement: its caller hears that it took too long, and it is not begun again."""
    async with reading(postgres.database()) as readers:
        slow = Sleeper(60.0)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(outcome(readers, slow))
            await until(postgres, RUNNING, "1")
            cancel = RUNNING.replace("count(*)", "count(pg_cancel_backend(pid))")
            await asyncio.to_thread(postgres.sql, cancel)
        assert isinstance(waiting.result(), AttemptTimeout)
        assert slow.begun == 1


async def test_waiting_for_a_connection_is_bounded(postgres: Cluster) -> None:
    """A read whose turn does not come in its time is too slow itself, and does not begin."""
    async with reading(postgres.database()) as readers:
        second = Sleeper(0.0)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(outcome(readers, Sleeper(60.0)))
            await until(postgres, RUNNING, "1")
            with pytest.raises(AttemptTimeout):
                await readers.run(second, within_s=0.1)
            assert second.begun == 0
            first.cancel()
        assert await readers.run(second) == "done"


async def test_a_lock_of_somebody_else_makes_a_store_slow_and_not_lost(postgres: Cluster) -> None:
    """A read of the store behind a lock on its table is told as too slow; when the lock is gone, the read is answered."""
    clock = ManualClock()
    url = postgres.database()
    store = await PostgresEventStore.open(url, clock, options=StoreOptions(patience_s=PATIENCE_S))
    holder = await connect(url, "holder")
    try:
        await store.commit(Maker(clock).transaction("a"))
        await holder.execute("BEGIN; LOCK TABLE autobot.events IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(TEST_S):
            with pytest.raises(AttemptTimeout):
                await store.read_stream("a")
            await holder.execute("ROLLBACK")
            assert len(await store.read_stream("a")) == 1
    finally:
        await holder.close()
        await store.close()
