"""Read models as they were: equal to what a projection wrote by then, cheap to step through, without what was erased."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.errors import DataCorrupt, NotFound
from autobot.kernel.event_store.erasures import counted
from autobot.kernel.event_store.past import COPIES, Past, difference
from autobot.kernel.event_store.projection import OnPoison, Projection, Reader, Write, stops
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.event_store.transaction import (
    ANY,
    Append,
    Delete,
    Document,
    Erase,
    Put,
    Query,
    Recorded,
    Transaction,
)
from autobot.testing.faults import Through
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import VirtualClock, run

pytestmark = pytest.mark.anyio

WORDS = ("put", "more", "drop", "clear")
Step = tuple[str, str]
STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(WORDS)), min_size=1, max_size=40)


async def notes(recorded: Recorded, reader: Reader) -> Sequence[Write]:
    """A document a stream; `clear` removes all of the stream's first letter, found by a query."""
    if recorded.message.erased:
        return ()
    data = msgspec.json.decode(recorded.message.data)
    if data["word"] == "poison":
        raise ValueError("no such word")
    before = await reader.get("notes", recorded.stream)
    if data["word"] == "drop":
        return (Delete(table="notes", key=recorded.stream),)
    if data["word"] == "clear":
        all_of_it = await reader.query(Query(table="notes", group=recorded.stream[0], limit=500))
        return tuple(Delete(table="notes", key=one.key) for one in all_of_it)
    texts = [*(before.document["texts"] if before else ()), data["text"]]
    document = {"texts": texts, "pair": (1, 2)}
    return (Put(table="notes", key=recorded.stream, document=document, group=recorded.stream[0], sort="s"),)


async def skips() -> OnPoison:
    """Leave poison out."""
    return "skip"


def projection(**fields: Any) -> Projection:
    """Return the projection under test."""
    return Projection(name="notes", types=("autobot.test.*",), tables=("notes",), apply=notes, **fields)


class Counting(Through):
    """A store that counts the events that were read from its log."""

    read = 0

    async def read_all(self, **arguments: Any) -> Sequence[Recorded]:
        found = await self.store.read_all(**arguments)
        self.read += len(found)
        return found


class World:
    """A log of notes, and its past."""

    def __init__(self, **fields: Any) -> None:
        self.clock = VirtualClock()
        self.make = Maker(self.clock)
        self.store = Counting(MemoryEventStore(self.clock))
        self.past = Past(self.store, [projection(**fields)])

    async def say(self, stream: str, word: str, text: str = "") -> None:
        message = self.make.message(stream, {"word": word, "text": text})
        append = Append(stream=stream, expected=ANY, events=(message,))
        await self.store.commit(Transaction(appends=(append,)))

    async def shown(self, position: int) -> Mapping[str, Any]:
        rows = (await self.past.tables("notes", position)).rows("notes")
        return {key: one.document for key, one in rows.items()}


async def written(world: World) -> Mapping[str, Document]:
    """Return what a runner of the projection writes for the log."""
    runner = ProjectionRunner(projection(), world.store, world.clock)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(runner.run())
        await runner.wait_for(await world.store.head(), world.clock.monotonic() + 60)
        following.cancel()
    return {one.key: one for one in await world.store.query(Query(table="notes", limit=500))}


@given(steps=STEPS, asked=st.lists(st.integers(0, 45), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_past_is_what_a_projection_had_written_by_then(steps: list[Step], asked: list[int]) -> None:
    """Whatever the log and the order of questions, each answer is what the projection itself writes for that much log."""

    async def check() -> None:
        world = World()
        for number, (stream, word) in enumerate(steps):
            await world.say(stream, word, str(number))
        for position in asked:
            shorter = World()
            for number, (stream, word) in enumerate(steps[:position]):
                await shorter.say(stream, word, str(number))
            tables = await world.past.tables("notes", position)
            expected = await written(shorter)
            assert {key: one.document for key, one in expected.items()} == await world.shown(position)
            page = await tables.query(Query(table="notes", order="descending", limit=2))
            stored = await shorter.store.query(Query(table="notes", order="descending", limit=2))
            assert [one.key for one in stored] == [one.key for one in page]

    run(check())


async def test_a_step_of_the_slider_costs_the_events_between() -> None:
    """The second question reads only what lies between it and the nearest copy, and copies are bounded."""
    world = World()
    for number in range(600):
        await world.say("a", "put", str(number))
    await world.past.tables("notes", 500)
    assert world.past.folded == 500
    await world.past.tables("notes", 507)
    assert world.past.folded == 507
    await world.past.tables("notes", 500)
    assert world.past.folded == 507
    for position in range(520, 600):
        await world.past.tables("notes", position)
    assert world.past.folded == 599
    assert world.past.kept == COPIES


async def test_what_was_erased_is_in_no_past() -> None:
    """Copies that hold erased text are dropped when it is erased, and a new fold does not find it."""
    world = World()
    await world.say("a", "put", "a secret")
    await world.say("b", "put", "kept")
    assert "a" in await world.shown(1)
    await world.store.commit(Transaction(erase=(Erase(stream="a", reason="asked"),)))
    world.past.forget()
    assert await world.shown(1) == {}
    assert list(await world.shown(2)) == ["b"]


async def test_what_another_process_erased_is_in_no_past() -> None:
    """An erasure through another process's store is seen by its mark, though nobody calls `forget` here."""
    world = World()
    await world.say("a", "put", "a secret")
    assert "a" in await world.shown(1)
    elsewhere = counted(Transaction(erase=(Erase(stream="a", reason="asked"),)))
    await world.store.commit(elsewhere)
    assert await world.shown(1) == {}
    assert counted(Transaction()) == Transaction()


async def test_a_fold_under_way_while_text_is_erased_keeps_no_copy() -> None:
    """What a fold read before the erasure is answered to who asked before it, and to nobody after."""
    world = World()
    for number in range(3):
        await world.say("a", "put", f"secret {number}")

    class Erasing(Counting):
        async def read_all(self, **arguments: Any) -> Sequence[Recorded]:
            found = await super().read_all(**arguments)
            if not await self.checkpoint("erased"):
                await self.store.commit(Transaction(erase=(Erase(stream="a", reason="asked"),)))
                world.past.forget()
            return found

    world.past = Past(Erasing(world.store), [projection()])
    await world.past.tables("notes", 3)
    assert world.past.kept == 0


async def test_a_poison_event_stops_the_past_or_is_left_out() -> None:
    """As the projection's configuration says of its live tables: an error that names the event, or without it."""
    for policy in (stops, skips):
        world = World()
        world.past = Past(world.store, [projection()], policy)
        await world.say("a", "put", "first")
        await world.say("a", "poison")
        await world.say("a", "more", "last")
        assert (await world.shown(1))["a"]["texts"] == ["first"]
        if policy is skips:
            assert (await world.shown(3))["a"]["texts"] == ["first", "last"]
        else:
            with pytest.raises(DataCorrupt, match="Event 2 stops notes: ValueError: no such word"):
                await world.shown(3)


async def test_unknown_names_are_named() -> None:
    """A read model or table that does not exist is refused with those that do."""
    world = World()
    with pytest.raises(NotFound, match="there are: notes"):
        await world.past.tables("nothing", 0)
    with pytest.raises(NotFound, match="there are: notes"):
        (await world.past.tables("notes", 0)).rows("nothing")


async def test_the_difference_names_what_was_added_removed_and_changed() -> None:
    """Documents that are the same are left out."""
    world = World()
    for stream, word in (
        ("a", "put"),
        ("b", "put"),
        ("c", "put"),
        ("a", "more"),
        ("b", "drop"),
        ("d", "put"),
    ):
        await world.say(stream, word)
    before = (await world.past.tables("notes", 3)).rows("notes")
    after = (await world.past.tables("notes", 6)).rows("notes")
    found = {key: (old is None, new is None) for key, old, new in difference(before, after)}
    assert found == {"a": (False, False), "b": (False, True), "d": (True, False)}
