"""The embedded broker: groups read the log itself; checkpoint, inbox and parked rows are all there is (decision 0007)."""

from __future__ import annotations

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.messaging.broker import GroupStatistics, Subscription
from autobot.kernel.messaging.consumer import GroupConsumer


class LogBroker:
    """Implements `Broker` over an event store. The data folder's lock is the lease of every group."""

    def __init__(self, store: EventStore, clock: Clock, chance: Chance) -> None:
        self._store, self._clock, self._chance = store, clock, chance
        self._consumers: dict[str, GroupConsumer] = {}
        self._serving: set[str] = set()

    async def serve(self, subscription: Subscription) -> None:
        """Deliver to a group until cancelled or the store closes. Raises Conflict when it is served already."""
        group = subscription.group
        if group in self._serving:
            raise Conflict(f"The group {group} is served already.")
        consumer = GroupConsumer(subscription, self._store, self._clock, self._chance)
        self._consumers[group] = consumer
        self._serving.add(group)
        try:
            await consumer.run()
        finally:
            self._serving.discard(group)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that were served here."""
        return tuple(self._consumers)

    async def statistics(self, group: str) -> GroupStatistics:
        """Return how a group stands. Raises NotFound for one that was never served here."""
        return await self._of(group).statistics()

    def wake(self, group: str) -> None:
        """Let a group look at once at what was replayed or discarded. Unknown groups are ignored."""
        consumer = self._consumers.get(group)
        if consumer is not None:
            consumer.wake()

    def hold(self, group: str, reason: str) -> None:
        """Give a group nothing more until `release`. A group that is not served here is ignored."""
        consumer = self._consumers.get(group)
        if consumer is not None:
            consumer.hold(reason)

    def release(self, group: str) -> None:
        """Let a held group go on. A group that is not served here is ignored."""
        consumer = self._consumers.get(group)
        if consumer is not None:
            consumer.release()

    async def settled(self, group: str, position: int, deadline: float) -> None:
        """Return when all up to a log position is settled or parked. Raises DeadlineExceeded."""
        await self._of(group).settled(position, deadline)

    def _of(self, group: str) -> GroupConsumer:
        consumer = self._consumers.get(group)
        if consumer is None:
            raise NotFound(f"There is no group {group}.")
        return consumer
