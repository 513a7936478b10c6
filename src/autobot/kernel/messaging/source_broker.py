"""The broker: the delivery rules over whatever brings the messages."""

from __future__ import annotations

from functools import partial

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.messaging.broker import GroupStatistics, Subscription
from autobot.kernel.messaging.consumer import GroupConsumer
from autobot.kernel.messaging.group import Group
from autobot.kernel.messaging.holds import hold_of
from autobot.kernel.messaging.source import Differences, Source, Sources


class SourceBroker:
    """Implements `Broker` over an event store and the sources of its messages."""

    def __init__(self, sources: Sources, store: EventStore, clock: Clock, chance: Chance) -> None:
        self._sources, self._store, self._clock, self._chance = sources, store, clock, chance
        self._groups: dict[str, Group] = {}
        self._serving: set[str] = set()

    @property
    def differences(self) -> Differences:
        """What the way of the messages changes for those who look at a group."""
        return self._sources.differences

    async def serve(self, subscription: Subscription) -> None:
        """Deliver to a group until cancelled or the store closes. Raises Conflict when it is served already."""
        name = subscription.group
        if name in self._serving:
            raise Conflict(f"The group {name} is served already.")
        parts, look_s = self._sources.parts(name), self.differences.look_s
        group = Group(subscription, parts, look_s, self._store, self._clock, self._chance)
        self._groups[name] = group
        self._serving.add(name)

        async def consume(source: Source) -> None:
            await GroupConsumer(group, source).run()

        try:
            hold = await patiently(partial(hold_of, self._store, name))
            if hold is not None:
                group.gate.hold(hold.told)
            await self._sources.serve(name, consume, group.elsewhere)
        except* StoreClosed:
            group.reason = "closed"
        finally:
            group.state = "stopped"
            self._serving.discard(name)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that were served here."""
        return tuple(self._groups)

    async def statistics(self, group: str) -> GroupStatistics:
        """Return how a group stands. Raises NotFound for one that was never served here."""
        return await self._of(group).statistics()

    def wake(self, group: str, letter: str) -> None:
        """Let a group look at once at a dead letter that was replayed, edited or discarded. Unknown ones are ignored."""
        if group in self._groups:
            self._groups[group].wake(letter)

    def hold(self, group: str, reason: str) -> None:
        """Give a group nothing more until `release`. A group that is not served here is ignored."""
        if group in self._groups:
            self._groups[group].gate.hold(reason)

    def release(self, group: str) -> None:
        """Let a held group go on. A group that is not served here is ignored."""
        if group in self._groups:
            self._groups[group].gate.release()

    async def settled(self, group: str, position: int, deadline: float) -> None:
        """Return when all up to a log position is settled or parked. Raises DeadlineExceeded."""
        await self._of(group).settled(position, deadline)

    def _of(self, group: str) -> Group:
        found = self._groups.get(group)
        if found is None:
            raise NotFound(f"There is no group {group}.")
        return found
