"""Brokers with a fault on purpose: what the suite of `Broker` must find."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Committed, Delete, Recorded, Transaction
from autobot.kernel.messaging.broker import Broker, Delivery, GroupStatistics, Handler, Subscription
from autobot.kernel.messaging.parking import DEAD, PARKED
from autobot.testing.faults import ForgetsTheInbox, KnowsNothingHandled, Through

Over = Callable[[EventStore], Broker]
"""Makes a sound broker over a store."""


class Spoilt:
    """Hands everything on to a broker; a fault overrides what it spoils."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    @property
    def groups(self) -> Sequence[str]:
        return self.broker.groups

    async def serve(self, subscription: Subscription) -> None:
        handler = self.spoil(subscription.handler)
        await self.broker.serve(replace(subscription, handler=handler))

    def spoil(self, handler: Handler) -> Handler:
        """Return the handler as the faulty broker calls it."""
        return handler

    async def statistics(self, group: str) -> GroupStatistics:
        return await self.broker.statistics(group)

    def wake(self, group: str, letter: str) -> None:
        self.broker.wake(group, letter)

    async def settled(self, group: str, position: int, deadline: float) -> None:
        await self.broker.settled(group, position, deadline)

    def hold(self, group: str, reason: str) -> None:
        self.broker.hold(group, reason)

    def release(self, group: str) -> None:
        self.broker.release(group)


class SwallowsFailures(Spoilt):
    """Acknowledges a message whose handler failed."""

    def spoil(self, handler: Handler) -> Handler:
        async def spoilt(recorded: Recorded, delivery: Delivery) -> Transaction:
            try:
                return await handler(recorded, delivery)
            except Exception:  # noqa: BLE001 - this is the fault
                return Transaction()

        return spoilt


class CallsTwice(Spoilt):
    """Gives every message twice and keeps the effects of both."""

    def spoil(self, handler: Handler) -> Handler:
        async def spoilt(recorded: Recorded, delivery: Delivery) -> Transaction:
            await handler(recorded, delivery)
            return await handler(recorded, delivery)

        return spoilt


class IgnoresHolds(Spoilt):
    """Goes on delivering to a group that a person holds."""

    def hold(self, group: str, reason: str) -> None:
        return


class Overlaps(Spoilt):
    """Starts each message beside the one before it, whatever their keys, and acknowledges it at once."""

    def spoil(self, handler: Handler) -> Handler:
        background: set[asyncio.Task[None]] = set()

        def forget(task: asyncio.Task[None]) -> None:
            background.discard(task)
            if not task.cancelled():
                task.exception()

        async def spoilt(recorded: Recorded, delivery: Delivery) -> Transaction:
            async def later() -> None:
                await handler(recorded, delivery)

            task = asyncio.get_running_loop().create_task(later())
            background.add(task)
            task.add_done_callback(forget)
            return Transaction()

        return spoilt


class TearsAcknowledgement(Through):
    """Commits the acknowledgement first and the effects a moment later."""

    async def commit(self, transaction: Transaction) -> Committed:
        if not transaction.handled:
            return await self.store.commit(transaction)
        alone = Transaction(handled=transaction.handled, checkpoints=transaction.checkpoints)
        await self.store.commit(alone)
        await asyncio.sleep(0)
        return await self.store.commit(replace(transaction, handled=(), checkpoints=()))


class LosesParked(Through):
    """Acknowledges rows of waiting messages without keeping them."""

    async def commit(self, transaction: Transaction) -> Committed:
        kept = tuple(
            one for one in transaction.writes if isinstance(one, Delete) or one.table not in {PARKED, DEAD}
        )
        return await self.store.commit(replace(transaction, writes=kept))


class ForgetsCheckpoints(Through):
    """Moves no checkpoint and keeps no inbox: everything comes again after a restart."""

    async def commit(self, transaction: Transaction) -> Committed:
        return await self.store.commit(replace(transaction, checkpoints=(), handled=()))


BROKER_FAULTS: tuple[tuple[str, Callable[[EventStore, Over], Broker]], ...] = (
    ("swallows failures", lambda store, over: SwallowsFailures(over(store))),
    ("calls twice", lambda store, over: CallsTwice(over(store))),
    ("ignores holds", lambda store, over: IgnoresHolds(over(store))),
    ("overlaps", lambda store, over: Overlaps(over(store))),
    ("tears the acknowledgement", lambda store, over: over(TearsAcknowledgement(store))),
    ("loses parked messages", lambda store, over: over(LosesParked(store))),
    ("forgets the inbox", lambda store, over: over(ForgetsTheInbox(store))),
    ("gives again what was handled", lambda store, over: over(KnowsNothingHandled(store))),
    ("forgets checkpoints and inbox", lambda store, over: over(ForgetsCheckpoints(store))),
)
"""Every fault that the suite of `Broker` must find, made over a store."""
