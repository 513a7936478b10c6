"""Several processes write to one database: here each is a store of its own, with its own connections and memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.postgres.options import StoreOptions
from autobot.adapters.postgres.turns import LOCK
from autobot.kernel.core.errors import IdempotencyInFlight, InvalidInput, TooLarge, WrongExpectedVersion
from autobot.kernel.event_store.ports import AlreadyHandled
from autobot.kernel.event_store.transaction import (
    NO_STREAM,
    Alias,
    Append,
    Checkpoint,
    Handled,
    Put,
    Query,
    Transaction,
)
from autobot.kernel.event_store.verification import verify_store
from autobot.testing.conformance.event_store_base import PATIENCE_S, read_whole_log
from autobot.testing.messages import Maker
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]


@asynccontextmanager
async def stores(
    cluster: Cluster, count: int = 2, *, poll_s: float = 1.0
) -> AsyncIterator[tuple[list[PostgresEventStore], Maker]]:
    """Open so many stores on one empty database."""
    url, clock = cluster.emptied(), ManualClock()
    opened = [
        await PostgresEventStore.open(url, clock, options=StoreOptions(poll_s=poll_s)) for _ in range(count)
    ]
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield opened, Maker(clock)
    finally:
        for store in opened:
            await store.close()


async def test_the_log_has_one_order(postgres: Cluster) -> None:
    """Writers of three processes leave positions without a gap, revisions in order and a chain that verifies."""
    async with stores(postgres, 3) as (opened, make):

        async def writer(store: PostgresEventStore, number: int) -> list[int]:
            positions = []
            for _ in range(15):
                transaction = make.transaction(f"s{number % 4}", 2, audit=(make.entry(),))
                positions.append((await store.commit(transaction)).position)
            return positions

        answers = await asyncio.gather(*(writer(opened[number % 3], number) for number in range(12)))
        log = await read_whole_log(opened[0])
        assert [one.position for one in log] == list(range(1, 361))
        assert sorted(position for one in answers for position in one) == list(range(2, 361, 2))
        for stream in range(4):
            revisions = [one.revision for one in log if one.stream == f"s{stream}"]
            assert revisions == list(range(90))
        assert (await verify_store(opened[1])).sound


async def written_together(opened: list[PostgresEventStore], make: Maker, each: int) -> None:
    """Let every store commit one after the other, at the same time; see that the log is whole."""

    async def writer(store: PostgresEventStore, number: int) -> None:
        for _ in range(each):
            await store.commit(make.transaction(f"s{number}", audit=(make.entry(),)))

    await asyncio.gather(*(writer(store, number) for number, store in enumerate(opened)))
    log = await read_whole_log(opened[0])
    assert [one.position for one in log] == list(range(1, each * len(opened) + 1))
    assert (await verify_store(opened[0])).sound


async def test_a_turn_that_is_not_given_back_stops_nobody(postgres: Cluster) -> None:
    """Where a process has the turn and is stopped, the others wait for a moment and write all the same."""
    async with stores(postgres, 2) as (opened, make):
        stopped: Any = await asyncpg.connect(postgres.url("postgres"))
        await stopped.execute(f"SELECT pg_advisory_lock({LOCK})")
        await written_together(opened, make, 20)
        await stopped.close()


async def test_who_has_nothing_to_write_gives_the_turn_away(postgres: Cluster) -> None:
    """After processes wrote in turns, none keeps the turn."""
    async with stores(postgres, 2) as (opened, make):
        looking: Any = await asyncpg.connect(postgres.url("postgres"))
        await written_together(opened, make, 20)
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint = $1"
        while await looking.fetchval(held, LOCK):
            await asyncio.sleep(0)
        await looking.close()


async def test_conflicts_between_processes_are_the_contract_s_errors(postgres: Cluster) -> None:
    """What another process did is found by the next commit, whatever this one remembers."""
    async with stores(postgres) as ((mine, other), make):
        await mine.commit(make.transaction("s", expected=NO_STREAM))
        await other.commit(make.transaction("s", expected=0))
        with pytest.raises(WrongExpectedVersion) as refused:
            await mine.commit(make.transaction("s", expected=0))
        assert refused.value.current == 1
        with pytest.raises(WrongExpectedVersion):
            await other.commit(make.transaction("s", expected=NO_STREAM))

        batch = make.transaction("t", 2, answer=make.answer("k"))
        first = await mine.commit(batch)
        again = await other.commit(batch)
        assert (again.position, again.repeated) == (first.position, True)
        with pytest.raises(IdempotencyInFlight):
            await other.commit(make.transaction("t", answer=make.answer("k")))

        handled = Transaction(handled=(Handled(consumer="c", source="s", message_id="1"),))
        await mine.commit(handled)
        with pytest.raises(AlreadyHandled):
            await other.commit(handled)

        moved = Transaction(checkpoints=(Checkpoint(consumer="c", position=4, expected=0),))
        await mine.commit(moved)
        with pytest.raises(WrongExpectedVersion):
            await other.commit(moved)
        await other.commit(Transaction(checkpoints=(Checkpoint(consumer="c", position=6, expected=4),)))
        with pytest.raises(WrongExpectedVersion):
            await mine.commit(Transaction(checkpoints=(Checkpoint(consumer="c", position=8, expected=4),)))


async def test_racing_processes_write_each_revision_once(postgres: Cluster) -> None:
    """Of two processes that race for a revision exactly one wins, every time."""
    async with stores(postgres) as (opened, make):

        async def racer(store: PostgresEventStore) -> None:
            won = 0
            while won < 20:
                seen = len(await store.read_stream("race")) - 1
                with contextlib.suppress(WrongExpectedVersion):
                    await store.commit(make.transaction("race", expected=seen))
                    won += 1

        await asyncio.gather(*(racer(store) for store in (*opened, *opened)))
        assert [one.revision for one in await opened[0].read_stream("race")] == list(range(80))


async def test_an_alias_of_another_process_is_heeded(postgres: Cluster) -> None:
    """A read model that another process switched is written under its new name at once."""
    async with stores(postgres) as ((mine, other), _):
        await mine.commit(Transaction(writes=(Put(table="live", key="k", document={"n": 1}),)))
        await other.commit(Transaction(aliases=(Alias(table="live", target="live~2"),)))
        await mine.commit(Transaction(writes=(Put(table="live", key="k", document={"n": 2}),)))
        assert [one.document for one in await other.query(Query(table="live"))] == [{"n": 2}]
        await other.commit(Transaction(aliases=(Alias(table="live", target="live"),)))
        assert [one.document for one in await mine.query(Query(table="live"))] == [{"n": 1}]


@pytest.mark.parametrize("poll_s", [0.05, 20.0])
async def test_a_follower_hears_of_other_processes(postgres: Cluster, poll_s: float) -> None:
    """What another process commits reaches a follower by a notice, and by the poll where notices are missed."""
    async with stores(postgres, poll_s=poll_s) as ((mine, other), make):
        got: list[int] = []

        async def follow() -> None:
            async for batch in mine.subscribe(after=0):
                got.extend(one.position for one in batch)
                if got[-1] >= 40:
                    return

        async with asyncio.TaskGroup() as group:
            group.create_task(follow())
            for _ in range(10):
                await other.commit(make.transaction("a", 3))
                await mine.commit(make.transaction("b"))
        assert got == list(range(1, 41))


async def test_what_postgres_cannot_keep_is_refused_alone(postgres: Cluster) -> None:
    """A NUL in a name is InvalidInput and a name beyond the index's limit TooLarge, while texts and documents take any
    character; commits beside them succeed."""
    async with stores(postgres, 1) as ((store,), make):
        message = make.message("s", id="with\0nul")
        long = make.transaction("s" * 3000)
        results = await asyncio.gather(
            store.commit(Transaction(appends=(Append(stream="s", expected=-2, events=(message,)),))),
            store.commit(make.transaction("good")),
            store.commit(Transaction(writes=(Put(table="t", key="\0", document={}),))),
            store.commit(long),
            store.commit(
                Transaction(writes=(Put(table="t", key="k", document={"a": "x\0y"}, text="one\0two"),))
            ),
            return_exceptions=True,
        )
        assert [type(one) for one in results if isinstance(one, Exception)] == [
            InvalidInput,
            InvalidInput,
            TooLarge,
        ]
        found = await store.get("t", "k")
        assert found is not None
        assert found.document == {"a": "x\0y"}
        assert [hit.excerpt for hit in await store.search(Query(table="t", text="two"))] == ["«one\0two»"]


async def test_a_text_of_any_size_is_kept_and_found(postgres: Cluster) -> None:
    """A text with more distinct words than an index entry takes is stored; its first words find it."""
    async with stores(postgres, 1) as ((store,), _):
        text = " ".join(f"word{number}" for number in range(150_000)) + " " + "x" * 5000
        await store.commit(Transaction(writes=(Put(table="t", key="k", document={}, text=text),)))
        assert len(await store.query(Query(table="t", text="word77"))) == 1
        await store.commit(Transaction(writes=(Put(table="t", key="k", document={}, text="y" * 5000),)))
        assert len(await store.query(Query(table="t", text="y" * 4000))) == 1
        assert await store.query(Query(table="t", text="word77")) == []
