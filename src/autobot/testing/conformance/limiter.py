"""What `Limiter` promises. Subclass, and override `open`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from autobot.kernel.resilience.rate_limit.limiter import Limiter, Taken

LONG_S: Final = 3_600.0
"""A window in which nothing grows back while a test runs."""
ANN: Final = ("default", "ann", "things")


class LimiterSuite(ABC):
    """Counts requests by key."""

    patience_s = 20.0
    window_s = 0.4
    """A window that a test can wait for."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[Limiter, Limiter]]:
        """Return two ends of one limiter, open for the block; the same object twice where there is one end."""

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a test."""
        asyncio.run(main)

    @asynccontextmanager
    async def both(self) -> AsyncIterator[tuple[Limiter, Limiter]]:
        """Open, and bound the time of what follows."""
        async with self.open() as ends, asyncio.timeout(self.patience_s):
            yield ends

    def test_a_quota_is_one_burst_and_then_refused(self) -> None:
        """The whole quota passes at once, told down to nothing; the next is refused with the time to wait."""

        async def main() -> None:
            async with self.both() as (one, other):
                taken = [await end.take(ANN, 5, LONG_S) for end in (one, other, one, other, one)]
                assert [(it.allowed, it.remaining) for it in taken] == [
                    (True, 4),
                    (True, 3),
                    (True, 2),
                    (True, 1),
                    (True, 0),
                ]
                assert 0.9 * LONG_S < taken[-1].reset_s <= LONG_S
                refused = await other.take(ANN, 5, LONG_S)
                assert (refused.allowed, refused.remaining) == (False, 0)
                assert 0.9 * LONG_S / 5 < refused.retry_after_s <= LONG_S / 5

        self.run(main())

    def test_a_refused_request_costs_nothing(self) -> None:
        """However often one asks over the quota, the time to wait does not grow."""

        async def main() -> None:
            async with self.both() as (one, other):
                await one.take(ANN, 1, LONG_S)
                first = await one.take(ANN, 1, LONG_S)
                again = [await other.take(ANN, 1, LONG_S) for _ in range(20)]
                assert not any(one.allowed for one in again)
                assert all(one.retry_after_s <= first.retry_after_s for one in again)

        self.run(main())

    def test_keys_are_apart(self) -> None:
        """A spent quota touches no other tenant, principal or class, however the words are cut."""

        async def main() -> None:
            async with self.both() as (one, other):
                await one.take(("a", "bc", "d"), 1, LONG_S)
                for key in (
                    ("ab", "c", "d"),
                    ("a", "b", "cd"),
                    ("a", "bc", "e"),
                    ("a:bc", "d"),
                    ("", "a", "bcd"),
                ):
                    assert (await other.take(key, 1, LONG_S)).allowed, key
                assert not (await other.take(("a", "bc", "d"), 1, LONG_S)).allowed

        self.run(main())

    def test_a_quota_grows_back_evenly(self) -> None:
        """After the time that the refusal told one request passes, and no more; the whole comes back in the window."""

        async def main() -> None:
            async with self.both() as (one, _):
                quota, window = 4, self.window_s
                loop = asyncio.get_running_loop()
                began = loop.time()
                for _number in range(quota):
                    assert (await one.take(ANN, quota, window)).allowed
                passed: list[float] = []
                while len(passed) < quota:
                    taken: Taken = await one.take(ANN, quota, window)
                    if taken.allowed:
                        passed.append(loop.time() - began)
                    else:
                        assert 0 < taken.retry_after_s <= window / quota * 1.01
                        await asyncio.sleep(taken.retry_after_s)
                for number, after in enumerate(passed, start=1):
                    assert after >= number * window / quota * 0.99, passed

        self.run(main())

    def test_many_at_once_never_take_more_than_there_is(self) -> None:
        """Of many requests at one moment, from both ends, exactly the quota passes."""

        async def main() -> None:
            async with self.both() as ends:
                taken = await asyncio.gather(
                    *(ends[number % 2].take(ANN, 10, LONG_S) for number in range(40))
                )
                assert sum(one.allowed for one in taken) == 10
                assert sorted(one.remaining for one in taken if one.allowed) == list(range(10))

        self.run(main())
