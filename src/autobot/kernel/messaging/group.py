"""What the sources of one consumer group share: its gate, its slots, its counts, and how the whole of it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final, Literal, Protocol

from autobot.kernel.core.bell import Bell
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import DeadlineExceeded
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Query, Recorded
from autobot.kernel.messaging import parking
from autobot.kernel.messaging.broker import GroupStatistics, Subscription
from autobot.kernel.messaging.gate import Gate
from autobot.kernel.messaging.parking import DEAD, PARKED, Parked

PAGE: Final = 500


class Member(Protocol):
    """A part that is served here."""

    @property
    def low(self) -> int:
        """Everything of the part up to here is settled or parked."""
        ...

    @property
    def oldest(self) -> datetime | None:
        """When the oldest message was made that is neither."""
        ...

    def wake(self, letter: str) -> None:
        """Look at once whether a dead letter was replayed, edited or discarded."""
        ...

    async def look(self) -> None:
        """Ask whether positions were passed at which there is nothing for this part."""
        ...


class Group:
    """A group as this process serves it. `parts` names the checkpoints of its sources, wherever they are served."""

    def __init__(
        self,
        subscription: Subscription,
        parts: Sequence[str],
        look_s: float | None,
        store: EventStore,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self.subscription = subscription
        self.store, self.clock, self.chance = store, clock, chance
        self.gate = Gate(subscription.options, clock)
        self.slots = asyncio.Semaphore(subscription.options.concurrency)
        self.in_flight = self.handled = self.redeliveries = 0
        self.state: Literal["starting", "running", "standby", "stopped"] = "starting"
        self.reason = ""
        self._parts, self._look_s = tuple(parts), look_s
        self._consumers: dict[str, Member] = {}
        self._changed = Bell()

    # ---------------------------------------------------------------------------------------------- consumers

    def joined(self, part: str, consumer: Member) -> None:
        """Note that a part is served here."""
        self._consumers[part] = consumer
        self.state, self.reason = "running", ""

    def elsewhere(self, holder: str) -> None:
        """Note that another process serves a part; this one stands by when it serves none itself."""
        if not self._consumers:
            self.state, self.reason = "standby", f"{holder} serves it."

    def left(self, part: str) -> None:
        """Note that a part is not served here any more."""
        self._consumers.pop(part, None)

    def announce(self) -> None:
        """Tell those who wait that a position moved."""
        self._changed.ring()

    def wake(self, letter: str) -> None:
        """Let every part look at once whether a dead letter was replayed, edited or discarded."""
        for consumer in self._consumers.values():
            consumer.wake(letter)

    async def stood(self, part: str) -> int:
        """Return up to where the store says that a part is settled."""
        return await stood(self.store, self.subscription.group, part)

    async def rows(self, table: str, key: str | None = None, limit: int = 0) -> list[Parked]:
        """Return rows of the group (of one key), in log order."""
        group = self.subscription.group
        lane = None if key is None else parking.lane_of(group, key)
        found: list[Parked] = []
        after: tuple[str, str] | None = None
        while True:
            wanted = Query(table=table, owner=group, group=lane, after=after, limit=limit or PAGE)
            page = await patiently(partial(self.store.query, wanted))
            found += map(parking.read, page)
            if limit or len(page) < PAGE:
                return found
            after = (page[-1].sort, page[-1].key)

    async def handled_before(self, batch: Sequence[Recorded], head: int) -> set[int]:
        """Return positions up to `head` at which the inbox knows the message: it was handled, discarded or replaced
        in an earlier life, and its handler must not even begin again."""
        wants, group = self.subscription.wants, self.subscription.group
        asked = {
            parking.handled(group, one.message): one.position
            for one in batch
            if one.position <= head and wants(one.message.type)
        }
        if not asked:
            return set()
        known = await patiently(partial(self.store.handled, tuple(asked)))
        return {asked[one] for one in known}

    # ---------------------------------------------------------------------------------------------- the whole

    async def settled(self, position: int, deadline: float) -> None:
        """Return when all up to `position` is settled or parked, wherever. Raises DeadlineExceeded."""
        low = 0
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    changed = self._changed.next()
                    low = await self._low()
                    if low >= position:
                        return
                    await self._wait(changed)
        except TimeoutError:
            raise DeadlineExceeded(
                f"The group {self.subscription.group} stands at position {low}, not yet at {position}."
            ) from None

    async def _wait(self, changed: asyncio.Event) -> None:
        if self._look_s is None:
            await changed.wait()
            return
        try:
            async with asyncio.timeout(self._look_s):
                await changed.wait()
        except TimeoutError:
            for consumer in list(self._consumers.values()):
                await consumer.look()

    async def _low(self) -> int:
        lows = []
        for part in self._parts:
            consumer = self._consumers.get(part)
            lows.append(await self.stood(part) if consumer is None else consumer.low)
        return min(lows)

    async def statistics(self) -> GroupStatistics:
        """Return how the group stands; what other processes serve counts in position and lag alone."""
        low = await self._low()
        times = [one.oldest for one in self._consumers.values()]
        known = [one for one in times if one is not None]
        age = (self.clock.now() - min(known)).total_seconds() if known else 0.0
        paused = self.state == "running" and self.gate.paused
        return GroupStatistics(
            group=self.subscription.group,
            state="paused" if paused else self.state,
            reason=self.gate.reason if paused else self.reason,
            held=self.gate.held,
            position=low,
            lag=max(0, await self.store.head() - low),
            oldest_age_s=max(0.0, age),
            in_flight=self.in_flight,
            handled=self.handled,
            redeliveries=self.redeliveries,
            parked=await self.store.count(Query(table=PARKED, owner=self.subscription.group)),
            dead=await self.store.count(Query(table=DEAD, owner=self.subscription.group)),
        )


async def stood(store: EventStore, group: str, part: str) -> int:
    """Return up to where the store says that a part of a group is settled.

    What the group had settled before it had parts counts for each.
    """
    whole = await store.checkpoint(group)
    return whole if part == group else max(whole, await store.checkpoint(part))
