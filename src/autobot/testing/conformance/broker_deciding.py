"""The part of the broker's suite on what people decide: groups that are held, dead letters that are edited."""

from __future__ import annotations

import asyncio

import msgspec

from autobot.kernel.event_store.transaction import Append, Recorded, Transaction
from autobot.kernel.messaging import holds
from autobot.kernel.messaging.broker import Delivery, Unrecoverable
from autobot.kernel.messaging.dead_letters import DeadLetters
from autobot.kernel.messaging.facts import EventCopied, stream_of
from autobot.testing.conformance.broker_base import GROUP, BrokerBase, Place, Work
from autobot.testing.messages import Maker


class DecidingSuite(BrokerBase):
    """Holds and copies."""

    def test_a_held_group_gets_nothing_until_it_is_released(self) -> None:
        """A hold lets what is worked on end and nothing new begin; released, everything comes once, in order."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                async with self.served(place, self.subscription(work.handle)):
                    await self.send(place, make, "ab")
                    await self.settled(place)
                    place.broker.hold(GROUP, "Held by ann: looking.")
                    await self.send(place, make, "abc", start=3)
                    await asyncio.sleep(self.delays[0] * 3)
                    state = await place.broker.statistics(GROUP)
                    assert GROUP in place.broker.groups
                    assert (state.state, state.held, state.reason) == (
                        "paused",
                        True,
                        "Held by ann: looking.",
                    )
                    assert state.lag == 3
                    assert await work.effects() == {"a": [1], "b": [2]}
                    place.broker.release(GROUP)
                    await self.settled(place)
                    assert not (await place.broker.statistics(GROUP)).held
                assert await work.effects() == {"a": [1, 3], "b": [2, 4], "c": [5]}

        self.run(main())

    def test_a_hold_outlives_the_process(self) -> None:
        """A group whose hold is stored starts held, and probes do not pass it either."""

        async def main() -> None:
            async with self.open() as place:
                work, make = Work(place), Maker(place.clock)
                hold = holds.Hold(group=GROUP, reason="looking", by="ann", since="2026-01-01T00:00:00Z")
                await place.store.commit(Transaction(writes=(holds.put(hold),)))
                await self.send(place, make, "aa")
                async with self.served(place, self.subscription(work.handle)):
                    await asyncio.sleep(self.delays[0] * 3)
                    assert (await place.broker.statistics(GROUP)).reason == "Held by ann: looking"
                    assert work.calls == []
                    await place.store.commit(Transaction(writes=(holds.delete(GROUP),)))
                    place.broker.release(GROUP)
                    await self.settled(place)
                async with self.served(place, self.subscription(work.handle)):
                    await self.settled(place)
                assert await work.effects() == {"a": [1, 2]}

        self.run(main())

    def test_a_copy_is_handled_in_the_place_of_its_original(self) -> None:
        """Edited, a dead letter's copy comes under its own id before those behind it; the original never again."""

        async def main() -> None:
            async with self.open() as place:
                work, make, letters = Work(place), Maker(place.clock), DeadLetters(place.store, place.clock)
                given: list[tuple[str, str | None]] = []

                async def handle(recorded: Recorded, delivery: Delivery) -> Transaction:
                    given.append((recorded.message.id, recorded.message.causation_id))
                    return await work.handle(recorded, delivery)

                work.failing = {1: Unrecoverable("Wrong.")}
                await self.send(place, make, "aab")
                async with self.served(place, self.subscription(handle)):
                    await self.until_dead(place, 1)
                    (letter,) = await letters.page(GROUP)
                    await edit(place, letters, make, letter.id, {"number": 10})
                    place.broker.wake(GROUP, letter.id)
                    await self.settled(place)
                assert await work.effects() == {"a": [10, 2], "b": [3]}
                assert ("copy-1", letter.event_id) in given
                assert await letters.page() == []
                (fact,) = await place.store.read_stream(stream_of(letter.id))
                assert fact.message.erased, "the copy's data lives no longer than it is of use"
                async with self.served(place, self.subscription(handle)):
                    await self.settled(place)
                assert await work.effects() == {"a": [10, 2], "b": [3]}

        self.run(main())

    def test_killed_behind_a_slow_message_what_is_settled_is_not_begun_again(self) -> None:
        """Killed while an older message still ran, a group begins nothing again that was handled, discarded or replaced
        by a copy; what nobody decided on waits as before."""

        async def main() -> None:
            async with self.open() as place:
                work, make, letters = Work(place), Maker(place.clock), DeadLetters(place.store, place.clock)
                hold = asyncio.Event()

                async def slow_first(recorded: Recorded, delivery: Delivery) -> Transaction:
                    if recorded.position == 1:
                        await hold.wait()
                    return await work.handle(recorded, delivery)

                work.failing = {number: Unrecoverable("Wrong.") for number in (2, 3, 4)}
                await self.send(place, make, "abcdeeb")
                async with self.served(place, self.subscription(slow_first)):

                    async def others_settled() -> bool:
                        state = await place.broker.statistics(GROUP)
                        return (state.dead, state.parked, state.handled) == (3, 1, 2)

                    await self.until(place, others_settled)
                    places = {one.position: one for one in await letters.page(GROUP)}
                    discarded, edited = places[2], places[3]
                    await place.store.commit(await letters.discard(discarded.id))
                    await edit(place, letters, make, edited.id, {"number": 30})
                    for one in (discarded, edited):
                        place.broker.wake(GROUP, one.id)

                    async def decided() -> bool:
                        return (await place.broker.statistics(GROUP)).handled == 4

                    await self.until(place, decided)
                calls = sorted(work.calls)
                hold.set()
                work.failing.clear()
                async with self.served(place, self.subscription(slow_first)):
                    await self.settled(place)
                assert sorted(work.calls) == sorted([*calls, ("a", 1)])
                assert await work.effects() == {"a": [1], "b": [7], "c": [30], "e": [5, 6]}
                assert [one.position for one in await letters.page(GROUP)] == [4]

        self.run(main())

    def test_decisions_while_others_die_let_nothing_overtake(self) -> None:
        """Waking a group while further dead letters are being written moves nothing past any of them."""

        async def main() -> None:
            async with self.open() as place:
                work, make, letters = Work(place), Maker(place.clock), DeadLetters(place.store, place.clock)
                keys = "abcdefgh" * 4
                work.failing = {number: Unrecoverable("No.") for number in range(1, 17)}

                async def wake() -> None:
                    for step in range(48):
                        place.broker.wake(GROUP, f"{GROUP}-{step % 16 + 1:020d}")
                        await asyncio.sleep(0)

                async def handle(recorded: Recorded, delivery: Delivery) -> Transaction:
                    bursts.create_task(wake())
                    return await work.handle(recorded, delivery)

                async with (
                    asyncio.TaskGroup() as bursts,
                    self.served(place, self.subscription(handle)),
                ):
                    await self.send(place, make, keys)
                    await self.until_dead(place, 8)
                    assert await work.effects() == {}
                    work.failing = {number: Unrecoverable("No.") for number in range(9, 17)}
                    for letter in await letters.page(GROUP):
                        await place.store.commit(await letters.replay(letter.id))
                        place.broker.wake(GROUP, letter.id)
                    await self.until_dead(place, 8)
                    work.failing = {}
                    for letter in await letters.page(GROUP):
                        await place.store.commit(await letters.replay(letter.id))
                        place.broker.wake(GROUP, letter.id)
                    await self.settled(place)
                assert await work.effects() == self.expected(keys)

        self.run(main())


async def edit(place: Place, letters: DeadLetters, make: Maker, letter: str, data: dict[str, int]) -> None:
    """Put a copy with other data in a dead letter's place."""
    revision = await letters.revision(letter)
    transaction = await letters.edit(letter, event_id="copy-1", copy=revision + 1)
    fact = EventCopied(letter=letter, event_id="copy-1", data=data)
    message = make.message(stream_of(letter), msgspec.to_builtins(fact), type=EventCopied.TYPE)
    append = Append(stream=stream_of(letter), expected=revision, events=(message,))
    await place.store.commit(
        Transaction(appends=(append,), writes=transaction.writes, handled=transaction.handled)
    )
