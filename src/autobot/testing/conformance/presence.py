"""What `Presence` promises. Subclass, and override `open`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from autobot.kernel.messaging.presence import Connected, Presence


def session(number: int, principal: str = "ann", tenant: str = "default") -> Connected:
    """Make a session."""
    return Connected(
        session=f"s-{number}",
        principal=principal,
        tenant=tenant,
        process=f"gateway:{number % 2}",
        since=f"2026-01-01T00:00:{number % 60:02d}Z",
    )


class PresenceSuite(ABC):
    """Knows who is connected."""

    patience_s = 20.0
    lease_s = 0.3
    """A lease that a test can wait for."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[Presence, Presence]]:
        """Return two ends of one presence, open for the block; the same object twice where there is one end."""

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a test."""
        asyncio.run(main)

    @asynccontextmanager
    async def both(self) -> AsyncIterator[tuple[Presence, Presence]]:
        """Open, and bound the time of what follows."""
        async with self.open() as ends, asyncio.timeout(self.patience_s):
            yield ends

    async def _until(self, end: Presence, wanted: list[Connected]) -> None:
        """Wait until exactly these are there."""
        while True:
            if await end.who("default") == wanted:
                return
            await asyncio.sleep(self.lease_s / 20)

    def test_who_is_seen_is_there_until_gone(self) -> None:
        """Every process sees the sessions of all, in the order of their beginnings, until each has ended."""

        async def main() -> None:
            async with self.both() as (one, other):
                assert await other.who("default") == []
                await one.seen([session(2), session(1, "bob")])
                await other.seen([session(3)])
                assert await one.who("default") == [session(1, "bob"), session(2), session(3)]
                await other.gone([session(2), session(9)])
                assert await one.who("default") == [session(1, "bob"), session(3)]

        self.run(main())

    def test_a_session_is_there_once(self) -> None:
        """Saying a session again changes nothing but how long it counts."""

        async def main() -> None:
            async with self.both() as (one, other):
                for end in (one, other, one):
                    await end.seen([session(1), session(1)])
                assert await other.who("default") == [session(1)]
                await one.gone([session(1)])
                assert await other.who("default") == []

        self.run(main())

    def test_the_last_word_on_a_session_counts(self) -> None:
        """A session that follows other channels than before is shown with those, by every process."""

        async def main() -> None:
            async with self.both() as (one, other):
                await one.seen([session(1)])
                now = replace(session(1), watches=("run:1", "chat.session:2"))
                await one.seen([now])
                assert await other.who("default") == [now]

        self.run(main())

    def test_tenants_see_their_own(self) -> None:
        """Sessions of one tenant are never shown to another, also when both come in one word."""

        async def main() -> None:
            async with self.both() as (one, other):
                await one.seen([session(1), session(1, "eve", "other")])
                assert await other.who("default") == [session(1)]
                assert await other.who("other") == [session(1, "eve", "other")]
                await one.gone([session(1)])
                assert await other.who("other") == [session(1, "eve", "other")]

        self.run(main())

    def test_who_says_nothing_more_is_gone_after_the_lease(self) -> None:
        """A session whose process ended without a word leaves when its time is over; one that is renewed stays."""

        async def main() -> None:
            async with self.both() as (one, other):
                loop = asyncio.get_running_loop()
                await one.seen([session(1)], self.lease_s)
                began = loop.time()
                await one.seen([session(2)], self.lease_s * 1_000)
                assert await other.who("default") == [session(1), session(2)]
                await self._until(other, [session(2)])
                assert loop.time() - began >= self.lease_s * 0.9

        self.run(main())

    def test_a_renewed_lease_counts_from_the_last_word(self) -> None:
        """Each word begins the time anew: a session outlives many leases while it is said."""

        async def main() -> None:
            async with self.both() as (one, other):
                loop = asyncio.get_running_loop()
                began = last = loop.time()
                await one.seen([session(1)], self.lease_s)
                while loop.time() - began < self.lease_s * 2:
                    await asyncio.sleep(self.lease_s / 5)
                    if session(1) not in await other.who("default"):
                        # Only a machine that stood still may have let it end.
                        assert loop.time() - last >= self.lease_s * 0.9
                    last = loop.time()
                    await one.seen([session(1)], self.lease_s)
                await self._until(other, [])
                assert loop.time() - last >= self.lease_s * 0.9

        self.run(main())

    def test_many_sessions_come_and_go(self) -> None:
        """Thousands in one word are as right as one."""
        many = [session(number) for number in range(1_300)]

        async def main() -> None:
            async with self.both() as (one, other):
                await one.seen(many)
                assert len(await other.who("default")) == len(many)
                await one.gone(many[1:])
                assert await other.who("default") == many[:1]

        self.run(main())
