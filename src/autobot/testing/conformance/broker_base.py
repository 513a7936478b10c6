"""What the parts of the broker's suite share: the place, a handler that leaves traces, tools."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import ConnectionLost, NotFound
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Append, Put, Query, Recorded, Transaction
from autobot.kernel.messaging.broker import Broker, Delivery, Handler, Subscription
from autobot.kernel.messaging.options import ConsumerOptions
from autobot.testing import virtual_time
from autobot.testing.messages import Maker

GROUP = "test.group"


@dataclass
class Place:
    """A store and the broker over it."""

    store: EventStore
    broker: Broker
    clock: Clock


@dataclass
class Work:
    """A handler that writes what it did, so that effects can be counted, and fails as a test tells it."""

    place: Place
    calls: list[tuple[str, int]] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=dict)
    most: int = 0
    failing: dict[int, int | Exception] = field(default_factory=dict)
    broken: Exception | None = None

    async def handle(self, recorded: Recorded, delivery: Delivery) -> Transaction:
        """Count the message in its key's document and keep the order in which they came."""
        key, number = recorded.message.partition_key, msgspec.json.decode(recorded.message.data)["number"]
        self.calls.append((key, number))
        self.running[key] = self.running.get(key, 0) + 1
        self.most = max(self.most, sum(self.running.values()))
        assert self.running[key] == 1, "two messages of one key at once"
        try:
            await asyncio.sleep(0)
            self._fail(number)
            before = await self.place.store.get("effects", key)
            seen = [*(before.document["numbers"] if before else ()), number]
            version = before.version if before else 0
            put = Put(table="effects", key=key, document={"numbers": seen}, expected=version)
            return Transaction(writes=(put,))
        finally:
            self.running[key] -= 1

    def _fail(self, number: int) -> None:
        if self.broken is not None:
            raise self.broken
        left = self.failing.get(number, 0)
        if isinstance(left, Exception):
            raise left
        if left:
            self.failing[number] = left - 1
            raise ConnectionLost("The other side went away.")

    async def effects(self) -> dict[str, list[int]]:
        """Return by key what was done, in order."""
        found = await self.place.store.query(Query(table="effects", limit=1000))
        return {one.key: one.document["numbers"] for one in found}


class BrokerBase(ABC):
    """Tools of the suite."""

    delays: tuple[float, ...] = (10.0, 20.0, 40.0)
    patience_s: float = 3600.0

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Place]:
        """Return an empty store with a broker."""

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a test; in virtual time unless the adapter needs threads or sockets."""
        virtual_time.run(main)

    def options(self, **fields: Any) -> ConsumerOptions:
        """Return options whose delays suit the adapter's time."""
        first = self.delays[0] / 10
        given: dict[str, Any] = {"delays": self.delays, "probe_first": first, "probe_max": first * 8}
        return ConsumerOptions(**{**given, **fields})

    # ------------------------------------------------------------------------------------------------- tools

    def subscription(self, handler: Handler, **fields: Any) -> Subscription:
        """Return the group under test."""
        return Subscription(
            group=GROUP, types=("autobot.test.*",), handler=handler, options=self.options(**fields)
        )

    @asynccontextmanager
    async def served(self, place: Place, subscription: Subscription) -> AsyncIterator[asyncio.Task[None]]:
        """Serve a group for the block."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(place.broker.serve(subscription))
            await self.until(place, lambda: self.started(place))
            yield task
            task.cancel()

    async def started(self, place: Place) -> bool:
        """Say whether the group runs."""
        try:
            return (await place.broker.statistics(GROUP)).state in {"running", "paused"}
        except NotFound:
            return False

    async def until(self, place: Place, holds: Any) -> None:
        """Return when an async predicate holds."""
        async with asyncio.timeout(self.patience_s):
            while not await holds():  # noqa: ASYNC110 - a port has no event for each of its states
                await asyncio.sleep(self.delays[0] / 100)

    async def settled(self, place: Place) -> None:
        """Return when all that is in the log is settled, and nothing is parked any more."""
        deadline = place.clock.monotonic() + self.patience_s
        await place.broker.settled(GROUP, await place.store.head(), deadline)

        async def nothing_parked() -> bool:
            return (await place.broker.statistics(GROUP)).parked == 0

        await self.until(place, nothing_parked)

    async def send(self, place: Place, make: Maker, keys: str, start: int = 1) -> None:
        """Append a numbered message for each letter, which is its key."""
        for number, key in enumerate(keys, start=start):
            message = make.message(f"stream-{number % 3}", {"number": number}, partition_key=key)
            append = Append(stream=message.subject, expected=-2, events=(message,))
            await place.store.commit(Transaction(appends=(append,)))

    def expected(self, keys: str, start: int = 1) -> dict[str, list[int]]:
        """Return the effects that `send` must have."""
        found: dict[str, list[int]] = {}
        for number, key in enumerate(keys, start=start):
            found.setdefault(key, []).append(number)
        return found

    async def until_dead(self, place: Place, count: int) -> None:
        """Return when there are so many dead letters and everything else is settled."""

        async def dead() -> bool:
            return (await place.broker.statistics(GROUP)).dead == count

        await self.until(place, dead)
        deadline = place.clock.monotonic() + self.patience_s
        await place.broker.settled(GROUP, await place.store.head(), deadline)
