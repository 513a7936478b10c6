"""Whatever processes do and suffer: the facts tell one life after the other, and targets follow who lives."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.contexts.roles.module import LEASE_S
from autobot.testing.fleet import Fleet, Process, broken_order
from autobot.testing.virtual_time import ManualClock

NOTICED = int(LEASE_S) + 2
WHO = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(0, 2)),
        st.tuples(st.just("kill"), WHO),
        st.tuples(st.just("pause"), WHO),
        st.tuples(st.just("go on"), WHO),
        st.tuples(st.just("drain"), WHO),
        st.tuples(st.just("leave"), WHO),
        st.tuples(st.just("set clock"), WHO),
        st.tuples(st.just("cut"), st.integers(0, 1)),
        st.tuples(st.just("lose a word"), WHO),
        st.tuples(st.just("wait"), st.integers(1, 5)),
        st.tuples(st.just("wait"), st.integers(10, 30)),
    ),
    min_size=5,
    max_size=40,
)


class History:
    """A fleet and what was done to each process."""

    def __init__(self) -> None:
        clock = ManualClock()
        self.fleet = Fleet(MemoryEventStore(clock), clock=clock)
        self.left: list[Process] = []
        self.drained: list[Process] = []

    async def do(self, step: str, number: int) -> None:
        """Do one step; what cannot be done now is left out."""
        if step == "start":
            await self.start(f"backend-{number}")
            return
        if step == "wait":
            await self.fleet.passed(number)
            return
        if step == "cut":
            for one in self.fleet.processes:
                one.way.cut = bool(number)
            return
        able = [one for one in self.fleet.processes if one.alive]
        if able:
            await self.act(step, able[number % len(able)])

    async def start(self, name: str) -> None:
        """Start a process where a store can be reached; its folder's lock keeps a second one of its id away."""
        taken = [one for one in self.fleet.processes if one.alive and one.own.id == name]
        cut = any(one.way.cut for one in self.fleet.processes)
        if not cut and len(taken) < 2 and len(self.fleet.processes) < 8:
            await self.fleet.start(name)

    async def act(self, step: str, one: Process) -> None:
        """Do something to one process."""
        match step:
            case "kill":
                one.alive = False
            case "pause" | "go on":
                one.paused = step == "pause"
            case "set clock":
                one.clock.off = timedelta(hours=37) - one.clock.off
            case "lose a word":
                one.way.lost_words = 1
            case "drain" if not one.way.cut and not one.paused:
                one.way.lost_words = 0
                await one.member.drain("it leaves")
                self.drained.append(one)
            case "leave" if not one.way.cut and not one.paused:
                one.way.lost_words = 0
                await asyncio.gather(one.member.leave(), one.member.renew())
                await one.member.renew()
                one.alive = False
                self.left.append(one)

    async def judge_now(self) -> None:
        """Hold what must hold at every moment."""
        assert broken_order(await self.fleet.facts()) == []
        live = {
            row.address for row in (await self.fleet.rows()).values() if not row.draining and not row.lost
        }
        gone = {one.own.address for one in [*self.left, *self.drained]}
        assert not live & gone, "who left or drains is nobody's target"

    async def judge_in_the_end(self) -> None:
        """When all goes on and all is noticed, everybody's targets are exactly those who live and do not drain."""
        for one in self.fleet.processes:
            one.paused, one.way.cut, one.way.lost_words = False, False, 0
        await self.fleet.passed(5 * NOTICED)
        able = [one for one in self.fleet.processes if one.alive]
        wanted = {one.own.address for one in able if one not in self.drained}
        assert all(one.targets == wanted for one in able)
        assert len({one.id for one in able}) == len(able), "no two live under one id"
        before = len(await self.fleet.told())
        await self.fleet.passed(30)
        assert len(await self.fleet.told()) == before, "the log does not grow by time"


async def play(steps: list[tuple[str, int]]) -> None:
    """Do the steps one after the other, and judge."""
    history = History()
    for number in range(3):
        await history.start(f"backend-{number}")
    await history.fleet.passed(4)
    for step, number in steps:
        await history.do(step, number)
        await history.judge_now()
    await history.judge_in_the_end()


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_facts_and_targets_follow_who_lives(steps: list[tuple[str, int]]) -> None:
    """Over starts, kills, pauses, drains, clocks that are set, outages and lost answers."""
    asyncio.run(play(steps))
