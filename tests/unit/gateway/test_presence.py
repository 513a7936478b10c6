"""Open sessions are said to all processes, each shows those of all, and what is out of reach delays nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from autobot.gateway.realtime.fanout import Fanout
from autobot.gateway.realtime.presence import EVERY_S, LOOK_S, PresenceBoard
from autobot.kernel.core.errors import ConnectionLost
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.messaging.presence import LEASE_S, Connected, MemoryPresence, Presence
from autobot.testing.virtual_time import VirtualClock, run, seeded
from tests.unit.gateway.channels import RUN, session, world


class Cut(MemoryPresence):
    """A presence whose way can be cut."""

    away = False

    async def seen(self, sessions: Sequence[Connected], lease_s: float = LEASE_S) -> None:
        if self.away:
            raise ConnectionLost("The way is cut.")
        await super().seen(sessions, lease_s)

    async def who(self, tenant: str) -> Sequence[Connected]:
        if self.away:
            raise ConnectionLost("The way is cut.")
        return await super().who(tenant)


def gateway(presence: Presence, name: str) -> tuple[Fanout, PresenceBoard]:
    """One process with its fan-out."""
    fanout, _ = world()
    clock = VirtualClock()
    return fanout, PresenceBoard(fanout, presence, name, clock, Uuid7Source(clock, seeded()))


@asynccontextmanager
async def both(presence: Presence) -> AsyncIterator[tuple[tuple[Fanout, PresenceBoard], ...]]:
    """Two processes that say what is open."""
    made = gateway(presence, "one"), gateway(presence, "two")
    async with made[0][0], made[1][0], asyncio.TaskGroup() as group:
        tasks = [group.create_task(board.run()) for _, board in made]
        yield made
        for task in tasks:
            task.cancel()


async def shown(board: PresenceBoard) -> list[tuple[str, tuple[str, ...]]]:
    """What a board shows once all has been said and asked anew."""
    await asyncio.sleep(LOOK_S)
    return [(one.process, one.watches) for one in (await board.who("default")).sessions]


def test_windows_of_other_processes_are_shown() -> None:
    """What opens, follows a channel and closes in one process is seen in the other, within a second."""

    async def main() -> None:
        async with both(MemoryPresence(VirtualClock())) as ((one, first), (two, second)):
            mine, other = session(one), session(two)
            await two.subscribe(other, RUN, None)
            assert sorted(await shown(first)) == [("one", ()), ("two", (RUN,))]
            two.exit(other)
            assert await shown(first) == [("one", ())]
            one.exit(mine)
            assert await shown(second) == []

    run(main())


def test_a_process_that_dies_is_forgotten_with_its_lease() -> None:
    """Nobody takes the windows of a killed process away, so they leave when their time is over; others are renewed."""

    async def main() -> None:
        presence = MemoryPresence(VirtualClock())
        async with both(presence) as ((one, first), _):
            session(one)
            dead = Connected(session="x", principal="alice", tenant="default", process="dead", since="2026")
            await presence.seen([dead])
            assert len(await shown(first)) == 2
            await asyncio.sleep(LEASE_S)
            assert await shown(first) == [("one", ())]

    run(main())


def test_what_is_out_of_reach_is_said() -> None:
    """Without the way to the others a process shows what it has itself, says so, and tells all when the way is back."""

    async def main() -> None:
        presence = Cut(VirtualClock())
        async with both(presence) as ((one, first), (_, second)):
            presence.away = True
            session(one)
            assert await shown(first) == [("one", ())]
            assert not (await first.who("default")).complete
            presence.away = False
            await asyncio.sleep(EVERY_S)
            assert await shown(second) == [("one", ())]
            assert (await second.who("default")).complete

    run(main())
