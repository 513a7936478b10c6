"""The replay of many: which, how fast, when it stops, over restarts."""

from __future__ import annotations

import asyncio

import pytest

from autobot.contracts import messaging, replays
from autobot.kernel.core.errors import Forbidden, InvalidInput, NotFound
from autobot.testing import virtual_time
from tests.unit.contexts.messaging.world import GROUP, OLA, UMA, World

ALL = messaging.Selection(group=GROUP)


async def ended(world: World, replay_id: str) -> replays.ReplayView:
    """Wait until a replay is over."""
    while True:
        view = await world.ask(replays.GetReplay(id=replay_id))
        if view.ended_at is not None:
            return view
        await asyncio.sleep(0.2)


def keys(count: int) -> list[str]:
    """So many different keys."""
    return [f"k{number:03d}" for number in range(1, count + 1)]


async def dead(world: World, count: int) -> None:
    """Make dead letters, each of its own key, numbered from 1."""
    world.orders.refuses = set(range(1, count + 1))
    await world.order(keys(count))


def test_a_replay_goes_at_its_rate_and_tells_how_it_went() -> None:
    """All that were dead are delivered once, no faster than asked; what fails again is counted and stays."""

    async def main() -> None:
        world = World()
        async with world.running():
            await dead(world, 60)
            world.orders.refuses = {7, 8}
            began = world.clock.monotonic()
            asked = await world.do(replays.RequestReplay(selection=ALL, per_second=5.0))
            assert (asked.status, asked.asked_by) == ("accepted", "ola")
            view = await ended(world, asked.id)
            assert view.status == "completed"
            assert view.tally == replays.Tally(replayed=60, settled=58, failed=2)
            assert world.clock.monotonic() - began >= 58 / 5.0
            assert [one.key for one in await world.letters()] == ["k007", "k008"]
            assert sum(map(len, (await world.done()).values())) == 58
            (listed,) = (await world.ask(replays.ListReplays())).items
            assert listed == view
            facts = [one for one in await world.facts() if isinstance(one, messaging.DeadLetterReplayed)]
            assert {(one.by, one.replay) for one in facts} == {("ola", asked.id)}

    virtual_time.run(main())


def test_a_preview_says_what_would_be_replayed() -> None:
    """It counts what the selection names, shows the first of them, and changes nothing."""

    async def main() -> None:
        world = World()
        async with world.running():
            await dead(world, 60)
            head = await world.store.head()
            preview = await world.ask(replays.PreviewReplay(selection=ALL))
            assert (preview.count, len(preview.items)) == (60, 50)
            one = messaging.Selection(key="k003")
            assert (await world.ask(replays.PreviewReplay(selection=one))).count == 1
            assert await world.store.head() == head
            for ask in (world.ask(replays.PreviewReplay(selection=messaging.Selection())),
                        world.do(replays.RequestReplay(selection=messaging.Selection()))):  # fmt: skip
                with pytest.raises(InvalidInput):
                    await ask

    virtual_time.run(main())


def test_too_many_failures_leave_the_rest() -> None:
    """After ten outcomes of which more than the asked part failed the replay halts; the others stay dead."""

    async def main() -> None:
        world = World()
        async with world.running():
            await dead(world, 100)
            command = replays.RequestReplay(selection=ALL, per_second=10.0, stop_at_percent=20)
            view = await ended(world, (await world.do(command)).id)
            assert view.status == "halted"
            assert 10 <= view.tally.replayed <= 12
            assert view.tally.failed == view.tally.replayed
            assert len(await world.letters()) == 100

    virtual_time.run(main())


def test_a_person_stops_it() -> None:
    """Stopped, a replay leaves the rest as it is; stopping it again changes nothing."""

    async def main() -> None:
        world = World()
        async with world.running():
            await dead(world, 100)
            world.orders.refuses = set()
            asked = await world.do(replays.RequestReplay(selection=ALL, per_second=5.0))
            await asyncio.sleep(12.0)
            noted = await world.ask(replays.GetReplay(id=asked.id))
            assert (noted.status, noted.tally.settled) == ("running", 50)
            assert (await world.do(replays.StopReplay(id=asked.id))).stopping
            view = await ended(world, asked.id)
            assert view.status == "stopped"
            left = len(await world.letters())
            assert 0 < left < 50
            assert await world.do(replays.StopReplay(id=asked.id)) == view
            await asyncio.sleep(60.0)
            assert len(await world.letters()) == left

    virtual_time.run(main())


@pytest.mark.parametrize("stopped_meanwhile", [False, True])
def test_it_goes_on_after_a_restart(stopped_meanwhile: bool) -> None:
    """The next process carries a replay on where it was, each dead letter once; one stopped meanwhile ends."""

    async def main() -> None:
        world = World()
        async with world.running():
            await dead(world, 80)
            world.orders.refuses = {80}
            asked = await world.do(replays.RequestReplay(selection=ALL, per_second=10.0))
            await asyncio.sleep(6.55)
        view = await world.ask(replays.GetReplay(id=asked.id))
        assert view.status == "running"
        left = len(await world.letters())
        assert 0 < left < 80
        if stopped_meanwhile:
            await world.do(replays.StopReplay(id=asked.id))
        async with world.running():
            view = await ended(world, asked.id)
            await world.settled()
            if stopped_meanwhile:
                assert view.status == "stopped"
                assert len(await world.letters()) == left
                return
            assert view.status == "completed"
            assert (view.tally.replayed, view.tally.settled, view.tally.failed) == (80, 79, 1)
            assert sorted(one for done in (await world.done()).values() for one in done) == list(range(1, 80))
            facts = [one for one in await world.facts() if isinstance(one, messaging.DeadLetterReplayed)]
            assert len(facts) == len({one.letter for one in facts}) == 80

    virtual_time.run(main())


def test_what_dies_later_is_not_part_of_it() -> None:
    """A replay takes what was dead when it was asked for: those behind a replayed one that die then are left."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1, 2, 3}
        async with world.running():
            await world.order("aaa")
            world.orders.refuses = {2, 3}
            await asyncio.sleep(1.0)
            view = await ended(world, (await world.do(replays.RequestReplay(selection=ALL))).id)
            assert view.tally == replays.Tally(replayed=1, settled=1)
            assert [one.position for one in await world.letters()] == [2]

    virtual_time.run(main())


def test_a_held_group_leaves_outcomes_open() -> None:
    """While its group is held a replay ends without knowing what became of the rest, and says so."""

    async def main() -> None:
        world = World()
        async with world.running():
            await dead(world, 3)
            world.orders.refuses = set()
            await world.do(messaging.HoldConsumer(group=GROUP, reason="Looking."))
            view = await ended(world, (await world.do(replays.RequestReplay(selection=ALL))).id)
            assert view.tally == replays.Tally(replayed=3, open=3)
            assert await world.done() == {}
            await world.do(messaging.ReleaseConsumer(group=GROUP, reason="Looked."))
            await world.settled()
            assert len(await world.done()) == 3

    virtual_time.run(main())


def test_a_hold_is_stored_and_told() -> None:
    """A held group says who and why, also after a restart; unknown groups are not there; users may not."""

    async def main() -> None:
        world = World()
        async with world.running():
            await world.do(messaging.HoldConsumer(group=GROUP, reason="Looking."))
            await world.do(messaging.HoldConsumer(group=GROUP, reason="Still looking."))
            with pytest.raises(NotFound):
                await world.do(messaging.HoldConsumer(group="unknown", reason="Looking."))
        async with world.running():
            await asyncio.sleep(1.0)
            (orders, other, _) = (await world.ask(messaging.ListConsumers())).items
            assert (orders.group, orders.state, orders.held) == (GROUP, "paused", True)
            assert orders.reason == "Held by ola: Still looking."
            assert (other.state, other.held) == ("running", False)
            await world.do(messaging.ReleaseConsumer(group=GROUP, reason="Looked."))
            await world.order("ab")
            assert await world.done() == {"a": [1], "b": [2]}
            with pytest.raises(Forbidden):
                await world.do(replays.NoteReplay(id="x", status="completed"), OLA)
            with pytest.raises(Forbidden):
                await world.ask(replays.ListReplays(), UMA)

    virtual_time.run(main())
