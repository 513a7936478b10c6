"""The part of the broker's suite on what fails: dead letters, replay, pauses."""

from __future__ import annotations

import asyncio

import pytest

from autobot.kernel.core.errors import CircuitOpen, ConnectionLost, NotFound, OperatorError
from autobot.kernel.messaging.broker import Unrecoverable
from autobot.kernel.messaging.dead_letters import DeadLetters
from autobot.testing.conformance.broker_base import GROUP, BrokerBase, Work
from autobot.testing.messages import Maker


class FailuresSuite(BrokerBase):
    """Dead letters and pauses."""

    def test_attempts_end_in_a_dead_letter(self) -> None:
        """After all attempts a message is a dead letter that says what, why, where, how often and when."""

        async def main() -> None:
            async with self.open() as place:
                work, make, letters = Work(place), Maker(place.clock), DeadLetters(place.store, place.clock)
                work.failing = {1: 10_000}
                await self.send(place, make, "aba")
                async with self.served(place, self.subscription(work.handle)):
                    await self.until_dead(place, 1)
                    state = await place.broker.statistics(GROUP)
                (letter,) = await letters.page(GROUP)
                assert (
                    letter.attempts
                    == 1 + 2 + len(self.delays) * 3
                    == len([n for _, n in work.calls if n == 1])
                )
                assert (letter.position, letter.key, letter.type) == (1, "a", "autobot.test.happened.v1")
                assert letter.error.endswith("ConnectionLost")
                assert letter.reason == "The other side went away."
                assert any("_fail" in frame for frame in letter.stack)
                assert letter.handler.endswith("handle")
                assert letter.first_failed is not None
                assert letter.last_failed is not None
                assert letter.first_failed < letter.last_failed
                assert (state.dead, state.parked, state.lag) == (1, 1, 0)
                assert await work.effects() == {"b": [2]}

        self.run(main())

    @pytest.mark.parametrize("poison", [Unrecoverable("No."), ValueError("three")])
    def test_poison_and_foreign_errors(self, poison: Exception) -> None:
        """What can never succeed is a dead letter at once; a foreign error only after its attempts, told by its type."""

        async def main() -> None:
            async with self.open() as place:
                work, make, letters = Work(place), Maker(place.clock), DeadLetters(place.store, place.clock)
                work.failing = {1: poison}
                await self.send(place, make, "ab")
                async with self.served(place, self.subscription(work.handle)):
                    await self.until_dead(place, 1)
                (letter,) = await letters.page()
                at_once = isinstance(poison, Unrecoverable)
                assert letter.attempts == (1 if at_once else 12)
                assert "three" not in letter.reason
                assert await work.effects() == {"b": [2]}

        self.run(main())

    def test_a_replayed_dead_letter_is_handled_before_its_followers(self) -> None:
        """Behind a dead letter its key waits; replayed, it is handled first and they follow, once each."""

        async def main() -> None:
            async with self.open() as place:
                work, make, letters = Work(place), Maker(place.clock), DeadLetters(place.store, place.clock)
                work.failing = {1: Unrecoverable("Not yet.")}
                await self.send(place, make, "aab")
                async with self.served(place, self.subscription(work.handle)):
                    await self.until_dead(place, 1)
                    await self.send(place, make, "ab", start=4)
                    await place.broker.settled(
                        GROUP, await place.store.head(), place.clock.monotonic() + self.patience_s
                    )
                    assert await work.effects() == {"b": [3, 5]}
                    work.failing.clear()
                    (letter,) = await letters.page(GROUP)
                    await place.store.commit(await letters.replay(letter.id))
                    place.broker.wake(GROUP, letter.id)
                    await self.settled(place)
                assert await work.effects() == {"a": [1, 2, 4], "b": [3, 5]}
                assert await letters.page() == []

        self.run(main())

    def test_a_discarded_dead_letter_lets_its_key_go_on(self) -> None:
        """Discarded, a message is never given again, also after a restart; those behind it are handled."""

        async def main() -> None:
            async with self.open() as place:
                work, make, letters = Work(place), Maker(place.clock), DeadLetters(place.store, place.clock)
                work.failing = {1: Unrecoverable("Never.")}
                await self.send(place, make, "aa")
                async with self.served(place, self.subscription(work.handle)):
                    await self.until_dead(place, 1)
                (letter,) = await letters.page(GROUP)
                await place.store.commit(await letters.discard(letter.id))
                work.failing.clear()
                async with self.served(place, self.subscription(work.handle)):
                    await self.settled(place)
                assert await work.effects() == {"a": [2]}
                with pytest.raises(NotFound):
                    await letters.replay(letter.id)

        self.run(main())

    @pytest.mark.parametrize(
        "cause",
        [
            ConnectionLost("All is down."),
            CircuitOpen("The way is closed.", link="l", target="t", since=0.0, retry_after=1.0),
        ],
        ids=["in a row", "refused"],
    )
    def test_a_system_wide_failure_pauses_instead_of_filling_the_dead_letters(self, cause: Exception) -> None:
        """While everything fails the group pauses and probes one by one; when it works again nothing was lost or dead."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                work.broken = cause
                keys = "abcdefghijklmnopqrst"
                await self.send(place, make, keys)
                async with self.served(place, self.subscription(work.handle, pause_after=4)):

                    async def paused() -> bool:
                        return (await place.broker.statistics(GROUP)).state == "paused"

                    await self.until(place, paused)
                    calls = len(work.calls)
                    await asyncio.sleep(self.delays[0] * 20)
                    state = await place.broker.statistics(GROUP)
                    assert state.reason in {"All is down.", "The way is closed."}
                    assert 1 <= len(work.calls) - calls <= 16 + 20 * 10 / 8 + 4
                    assert state.dead == 0
                    work.broken = None
                    await self.settled(place)
                    assert (await place.broker.statistics(GROUP)).state == "running"
                assert await work.effects() == self.expected(keys)

        self.run(main())

    def test_a_full_disk_is_no_messages_fault(self) -> None:
        """A message that meets a full disk neither waits for its delay nor dies: the group pauses, then goes on."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                work.failing = {1: OperatorError("The disk is full.")}
                await self.send(place, make, "abab")
                async with self.served(place, self.subscription(work.handle, pause_after=1000)):

                    async def paused() -> bool:
                        return (await place.broker.statistics(GROUP)).state == "paused"

                    await self.until(place, paused)
                    await asyncio.sleep(self.delays[0] * 2)
                    state = await place.broker.statistics(GROUP)
                    assert (state.parked, state.dead) == (0, 0)
                    work.failing = {}
                    await self.settled(place)
                assert await work.effects() == self.expected("abab")

        self.run(main())
