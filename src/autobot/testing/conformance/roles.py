"""What the roles table promises of processes that live, stop, sleep and leave, on every store.

Subclass `RolesSuite` and override `open`; `fleet` puts other parts under test.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from autobot.contexts.roles.module import LEASE_S
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Conflict
from autobot.kernel.event_store.ports import EventStore
from autobot.testing.fleet import Fleet, broken_order
from autobot.testing.virtual_time import ManualClock

NOTICED = int(LEASE_S) + 2
"""Seconds after the last sign of life in which everybody has noticed: the lease, and a look."""


@pytest.mark.anyio
class RolesSuite(ABC):
    """The promises; each test opens an empty store."""

    clock: Clock = ManualClock()

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[EventStore]:
        """Open an empty store."""

    def fleet(self, store: EventStore) -> Fleet:
        """Return processes to be on a store."""
        return Fleet(store)

    async def test_who_lives_gets_calls_and_the_log_does_not_grow_by_it(self) -> None:
        """Two minutes of signs of life keep everybody in everybody's targets, and add no fact."""
        async with self.open() as store:
            fleet = self.fleet(store)
            one, other = await fleet.start("backend-1"), await fleet.start("backend-2")
            await fleet.passed(120)
            assert one.targets == other.targets == {one.own.address, other.own.address}
            assert await fleet.told() == ["joined backend-1 1", "joined backend-2 1"]

    async def test_who_falls_silent_is_lost_for_all_and_told_once(self) -> None:
        """A killed process gets no calls after its lease, three others notice, and one fact says so."""
        async with self.open() as store:
            fleet = self.fleet(store)
            killed, *others = [await fleet.start(f"backend-{number}") for number in range(4)]
            await fleet.passed(4)
            killed.alive = False
            await fleet.passed(NOTICED)
            assert all(killed.own.address not in one.targets for one in others)
            assert (await fleet.told())[4:] == ["lost backend-0 1"]
            assert (await fleet.rows())["backend-0"].lost

    async def test_who_was_lost_joins_again_in_a_next_life(self) -> None:
        """A process that slept through its lease finds that out with its next word, and gets calls again."""
        async with self.open() as store:
            fleet = self.fleet(store)
            slept, other = await fleet.start("backend-1"), await fleet.start("backend-2")
            slept.paused = True
            await fleet.passed(NOTICED)
            slept.paused = False
            await fleet.passed(2)
            assert slept.own.address in other.targets
            assert (await fleet.told())[2:] == ["lost backend-1 1", "joined backend-1 2"]

    async def test_who_drains_gets_no_calls_and_stays(self) -> None:
        """A draining process is in nobody's targets from the next look on, and gives signs of life until it leaves."""
        async with self.open() as store:
            fleet = self.fleet(store)
            drained, other = await fleet.start("backend-1"), await fleet.start("backend-2")
            await drained.member.drain("it leaves")
            await drained.member.drain("it leaves")
            await fleet.passed(1)
            assert drained.own.address not in other.targets
            await fleet.passed(60)
            assert drained.member.draining
            assert (await fleet.told())[2:] == ["draining backend-1 1"]

    async def test_who_drains_goes_on_draining_in_its_next_life(self) -> None:
        """Being lost and found does not bring a draining process calls: not even one."""
        async with self.open() as store:
            fleet = self.fleet(store)
            drained, other = await fleet.start("backend-1"), await fleet.start("backend-2")
            await drained.member.drain("an operator said so")
            drained.paused = True
            await fleet.passed(NOTICED)
            drained.paused = False
            await fleet.passed(4)
            assert drained.own.address not in other.targets
            assert (await fleet.told())[3:] == [
                "lost backend-1 1",
                "joined backend-1 2",
                "draining backend-1 2",
            ]

    async def test_who_left_never_comes_back(self) -> None:
        """After leaving, neither a sign of life that was under way nor joining brings the row back."""
        async with self.open() as store:
            fleet = self.fleet(store)
            gone, other = await fleet.start("backend-1"), await fleet.start("backend-2")
            await asyncio.gather(gone.member.renew(), gone.member.leave(), gone.member.renew())
            await gone.member.renew()
            with pytest.raises(Conflict):
                await gone.member.join()
            await fleet.passed(8)
            assert other.targets == {other.own.address}
            assert list(await fleet.rows()) == ["backend-2"]
            assert (await fleet.told())[2:] == ["left backend-1 1"]

    async def test_a_restart_takes_its_place_at_once(self) -> None:
        """A new process under the id of a killed one needs not wait for that one's lease."""
        async with self.open() as store:
            fleet = self.fleet(store)
            killed, other = await fleet.start("backend-1"), await fleet.start("backend-2")
            killed.alive = False
            again = await fleet.start("backend-1")
            await fleet.passed(1)
            assert other.targets == {again.own.address, other.own.address}
            await fleet.passed(60)
            assert (await fleet.told())[2:] == ["joined backend-1 2"]

    async def test_two_processes_of_one_id_both_live(self) -> None:
        """The one whose id was taken goes on under another; they do not fight, and the log shows no more than that."""
        async with self.open() as store:
            fleet = self.fleet(store)
            one, other = await fleet.start("backend-1"), await fleet.start("backend-1")
            await fleet.passed(60)
            assert one.id != other.id
            assert one.targets == other.targets == {one.own.address, other.own.address}
            assert await fleet.told() == ["joined backend-1 1", "joined backend-1 2", f"joined {one.id} 1"]

    async def test_no_wall_clock_decides(self) -> None:
        """Clocks that are set by hours or days, forwards and back, on some machines, lose nobody and keep nobody."""
        async with self.open() as store:
            fleet = self.fleet(store)
            one, other, third = [await fleet.start(f"backend-{number}") for number in range(3)]
            for hours in (-26, 1, 26, -1, 0):
                one.clock.off, other.clock.off = timedelta(hours=hours), timedelta(hours=-hours / 2)
                await fleet.passed(7)
                assert one.targets == other.targets == third.targets
                assert len(third.targets) == 3
            one.alive, other.clock.off = False, timedelta(hours=-3)
            await fleet.passed(NOTICED)
            assert one.own.address not in other.targets | third.targets
            assert (await fleet.told())[3:] == ["lost backend-0 1"]

    async def test_an_outage_of_the_store_loses_nobody(self) -> None:
        """While nobody can give a sign of life nobody's lease runs; the last known targets stay meanwhile."""
        async with self.open() as store:
            fleet = self.fleet(store)
            all_of_them = [await fleet.start(f"backend-{number}") for number in range(3)]
            await fleet.passed(5)
            for cut in (True, False):
                for one in all_of_them:
                    one.way.cut = cut
                await fleet.passed(90)
                assert all(len(one.targets) == 3 for one in all_of_them)
            assert len(await fleet.told()) == 3

    async def test_who_slept_itself_calls_nobody_lost_for_it(self) -> None:
        """A process that did not look for minutes finds those alive that gave their signs meanwhile."""
        async with self.open() as store:
            fleet = self.fleet(store)
            slept = await fleet.start("gateway-1", "gateway")
            awake = await fleet.start("backend-1")
            slept.paused = True
            await fleet.passed(240)
            slept.paused = False
            await fleet.passed(1)
            assert awake.own.address in slept.targets
            assert "lost backend-1 1" not in await fleet.told()

    async def test_a_lost_word_is_not_said_twice(self) -> None:
        """When only the store's answer got lost, the process knows its row again with the next word."""
        async with self.open() as store:
            fleet = self.fleet(store)
            one = await fleet.start("backend-1")
            for _ in range(4):
                one.way.lost_words = 1
                await fleet.passed(4)
            await fleet.passed(60)
            assert one.targets == {one.own.address}
            assert await fleet.told() == ["joined backend-1 1"]
            assert broken_order(await fleet.facts()) == []
