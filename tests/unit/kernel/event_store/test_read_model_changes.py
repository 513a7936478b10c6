"""What is in force of a read model changes in one commit, goes back in one, and leaves nothing erased behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from autobot.kernel.core.errors import Conflict, DataCorrupt
from autobot.kernel.event_store.projection import Reader, Write
from autobot.kernel.event_store.transaction import Delete, Document, Put, Query, Recorded, Transaction
from tests.unit.kernel.event_store.test_projection import (
    Breaking,
    World,
    count_by_stream,
    projection,
    total,
    virtual,
)


async def until_erased(recorded: Recorded, reader: Reader) -> Sequence[Write]:
    """Count, and forget a stream at its event of the type that stands for its deletion."""
    if recorded.message.type == "autobot.test.gone.v1":
        return (Delete(table="counts", key=recorded.stream),)
    return await count_by_stream(recorded, reader)


async def beside(world: World, generation: int) -> dict[str, int]:
    """Return the totals of tables that are not in force."""
    found: Sequence[Document] = await world.store.query(Query(table=f"counts~{generation}"))
    return {one.key: one.document["total"] for one in found}


async def spoil(world: World) -> None:
    """Change a live document by hand, so that one can see which tables are in force."""
    await world.store.commit(Transaction(writes=(Put(table="counts", key="a", document={"total": 99}),)))


@virtual
async def test_a_candidate_changes_nothing_until_the_switch(world: World) -> None:
    """Built, compared and followed beside, it is in force after the switch and not before; the old tables are kept."""
    await world.events(*("ab" * 700))
    runner = world.runner(projection())
    await world.caught_up(runner)
    await spoil(world)
    assert await runner.build() == 1
    found = await runner.compare()
    assert (found.equal, found.position) == (False, 1400)
    await world.events("a")
    await world.caught_up(runner)
    assert await total(world.store, "a") == 100
    await runner.switch()
    assert await total(world.store, "a") == 701
    await world.events("a", "b")
    await world.caught_up(runner)
    assert await total(world.store, "a") == 702
    assert await beside(world, 0) == {"a": 101, "b": 701}
    stands = (await runner.statistics()).beside
    assert (stands.generation, stands.candidate, stands.previous) == (1, None, 0)


@virtual
async def test_a_rollback_goes_back_and_can_be_taken_back(world: World) -> None:
    """The kept tables have followed the log: they are in force again with all events, and so are the others after."""
    await world.events("a", "b")
    runner = world.runner(projection())
    await world.caught_up(runner)
    await spoil(world)
    await runner.build()
    await runner.switch()
    await world.events("a")
    await world.caught_up(runner)
    await runner.rollback()
    assert await total(world.store, "a") == 100
    await world.events("a")
    await world.caught_up(runner)
    assert (await total(world.store, "a"), await beside(world, 1)) == (101, {"a": 3, "b": 1})
    await runner.switch()
    assert await total(world.store, "a") == 3
    await runner.discard(kept=True)
    assert await beside(world, 0) == {}
    assert (await total(world.store, "a"), await total(world.store, "b")) == (3, 1)


@virtual
async def test_a_restart_finds_candidate_and_kept_tables(world: World) -> None:
    """A new process brings both to where the live tables are, whatever happened while none followed."""
    await world.events("a")
    runner = world.runner(projection())
    await world.caught_up(runner)
    await runner.build()
    await runner.switch()
    await runner.build()
    world.tasks.pop().cancel()
    await asyncio.sleep(0)
    await world.events("a", "b")
    again = world.runner(projection())
    await world.caught_up(again)
    assert (await again.compare()).equal
    assert await beside(world, 0) == await beside(world, 2) == {"a": 2, "b": 1}


@virtual
async def test_a_number_is_never_given_twice(world: World) -> None:
    """A candidate after a discarded one is built from the beginning, though the discarded one's position stays."""
    await world.events("a", "b", "a")
    runner = world.runner(projection())
    await world.caught_up(runner)
    assert await runner.build() == 1
    await runner.discard()
    assert await beside(world, 1) == {}
    assert await runner.build() == 2
    assert await beside(world, 2) == {"a": 2, "b": 1}


@virtual
async def test_what_is_erased_goes_out_of_all_generations(world: World) -> None:
    """Candidate and kept tables take the deletion that the live ones take, also when it came while none followed."""
    await world.events("a", "b")
    made = projection(until_erased)
    runner = world.runner(made)
    await world.caught_up(runner)
    await runner.build()
    await runner.switch()
    await runner.build()
    for stream in ("a", "b"):
        message = world.make.message(stream, type="autobot.test.gone.v1")
        append = world.make.append(stream)
        await world.store.commit(
            Transaction(appends=(type(append)(stream=stream, expected=0, events=(message,)),))
        )
        if stream == "b":
            runner = world.runner(made)
        await world.caught_up(runner)
        world.tasks.pop().cancel()
        await asyncio.sleep(0)
    for generation in (0, 2):
        assert await beside(world, generation) == {}
    assert await world.store.query(Query(table="counts")) == []


@virtual
async def test_a_change_is_made_once(world: World) -> None:
    """The same switch, rollback or discard again is none, so a run that was cut off may repeat it."""
    await world.events("a")
    runner = world.runner(projection())
    await world.caught_up(runner)
    await runner.build()
    await runner.switch("one")
    await runner.switch("one")
    await runner.rollback("two")
    await runner.rollback("two")
    stands = (await runner.statistics()).beside
    assert (stands.generation, stands.candidate, stands.previous) == (0, 1, None)
    await runner.discard("three")
    await runner.discard("three")
    for refused in (runner.switch("four"), runner.rollback("five"), runner.discard("six"), runner.compare()):
        with pytest.raises(Conflict):
            await refused


@virtual
async def test_a_candidate_that_is_discarded_while_it_is_built_leaves_nothing(world: World) -> None:
    """The building ends with a conflict, and no document of it stays."""

    async def slowly(recorded: Recorded, reader: Reader) -> Sequence[Write]:
        await asyncio.sleep(0)
        return await count_by_stream(recorded, reader)

    await world.events(*("ab" * 1500))
    runner = world.runner(projection(slowly))
    await world.caught_up(runner)
    building = asyncio.create_task(runner.build())  # noqa: TID251 - awaited below
    while not await beside(world, 1):
        await asyncio.sleep(0)
    await runner.discard()
    with pytest.raises(Conflict, match="discarded while"):
        await building
    assert await beside(world, 1) == {}


@virtual
async def test_a_candidate_that_meets_a_poisonous_event_is_dropped_with_its_reason(world: World) -> None:
    """The live tables stay in force, the building fails with the event, and the state tells it until the next one."""
    poisonous = set[int]()

    async def sometimes(recorded: Recorded, reader: Reader) -> Sequence[Write]:
        if msgspec.json.decode(recorded.message.data)["number"] in poisonous:
            raise KeyError("bad")
        return await count_by_stream(recorded, reader)

    await world.events("a", "a", "a")
    runner = world.runner(projection(sometimes))
    await world.caught_up(runner)
    poisonous.add(2)
    with pytest.raises(DataCorrupt, match="Event 2"):
        await runner.build()
    state = await runner.statistics()
    assert (state.state, state.beside.candidate) == ("live", None)
    assert "bad" in state.beside.refused
    assert await beside(world, 1) == {}
    poisonous.clear()
    assert await runner.build() == 2
    assert (await runner.statistics()).beside.refused == ""


@virtual
async def test_changes_over_a_broken_way_to_the_store_are_whole(world: World) -> None:
    """Commits that fail, or succeed and seem to fail, during building and switching end in whole tables."""
    store = Breaking(world.store)
    await world.events(*("ab" * 600))
    runner = world.runner(projection(), store)
    await world.caught_up(runner)
    for number in range(store.commits + 1, store.commits + 40, 3):
        store.before.add(number)
        store.after.add(number + 1)
    await runner.build()
    assert (await runner.compare()).equal
    await runner.switch("one")
    assert await total(world.store, "a") == 600
    await runner.rollback("two")
    assert (await total(world.store, "a"), await beside(world, 1)) == (600, {"a": 600, "b": 600})
