"""Connections break, the server goes and comes back: what was answered stays, nothing happens twice."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autobot.adapters.postgres.driver import connect
from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.postgres.options import StoreOptions
from autobot.kernel.core.errors import ConnectFailed, ConnectionLost
from autobot.kernel.event_store.transaction import NO_STREAM, Put, Transaction
from autobot.testing.conformance.event_store_base import PATIENCE_S, read_whole_log
from autobot.testing.messages import Maker
from autobot.testing.postgres import ROLE, Cluster
from autobot.testing.virtual_time import ManualClock

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]
CUT = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name LIKE 'autobot%' AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    """Give the tests here a server of their own, which they may stop."""
    with Cluster() as cluster:
        yield cluster


@asynccontextmanager
async def opened(url: str, patience_s: float = 20.0) -> AsyncIterator[tuple[PostgresEventStore, Maker]]:
    """Open a store."""
    clock = ManualClock()
    store = await PostgresEventStore.open(url, clock, options=StoreOptions(patience_s=patience_s))
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield store, Maker(clock)
    finally:
        await store.close()


async def test_cut_connections_are_made_anew(postgres: Cluster) -> None:
    """While all connections are cut again and again, commits, reads and a follower go on: each event once, in order."""
    async with opened(postgres.emptied()) as (store, make):
        got: list[int] = []
        ended = asyncio.Event()

        async def follow() -> None:
            async for batch in store.subscribe(after=0):
                got.extend(one.position for one in batch)
                if batch[-1].stream == "last":
                    return

        async def writer(number: int) -> int:
            count = 0
            while not ended.is_set():
                done = await store.commit(make.transaction(f"s{number}", expected=count - 1))
                assert not done.repeated
                count += 1
                assert len(await store.read_stream(f"s{number}", after=count - 2)) == 1
            return count

        async with asyncio.TaskGroup() as group:
            group.create_task(follow())
            writers = [group.create_task(writer(number)) for number in range(6)]
            for _ in range(8):
                head = await store.head()
                await asyncio.to_thread(postgres.sql, CUT)
                while await store.head() < head + 5:
                    await asyncio.sleep(0.005)
            ended.set()
            await asyncio.gather(*writers)
            await store.commit(make.transaction("last"))
        assert got == list(range(1, sum(one.result() for one in writers) + 2))


async def test_a_server_that_stays_away_is_told(own: Cluster) -> None:
    """Commits and reads wait for it as long as they may, then say that nothing was written; later all goes on."""
    async with opened(own.emptied(), patience_s=0.3) as (store, make):
        await store.commit(make.transaction("a"))
        await asyncio.to_thread(own.stop)
        with pytest.raises(ConnectFailed) as error:
            await store.commit(make.transaction("a"))
        assert error.value.hint
        # More than there are connections: some of them wait for their turn meanwhile.
        many = [store.read_stream("a") for _ in range(3 * StoreOptions().readers)]
        told = await asyncio.gather(*many, return_exceptions=True)
        assert all(isinstance(one, ConnectFailed) and one.hint for one in told), told
        await asyncio.to_thread(own.start)
        await store.commit(make.transaction("a"))
        assert [one.revision for one in await store.read_stream("a")] == [0, 1]


async def test_an_outcome_that_cannot_be_asked_for_is_told(own: Cluster) -> None:
    """When the server dies under a commit and stays away, the caller hears that the outcome is not known, and repeats
    the same ids: they are written once."""
    async with opened(own.emptied(), patience_s=0.5) as (store, make):
        await store.commit(make.transaction("a"))
        holder = await connect(own.url("postgres"), "holder")
        await holder.execute("BEGIN; SELECT FROM autobot.head FOR UPDATE")
        batch = make.transaction("a", 2)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(outcome(store, batch))
            while own.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0":
                await asyncio.sleep(0.01)
            await asyncio.to_thread(own.stop, immediate=True)
        assert isinstance(waiting.result(), ConnectionLost)
        holder.terminate()
        await asyncio.to_thread(own.start)
        done = await store.commit(batch)
        assert (done.position, done.repeated) == (3, False)
        assert (await store.commit(batch)).repeated
        assert len(await read_whole_log(store)) == 3


async def outcome(store: PostgresEventStore, transaction: Transaction) -> object:
    """Commit and return what came of it."""
    try:
        return await store.commit(transaction)
    except ConnectionLost as error:
        return error


class Swallowing:
    """A way to the server that, once, lets a commit through and cuts the connection in place of its answer."""

    def __init__(self, cluster: Cluster) -> None:
        self._target = cluster.folder / ".s.PGSQL.5432"
        self.armed = False
        self.swallowed = 0
        self.silent = 0
        """Connections that were made before this many carry nothing."""
        self.made = 0

    async def serve(self, folder: Path) -> asyncio.Server:
        """Listen on a socket in `folder`."""
        return await asyncio.start_unix_server(self._carry, folder / ".s.PGSQL.5432")

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_unix_connection(self._target)
        state = {"commit": False}
        number, self.made = self.made, self.made + 1

        async def there() -> None:
            while data := await reader.read(65536):
                if number < self.silent:
                    continue
                state["commit"] = self.armed and b"autobot-swallow" in data
                before.write(data)
            before.close()

        async def back() -> None:
            while data := await behind.read(65536):
                if state["commit"]:
                    self.armed = False
                    self.swallowed += 1
                    before.close()
                    break
                writer.write(data)
            writer.close()

        with contextlib.suppress(ConnectionError):
            await asyncio.gather(there(), back())


async def test_an_answer_that_got_lost_is_asked_for(postgres: Cluster) -> None:
    """A commit that arrived and whose answer did not is found by its number, events or not: it happens once and is
    answered as done."""
    way = Swallowing(postgres)
    postgres.emptied()
    with tempfile.TemporaryDirectory() as folder:
        async with await way.serve(Path(folder)):
            async with opened(f"postgresql://{ROLE}@/postgres?host={folder}") as (store, make):
                put = Transaction(writes=(Put(table="autobot-swallow", key="k", document={}),))
                await store.commit(put)
                for number, transaction in enumerate(
                    (put, make.transaction("autobot-swallow", expected=NO_STREAM), put)
                ):
                    way.armed = True
                    done = await store.commit(transaction)
                    assert not done.repeated
                    assert way.swallowed == number + 1
                found = await store.get("autobot-swallow", "k")
                assert found is not None
                assert found.version == 3
                assert [one.revision for one in await read_whole_log(store)] == [0]


async def test_connections_that_carry_nothing_any_more_are_given_up(postgres: Cluster) -> None:
    """When all connections go silent, as through a firewall that forgot them, commits and reads go on over new ones within
    their patience, once each."""
    way = Swallowing(postgres)
    postgres.emptied()
    with tempfile.TemporaryDirectory() as folder:
        async with await way.serve(Path(folder)):
            async with opened(f"postgresql://{ROLE}@/postgres?host={folder}", patience_s=4.0) as (
                store,
                make,
            ):
                await store.commit(make.transaction("a"))
                assert len(await store.read_stream("a")) == 1
                way.silent = way.made
                done, read = await asyncio.gather(store.commit(make.transaction("a", 2)), store.head())
                assert (done.position, done.repeated) == (3, False)
                assert read in {1, 3}
                assert [one.revision for one in await store.read_stream("a")] == [0, 1, 2]
