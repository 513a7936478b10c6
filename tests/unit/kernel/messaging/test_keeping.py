"""One process keeps a read model, the others tell and change it through the store, and take over when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from autobot.kernel.core.errors import Conflict, DeadlineExceeded, WrongExpectedVersion
from autobot.kernel.event_store.projection import Reader, Write
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.event_store.transaction import ANY, Append, Recorded, Transaction
from autobot.kernel.messaging.keeping import WISHES, Act, Keeper
from autobot.kernel.messaging.leases import TTL_S, Lease
from autobot.testing.virtual_time import run
from tests.unit.kernel.event_store.test_projection import World, count_by_stream, projection, total

Handler = Callable[[Recorded, Reader], Awaitable[Sequence[Write]]]


class Process:
    """A keeper as one process has it."""

    def __init__(self, world: World, name: str, apply: Handler = count_by_stream) -> None:
        self.world, self.policy = world, "stop"
        self.runner = ProjectionRunner(projection(apply), world.store, world.clock, self.on_poison)
        lease = Lease(world.store, world.clock, "projection:counts", name)
        self.keeper = Keeper(self.runner, world.store, world.clock, lease)
        self.task = world.group.create_task(self.keeper.run())
        world.tasks.append(self.task)

    async def on_poison(self) -> Any:
        """What an operator chose."""
        return self.policy

    async def live(self) -> None:
        """Return when it keeps the projection."""
        async with asyncio.timeout(60):
            while (await self.runner.statistics()).state != "live":
                await asyncio.sleep(0.1)

    async def end(self) -> None:
        """Stop it in order."""
        self.task.cancel()
        await asyncio.wait({self.task})

    def change(self, act: Act, name: str) -> asyncio.Task[None]:
        """Ask for a change."""
        return self.world.group.create_task(self.keeper.change(act, name))


async def seen(keeper: Keeper, world: World, seconds: float = 30) -> None:
    """Return when a reader of this process sees all that is in the log."""
    await keeper.wait_for(await world.store.head(), world.clock.monotonic() + seconds)


async def two(world: World, apply: Handler = count_by_stream) -> tuple[Process, Process]:
    """Return the process that keeps, and one that stands by."""
    first = Process(world, "one", apply)
    await first.live()
    return first, Process(world, "two", apply)


def test_readers_of_every_process_see_what_one_keeps() -> None:
    """One that stands by waits for the keeper, tells the same state, and names who keeps it."""

    async def main() -> None:
        async with World() as world:
            first, second = await two(world)
            await world.events("a", "b", "a")
            await seen(second.keeper, world)
            assert await total(world.store, "a") == 2
            # An event of others moves no stored position, and nobody waits for it.
            other = world.make.message("z", type="autobot.other.thing.v1")
            await world.store.commit(
                Transaction(appends=(Append(stream="z", expected=ANY, events=(other,)),))
            )
            await seen(second.keeper, world, 0.0)
            await seen(first.keeper, world)
            mine, theirs = await first.keeper.statistics(), await second.keeper.statistics()
            assert (theirs.state, theirs.position, theirs.lag) == ("live", mine.position, 0)
            await asyncio.sleep(TTL_S)
            assert (first.keeper.kept_by, second.keeper.kept_by) == ("one", "one")
            assert (await second.runner.statistics()).state == "starting"

    run(main())


def test_another_takes_over_where_it_was() -> None:
    """When the keeper ends, in order or by death, another keeps the projection, and each event counts once."""

    async def main() -> None:
        async with World() as world:
            first, second = await two(world)
            await world.events("a", "b")
            await seen(second.keeper, world)
            await first.end()
            await second.live()
            await world.events("a")
            await seen(second.keeper, world)
            assert (await total(world.store, "a"), await total(world.store, "b")) == (2, 1)
            assert second.keeper.kept_by == "two"

    run(main())


def test_one_that_hangs_is_superseded() -> None:
    """One that could not renew its lease stands by; when it goes on it changes nothing that another keeps."""

    async def main() -> None:
        async with World() as world:
            first, second = await two(world)
            await world.events("a")
            await first.runner.build()
            taken = Lease(world.store, world.clock, "projection:counts", "one")
            assert await taken.take()
            with pytest.raises(WrongExpectedVersion):
                await first.runner.switch("late")
            assert (await second.keeper.statistics()).beside.generation == 0

    run(main())


def test_a_change_asked_of_any_process_is_made_by_the_keeper() -> None:
    """Rebuild, parity, switch, rollback and discard through a process that stands by; what is refused, it hears."""

    async def main() -> None:
        async with World() as world:
            _, second = await two(world)
            await world.events("a", "b")
            with pytest.raises(Conflict):
                await second.keeper.change("switch", "0")
            for number, act in enumerate(("rebuild", "parity", "switch"), 1):
                await second.keeper.change(act, str(number))
            stands = (await second.keeper.statistics()).beside
            assert (stands.generation, stands.previous) == (1, 0)
            await second.keeper.change("rollback", "4")
            await second.keeper.change("discard", "5")
            stands = (await second.keeper.statistics()).beside
            assert (stands.generation, stands.candidate, stands.previous) == (0, None, None)
            assert [await world.store.get(WISHES, str(number)) for number in range(6)] == [None] * 6

    run(main())


def test_a_wish_outlives_the_keeper_that_began_it() -> None:
    """A rebuild whose keeper ends in its midst is finished by the next one; who asked notices nothing."""
    reached, opened = asyncio.Event(), asyncio.Event()
    holding: list[int] = []

    async def held(recorded: Recorded, reader: Reader) -> Sequence[Write]:
        if recorded.position in holding:
            reached.set()
            await opened.wait()
        return await count_by_stream(recorded, reader)

    async def main() -> None:
        async with World() as world:
            first, second = await two(world, held)
            await world.events(*("ab" * 600))
            await seen(second.keeper, world)
            holding.append(700)
            asked = second.change("rebuild", "r")
            await reached.wait()
            await first.end()
            opened.set()
            await asked
            stands = (await second.keeper.statistics()).beside
            assert (stands.candidate, stands.ready) == (1, True)
            found = await second.runner.compare()
            assert found.equal

    run(main())


def test_an_event_that_stops_it_is_told_by_every_process() -> None:
    """The reason stands in the store; readers that wait for a later event are told that it is not there."""

    async def refuse(recorded: Recorded, reader: Reader) -> Sequence[Write]:
        if recorded.stream == "bad":
            raise ValueError("no such stream")
        return await count_by_stream(recorded, reader)

    async def main() -> None:
        async with World() as world:
            first, second = await two(world, refuse)
            await world.events("a", "bad", "a")
            while (await second.keeper.statistics()).state != "stopped":
                await asyncio.sleep(0.1)
            told = await second.keeper.statistics()
            assert "no such stream" in told.reason
            assert told.position == 1
            assert (await first.keeper.statistics()).reason == told.reason
            with pytest.raises(DeadlineExceeded):
                await seen(second.keeper, world, 1.0)
            with pytest.raises(Conflict):
                await second.keeper.change("rebuild", "r")
            # Somebody decides that such events are left out: it goes on by itself.
            first.policy = second.policy = "skip"
            while (await second.keeper.statistics()).state != "live":
                await asyncio.sleep(0.1)
            await seen(second.keeper, world)
            assert await total(world.store, "a") == 2
            told = await second.keeper.statistics()
            assert (told.state, told.reason, told.skipped) == ("live", "", 1)

    run(main())
