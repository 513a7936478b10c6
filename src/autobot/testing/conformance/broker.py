"""What `Broker` promises. Subclass `BrokerSuite`, override `open`, and `run` where time is real."""

from __future__ import annotations

import asyncio

import pytest

from autobot.kernel.core.errors import Conflict, DeadlineExceeded, NotFound
from autobot.kernel.event_store.transaction import Append, Recorded, Transaction
from autobot.kernel.messaging.broker import Broker, Delivery
from autobot.testing.conformance.broker_base import GROUP, BrokerBase, Place, Work
from autobot.testing.conformance.broker_deciding import DecidingSuite
from autobot.testing.conformance.broker_failures import FailuresSuite
from autobot.testing.messages import Maker


class DeliverySuite(BrokerBase):
    """Delivery to groups."""

    def test_the_past_and_the_present_are_delivered_once(self) -> None:
        """What was in the log before the group first started, and what comes later, each has its effect once."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                await self.send(place, make, "abcabc")
                async with self.served(place, self.subscription(work.handle)):
                    await self.settled(place)
                    await self.send(place, make, "abcd" * 5, start=7)
                    await self.settled(place)
                    state = await place.broker.statistics(GROUP)
                assert await work.effects() == self.expected("abcabc" + "abcd" * 5)
                assert len(work.calls) == 26
                assert (state.handled, state.redeliveries, state.lag, state.dead) == (26, 0, 0, 0)

        self.run(main())

    def test_other_types_are_not_delivered(self) -> None:
        """A group gets the types that it asked for; others move its position all the same."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                for kind in ("autobot.other.thing.v1", "autobot.test.thing.v1", "autobot.tests.thing.v1"):
                    message = make.message("s", {"number": 1}, type=kind)
                    append = Append(stream="s", expected=-2, events=(message,))
                    await place.store.commit(Transaction(appends=(append,)))
                async with self.served(place, self.subscription(work.handle)):
                    await self.settled(place)
                    assert (await place.broker.statistics(GROUP)).position == 3
                assert work.calls == [("s", 1)]

        self.run(main())

    def test_keys_go_on_side_by_side_within_the_limit(self) -> None:
        """Messages of one key never overlap and keep their order; of different keys up to `concurrency` run at once."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                keys = "abcdefghij" * 8
                await self.send(place, make, keys)
                async with self.served(place, self.subscription(work.handle, concurrency=4, window=8)):
                    await self.settled(place)
                assert await work.effects() == self.expected(keys)
                assert 1 < work.most <= 4

        self.run(main())

    def test_killed_at_any_moment_effects_happen_once(self) -> None:
        """A group that is cut off again and again at different moments loses no message and doubles no effect."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                keys = "abcde" * 12
                await self.send(place, make, keys)
                for steps in range(25):
                    async with asyncio.TaskGroup() as group:
                        task = group.create_task(place.broker.serve(self.subscription(work.handle)))
                        for _ in range(3 * steps):
                            await asyncio.sleep(0)
                        task.cancel()
                async with self.served(place, self.subscription(work.handle)):
                    await self.settled(place)
                assert await work.effects() == self.expected(keys)

        self.run(main())

    def test_killed_behind_a_slow_message_nothing_is_doubled(self) -> None:
        """Messages that were handled while an older one still ran keep their one effect when the group is killed then."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                hold = asyncio.Event()

                async def slow_first(recorded: Recorded, delivery: Delivery) -> Transaction:
                    if recorded.position == 1:
                        await hold.wait()
                    return await work.handle(recorded, delivery)

                keys = "a" + "bcd" * 10
                await self.send(place, make, keys)
                async with self.served(place, self.subscription(slow_first)):

                    async def others_done() -> bool:
                        return (await place.broker.statistics(GROUP)).handled == 30

                    await self.until(place, others_done)
                hold.set()
                async with self.served(place, self.subscription(slow_first)):
                    await self.settled(place)
                assert await work.effects() == self.expected(keys)

        self.run(main())

    def test_a_failure_is_tried_again_and_keeps_its_place(self) -> None:
        """A message that fails some times is handled in the end, before the later ones of its key; others go on."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                work.failing = {2: 2, 5: 4}
                keys = "abbabacc"
                await self.send(place, make, keys)
                async with self.served(place, self.subscription(work.handle)):
                    await self.settled(place)
                    state = await place.broker.statistics(GROUP)
                assert await work.effects() == self.expected(keys)
                assert [number for _, number in work.calls].count(2) == 3
                assert [number for _, number in work.calls].count(5) == 5
                assert state.redeliveries >= 6
                assert state.dead == 0

        self.run(main())

    def test_a_delayed_message_survives_a_restart(self) -> None:
        """A message that waits for its time waits on after a restart, and so do those behind it."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                work.failing = {1: 3}
                await self.send(place, make, "aab")
                async with self.served(place, self.subscription(work.handle)):

                    async def parked() -> bool:
                        rows = (await place.broker.statistics(GROUP)).parked
                        return rows == 2 and bool(await work.effects())

                    await self.until(place, parked)
                    assert await work.effects() == {"b": [3]}
                async with self.served(place, self.subscription(work.handle)):
                    await self.settled(place)
                assert await work.effects() == self.expected("aab")

        self.run(main())

    def test_statistics_tell_lag_and_age(self) -> None:
        """While a message cannot be settled, lag and the age of the oldest one grow; `settled` waits to its deadline."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                hold = asyncio.Event()

                async def held(recorded: Recorded, delivery: Delivery) -> Transaction:
                    await hold.wait()
                    return await work.handle(recorded, delivery)

                await self.send(place, make, "aab")
                async with self.served(place, self.subscription(held)):

                    async def begun() -> bool:
                        return (await place.broker.statistics(GROUP)).in_flight == 2

                    await self.until(place, begun)
                    with pytest.raises(DeadlineExceeded):
                        await place.broker.settled(GROUP, 3, place.clock.monotonic() + self.delays[0])
                    state = await place.broker.statistics(GROUP)
                    assert (state.lag, state.in_flight, state.position) == (3, 2, 0)
                    assert state.oldest_age_s >= self.delays[0]
                    hold.set()
                    await self.settled(place)
                    state = await place.broker.statistics(GROUP)
                    assert (state.lag, state.in_flight, state.oldest_age_s) == (0, 0, 0.0)

        self.run(main())

    def test_one_serve_per_group_and_unknown_groups(self) -> None:
        """A second serve of a group is refused; waking an unknown group does nothing, asking for it raises NotFound."""

        async def main() -> None:
            async with self.open() as place:
                work = Work(place)
                place.broker.wake("unknown", "unknown-1")
                with pytest.raises(NotFound):
                    await place.broker.statistics("unknown")
                async with self.served(place, self.subscription(work.handle)):
                    with pytest.raises(Conflict):
                        await place.broker.serve(self.subscription(work.handle))

        self.run(main())

    def test_serving_ends_with_the_store(self) -> None:
        """When the store closes, serve returns, whatever waits or sleeps."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                work.failing = {1: 3}
                await self.send(place, make, "aab")
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(place.broker.serve(self.subscription(work.handle)))

                    async def parked() -> bool:
                        return (
                            await self.started(place) and (await place.broker.statistics(GROUP)).parked == 2
                        )

                    await self.until(place, parked)
                    await place.store.close()
                    async with asyncio.timeout(self.patience_s):
                        await task

        self.run(main())


class BrokerSuite(DeliverySuite, FailuresSuite, DecidingSuite):
    """All that the port promises."""


__all__ = ["Broker", "BrokerSuite", "Place"]
