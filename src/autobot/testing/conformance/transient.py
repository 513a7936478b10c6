"""What `TransientChannels` promises. Subclass, and override `open`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from autobot.kernel.messaging.transient import (
    Frame,
    Missed,
    TransientChannels,
    TransientSubscription,
)

FRAMES: Final = 200


@dataclass
class TransientPlace:
    """The two ends: on one `here`, on the other `there`; the same object where the carrier has one end.

    `cut` breaks the way between them until it is mended; None where there is none.
    """

    here: TransientChannels
    there: TransientChannels
    cut: Callable[[], AbstractAsyncContextManager[None]] | None = None


async def received(subscription: TransientSubscription, count: int) -> list[Frame | Missed]:
    """Return the next things that a subscriber hears."""
    return [await subscription.receive() for _ in range(count)]


class TransientSuite(ABC):
    """Carries frames that may be lost."""

    patience_s = 20.0

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[TransientPlace]:
        """Return the implementation under test, open for the block."""

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a test."""
        asyncio.run(main)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[TransientPlace]:
        """Open, and bound the time of what follows."""
        async with self.open() as place, asyncio.timeout(self.patience_s):
            yield place

    def test_frames_come_in_order_on_the_channels_that_are_wanted(self) -> None:
        """Each subscriber of a channel gets its frames once, in the order of publishing; no other channel's."""

        async def main() -> None:
            async with self.place() as place:
                async with place.here.subscribe(["a", "b"]) as both, place.here.subscribe(["b"]) as one:
                    for number in range(FRAMES // 2):
                        place.there.publish("a", number)
                        place.there.publish("c", number)
                    for number in range(FRAMES // 2):
                        place.there.publish("b", number)
                    a = [Frame("a", number) for number in range(FRAMES // 2)]
                    b = [Frame("b", number) for number in range(FRAMES // 2)]
                    heard = await received(both, FRAMES)
                    assert [one for one in heard if one in a] == a
                    assert [one for one in heard if one in b] == b
                    assert await received(one, FRAMES // 2) == b

        self.run(main())

    def test_a_payload_is_what_it_was(self) -> None:
        """Text of any script, numbers, lists and objects arrive as they were."""
        payloads: list[Any] = [
            {"offset": 3, "text": 'ä "\\ \u2028 \U0001f600', "deep": [{"x": None}, True]},
            "",
            [],
            1.5,
            -(2**53),
        ]

        async def main() -> None:
            async with self.place() as place, place.here.subscribe(["a"]) as subscription:
                for payload in payloads:
                    place.there.publish("a", payload)
                assert await received(subscription, len(payloads)) == [Frame("a", one) for one in payloads]

        self.run(main())

    def test_who_comes_later_gets_nothing_of_before(self) -> None:
        """Frames are not kept: a subscription begins with what is published after its beginning."""

        async def main() -> None:
            async with self.place() as place:
                place.there.publish("a", "early")
                async with place.here.subscribe(["a"]) as first:
                    # What may still be on its way from before has passed when this one has.
                    place.there.publish("a", "mark")
                    while await first.receive() != Frame("a", "mark"):
                        pass
                    async with place.here.subscribe(["a"]) as later:
                        place.there.publish("a", "late")
                        assert await later.receive() == Frame("a", "late")
                        assert await first.receive() == Frame("a", "late")

        self.run(main())

    def test_a_slow_subscriber_is_told_and_slows_nobody(self) -> None:
        """Who does not read hears once that frames are missing and how many, then the newest; others have all."""

        async def main() -> None:
            async with self.place() as place:
                async with (
                    place.here.subscribe(["a"], limit=4) as slow,
                    place.here.subscribe(["a"], limit=FRAMES) as quick,
                ):
                    for number in range(50):
                        place.there.publish("a", number)
                    assert await received(quick, 50) == [Frame("a", number) for number in range(50)]
                    assert await received(slow, 3) == [Missed(48), Frame("a", 48), Frame("a", 49)]
                    place.there.publish("a", 50)
                    assert await slow.receive() == Frame("a", 50)

        self.run(main())

    def test_publishing_never_waits(self) -> None:
        """However much is published at once, nobody waits; what arrives is in order, and the way goes on."""

        async def main() -> None:
            async with self.place() as place, place.here.subscribe(["a"], limit=10**6) as subscription:
                for number in range(20_000):
                    place.there.publish("a", number)
                numbers: list[int] = []
                while not numbers or numbers[-1] != 19_999:
                    heard = await subscription.receive()
                    assert isinstance(heard, Frame), "the subscriber was not slow"
                    numbers.append(heard.payload)
                assert numbers == sorted(set(numbers))

        self.run(main())

    def test_who_waits_and_leaves_leaves_nothing_behind(self) -> None:
        """A subscriber that is cancelled while it waits takes nothing from the others, now or later."""

        async def main() -> None:
            async with self.place() as place:

                async def listen(ready: asyncio.Event) -> Frame | Missed:
                    async with place.here.subscribe(["a"]) as subscription:
                        ready.set()
                        return await subscription.receive()

                events = [asyncio.Event(), asyncio.Event()]
                async with asyncio.TaskGroup() as group:
                    waiting, gone = [group.create_task(listen(one)) for one in events]
                    for one in events:
                        await one.wait()
                    gone.cancel()
                    await asyncio.wait([gone])
                    place.there.publish("a", 1)
                assert waiting.result() == Frame("a", 1)
                async with place.here.subscribe(["a"]) as again:
                    place.there.publish("a", 2)
                    assert await again.receive() == Frame("a", 2)

        self.run(main())

    def test_a_limit_keeps_at_least_one_frame(self) -> None:
        """A limit below 1 is refused."""

        async def main() -> None:
            async with self.place() as place:
                with pytest.raises(ValueError, match="at least one"):
                    async with place.here.subscribe(["a"], limit=0):
                        pass

        self.run(main())

    def test_a_broken_way_is_told(self) -> None:
        """Who listens over a way that was cut hears that frames may be missing, and then frames again."""

        async def main() -> None:
            async with self.place() as place, place.here.subscribe(["a"]) as subscription:
                if place.cut is None:
                    return
                place.there.publish("a", "before")
                assert await subscription.receive() == Frame("a", "before")
                async with place.cut():
                    place.there.publish("a", "lost")
                assert await subscription.receive() == Missed(0)
                async with asyncio.TaskGroup() as group:
                    heard = group.create_task(subscription.receive())
                    while not heard.done():
                        # The publisher finds its own way back in its own time.
                        place.there.publish("a", "after")
                        await asyncio.wait([heard], timeout=0.05)
                assert heard.result() == Frame("a", "after")

        self.run(main())
