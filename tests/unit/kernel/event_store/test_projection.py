"""Read models follow the log, survive crashes, and are built anew without anybody noticing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.errors import ConnectionLost, DeadlineExceeded
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projecting import SKIPPED
from autobot.kernel.event_store.projection import OnPoison, Policy, Projection, Reader, Rebuilt, Write, stops
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.event_store.table_hash import table_hash
from autobot.kernel.event_store.transaction import Committed, Put, Query, Recorded, Transaction
from autobot.testing.faults import Through
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import VirtualClock, run

Handler = Callable[[Recorded, Reader], Awaitable[Sequence[Write]]]


async def count_by_stream(recorded: Recorded, reader: Reader) -> Sequence[Write]:
    """A document for each stream that counts its events and lists those that share its first letter."""
    key = recorded.stream
    before = await reader.get("counts", key)
    total = before.document["total"] if before else 0
    return (Put(table="counts", key=key, document={"total": total + 1}, group=key[0]),)


async def with_neighbours(recorded: Recorded, reader: Reader) -> Sequence[Write]:
    """The same, and how many streams of that letter there were before: needs a query."""
    known = await reader.query(Query(table="counts", group=recorded.stream[0]))
    (put,) = await count_by_stream(recorded, reader)
    assert isinstance(put, Put)
    return (
        Put(table="counts", key=put.key, document={**put.document, "known": len(known)}, group=put.group),
    )


def projection(apply: Handler = count_by_stream, **fields: Any) -> Projection:
    """Return the projection under test."""
    return Projection(name="counts", types=("autobot.test.*",), tables=("counts",), apply=apply, **fields)


async def skips() -> OnPoison:
    """Leave poison out."""
    return "skip"


async def total(store: EventStore, key: str) -> int | None:
    """Return what the read model says of a stream."""
    found = await store.get("counts", key)
    return None if found is None else found.document["total"]


async def rebuilt(runner: ProjectionRunner) -> Sequence[Rebuilt]:
    """Build the tables anew, compare, switch, and remove the old ones."""
    await runner.build()
    report = await runner.compare()
    await runner.switch()
    await runner.discard(kept=True)
    return report.tables


class World:
    """A store with runners in a group that ends with the block."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store: EventStore = MemoryEventStore(self.clock)
        self.make = Maker(self.clock)
        self.group = asyncio.TaskGroup()
        self.tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> World:
        await self.group.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        for task in self.tasks:
            task.cancel()
        await self.group.__aexit__(*error)

    def runner(
        self, made: Projection, store: EventStore | None = None, on_poison: Policy = stops
    ) -> ProjectionRunner:
        runner = ProjectionRunner(made, store or self.store, self.clock, on_poison)
        self.tasks.append(self.group.create_task(runner.run()))
        return runner

    async def events(self, *streams: str) -> int:
        for stream in streams:
            await self.store.commit(self.make.transaction(stream))
        return await self.store.head()

    async def caught_up(self, runner: ProjectionRunner) -> None:
        await runner.wait_for(await self.store.head(), self.clock.monotonic() + 60)


def virtual(test: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in virtual time, in a world of its own."""

    def wrapped() -> None:
        async def main() -> None:
            async with World() as world:
                await test(world)

        run(main())

    wrapped.__doc__, wrapped.__name__ = test.__doc__, test.__name__  # type: ignore[attr-defined]
    return wrapped


@virtual
async def test_follows_the_log(world: World) -> None:
    """What is in the log before the start and what comes later is in the tables, once each."""
    await world.events("a", "b", "a")
    runner = world.runner(projection())
    await world.caught_up(runner)
    assert (await total(world.store, "a"), await total(world.store, "b")) == (2, 1)
    await world.events(*("ab" * 100))
    await world.caught_up(runner)
    assert (await total(world.store, "a"), await total(world.store, "b")) == (102, 101)
    state = await runner.statistics()
    assert (state.state, state.lag, state.skipped, state.version) == ("live", 0, 0, 1)


@virtual
async def test_reads_its_own_writes_inside_a_batch(world: World) -> None:
    """A get and a query see what earlier events of the same batch wrote."""
    await world.events("a1", "a2", "a1", "b1", "a3")
    await world.caught_up(world.runner(projection(with_neighbours)))
    known = {one.key: one.document["known"] for one in await world.store.query(Query(table="counts"))}
    assert known == {"a1": 2, "a2": 1, "b1": 0, "a3": 2}


@virtual
async def test_events_of_other_types_only_move_the_position(world: World) -> None:
    """Events that the projection does not want cost no write, and who waits for their position goes on."""
    message = world.make.message("x", type="autobot.other.thing.v1")
    append = world.make.append("x")
    await world.store.commit(Transaction(appends=(type(append)(stream="x", expected=-1, events=(message,)),)))
    runner = world.runner(projection())
    await world.caught_up(runner)
    assert runner.position == 1
    assert await world.store.query(Query(table="counts")) == []


@virtual
async def test_waiting_for_a_position(world: World) -> None:
    """A reader that knows its position waits until it is there, and is refused when its deadline passes."""
    runner = world.runner(projection())
    waiting = asyncio.create_task(runner.wait_for(1, world.clock.monotonic() + 5))  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    await world.events("a")
    await waiting
    assert await total(world.store, "a") == 1
    with pytest.raises(DeadlineExceeded, match="not yet at 9"):
        await runner.wait_for(9, world.clock.monotonic() + 5)


class Breaking(Through):
    """A store that fails at chosen commits, before or after making them."""

    def __init__(self, store: EventStore) -> None:
        super().__init__(store)
        self.commits = 0
        self.before: set[int] = set()
        self.after: set[int] = set()

    async def commit(self, transaction: Transaction) -> Committed:
        self.commits += 1
        if self.commits in self.before:
            raise ConnectionLost("The way to the store broke.")
        done = await self.store.commit(transaction)
        if self.commits in self.after:
            raise ConnectionLost("The way back from the store broke.")
        return done


@virtual
async def test_a_broken_way_to_the_store_loses_and_doubles_nothing(world: World) -> None:
    """Commits that fail, or succeed and seem to fail, are tried again until the tables are right."""
    store = Breaking(world.store)
    store.before, store.after = {2, 3, 6}, {4, 7, 8}
    runner = world.runner(projection(), store)
    for _ in range(8):
        await world.events("a", "b")
        await world.caught_up(runner)
    assert (await total(world.store, "a"), await total(world.store, "b")) == (8, 8)
    assert (await runner.statistics()).state == "live"


@virtual
async def test_a_second_runner_stops_and_doubles_nothing(world: World) -> None:
    """Two runners of one projection: the one that finds the position moved stops and says so."""
    await world.events(*("a" * 50))
    runners = [world.runner(projection()) for _ in range(2)]
    await asyncio.sleep(1)
    for number in range(40):
        await world.events("a" if number % 2 else "b")
        await asyncio.sleep(0)
    await asyncio.sleep(1)
    states = sorted([(await one.statistics()).state for one in runners])
    assert states == ["live", "stopped"]
    assert (await total(world.store, "a"), await total(world.store, "b")) == (70, 20)


@virtual
async def test_a_restart_goes_on_where_the_tables_are(world: World) -> None:
    """A runner that was cut off at any moment is followed by one that loses and doubles nothing."""
    for steps in range(30):
        runner = world.runner(projection())
        for _ in range(steps):
            await asyncio.sleep(0)
        await world.events("a", "a", "b")
        world.tasks.pop().cancel()
        await asyncio.sleep(0)
        assert runner.position <= await world.store.head()
    await world.caught_up(world.runner(projection()))
    assert (await total(world.store, "a"), await total(world.store, "b")) == (60, 30)


async def refuses_thirds(recorded: Recorded, reader: Reader) -> Sequence[Write]:
    """Count, but fail on the third message."""
    if msgspec.json.decode(recorded.message.data)["number"] == 3:
        raise KeyError("three")
    return await count_by_stream(recorded, reader)


@virtual
async def test_a_poisonous_event_stops_the_projection_before_it(world: World) -> None:
    """By default the tables stay as they were before the event, and the reason is told; nothing is silent."""
    await world.events("a", "a", "a", "a")
    runner = world.runner(projection(refuses_thirds))
    await asyncio.sleep(1)
    state = await runner.statistics()
    assert (state.state, state.position, state.lag) == ("stopped", 2, 2)
    assert "Event 3" in state.reason
    assert "three" in state.reason
    assert await total(world.store, "a") == 2
    with pytest.raises(DeadlineExceeded):
        await runner.wait_for(4, world.clock.monotonic() + 1000)


@virtual
async def test_a_skipped_event_is_on_the_list(world: World) -> None:
    """With `skip` the projection goes on, and the event stands on the skip-list with its reason."""
    await world.events("a", "a", "a", "a")
    runner = world.runner(projection(refuses_thirds), on_poison=skips)
    await world.caught_up(runner)
    assert await total(world.store, "a") == 3
    (skipped,) = await world.store.query(Query(table=SKIPPED))
    assert skipped.document["position"] == 3
    assert "three" in skipped.document["reason"]
    assert (await runner.statistics()).skipped == 1


# ------------------------------------------------------------------------------------------------ rebuilding


@virtual
async def test_a_rebuild_gives_the_same_tables(world: World) -> None:
    """Built anew beside the live ones while events come in, the tables are equal by hash, and live goes on."""
    await world.events(*("abca" * 300))
    runner = world.runner(projection())
    await world.caught_up(runner)
    before = await table_hash(world.store, "counts")
    (report,) = await rebuilt(runner)
    assert report.equal
    assert (report.documents, report.hash) == before == await table_hash(world.store, "counts")
    await world.events("a", "d")
    await world.caught_up(runner)
    assert (await total(world.store, "a"), await total(world.store, "d")) == (601, 1)
    (again,) = await rebuilt(runner)
    assert again.equal
    restarted = world.runner(projection())
    world.tasks.pop(0).cancel()
    await world.caught_up(restarted)
    assert await total(world.store, "a") == 601


@virtual
async def test_a_rebuild_finds_what_is_not_from_the_log(world: World) -> None:
    """A table that somebody changed by hand differs from its rebuild; after the switch the log is right again."""
    await world.events("a", "b")
    runner = world.runner(projection())
    await world.caught_up(runner)
    await world.store.commit(Transaction(writes=(Put(table="counts", key="a", document={"total": 99}),)))
    (report,) = await rebuilt(runner)
    assert not report.equal
    assert await total(world.store, "a") == 1


async def doubled(recorded: Recorded, reader: Reader) -> Sequence[Write]:
    """The next version: the same with one field more."""
    (put,) = await count_by_stream(recorded, reader)
    assert isinstance(put, Put)
    return (Put(table="counts", key=put.key, document={**put.document, "new": True}, group=put.group),)


@virtual
async def test_a_new_version_is_built_beside_the_old_tables(world: World) -> None:
    """With a higher version the old tables answer until the new ones have caught up; cut off, building goes on."""
    await world.events(*("ab" * 400))
    await world.caught_up(world.runner(projection()))
    world.tasks.pop().cancel()
    await world.events("a")
    for _ in range(5):
        world.runner(projection(doubled, version=2))
        for _ in range(12):
            await asyncio.sleep(0)
        world.tasks.pop().cancel()
        await asyncio.sleep(0)
        found = await world.store.get("counts", "a")
        assert found is not None
        assert found.document["total"] >= 400
    runner = world.runner(projection(doubled, version=2))
    await world.caught_up(runner)
    found = await world.store.get("counts", "a")
    assert found is not None
    assert found.document == {"total": 401, "new": True}
    assert (await runner.statistics()).version == 2
