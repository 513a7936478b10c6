"""Runs of one serial key: one after the other, and whoever is taken up again goes before those behind it."""

from __future__ import annotations

import pytest

from autobot.kernel.event_store.transaction import Append, Transaction
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.turns import Turns
from tests.unit.kernel.sagas.test_engine import ANN, Script, accept, engine, types
from tests.unit.kernel.support import World

pytestmark = pytest.mark.anyio


def test_each_key_has_its_own_turn() -> None:
    """First come, first served in a key; other keys are not waited for."""
    turns = Turns()
    assert [turns.join(*one) for one in (("a", "a1"), ("a", "a2"), ("b", "b1"))] == [True, False, True]
    assert turns.first() == ("a1", "b1")
    assert (turns.leave("a"), turns.leave("a"), turns.leave("b")) == ("a2", None, None)
    assert turns.first() == ()


def test_a_kept_place_is_given_back_once() -> None:
    """Who keeps its place joins at the head; having left for good, it joins at the end."""
    turns = Turns()
    turns.join("a", "a1")
    turns.join("a", "a2")
    turns.keep("a1")
    assert turns.keeps("a1")
    assert turns.join("a", "a1")
    assert not turns.keeps("a1")
    assert turns.leave("a") == "a2"
    assert not turns.join("a", "a1")


async def test_who_is_behind_an_end_that_could_not_be_told_waits_for_it() -> None:
    """The next run of the same key begins with what the first one told, or a replay would find other input."""
    world, saw = World(), list[tuple[str, bool]]()

    async def work(run: Run) -> None:
        saw.append((run.id, "r1" in script.told and not script.cut_off))

    script = Script(work)
    script.cut_off = True
    async with engine(world, script, again_s=0.01) as made:
        await accept(made, "r1")
        await accept(made, "r2")
        await script.finished.wait()
        script.finished.clear()
        await script.finished.wait()
        script.cut_off = False
        await made.ended("r2")
    assert [run_id for run_id, _ in saw if run_id == "r2"] == ["r2"]
    assert saw[-1] == ("r2", True)
    assert (await types(world, "r1")).count("run_completed") == 1


async def test_who_is_behind_a_run_whose_stream_moved_on_waits_until_it_is_carried_to_its_end() -> None:
    """A commit whose answer was lost lets a run be taken up again; meanwhile its place is kept."""
    world = World()
    order = list[str]()

    async def work(run: Run) -> None:
        order.append(run.id)

        async def lose() -> str:
            if order == ["r1"]:
                here = world.codec.wrap(
                    facts.SignalSent(run_id=run.id, name="other", by="ann", payload=None),
                    facts.stream_of(run.id),
                    ANN,
                )
                append = Append(stream=facts.stream_of(run.id), expected=run.history.revision, events=(here,))
                await world.store.commit(Transaction(appends=(append,)))
            return "done"

        await run.step("one", "work", lose, str, resumable=True)

    async with engine(world, Script(work)) as made:
        await accept(made, "r1")
        await accept(made, "r2")
        await made.ended("r2")
    assert order == ["r1", "r1", "r2"]
