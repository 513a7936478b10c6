"""A store that cannot be reached or written when an effect is to be committed is not the message's fault."""

from __future__ import annotations

import asyncio

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.errors import AutoBotError, ConnectFailed, ConnectionLost, OperatorError
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Committed, Recorded, Transaction
from autobot.kernel.messaging.broker import Delivery, Subscription
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.kernel.messaging.options import ConsumerOptions
from autobot.testing.faults import Through
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import VirtualClock, run, seeded

GROUP = "test.group"


class Refusing(Through):
    """Refuses what a consumer acknowledges, as long as it is told to."""

    def __init__(self, store: EventStore, error: AutoBotError) -> None:
        super().__init__(store)
        self.error: AutoBotError | None = error
        self.refused = 0

    async def commit(self, transaction: Transaction) -> Committed:
        if transaction.handled and self.error is not None:
            self.refused += 1
            raise self.error
        return await self.store.commit(transaction)


@pytest.mark.parametrize(
    "error", [OperatorError("Full."), ConnectFailed("Away."), ConnectionLost("Went away.")], ids=repr
)
def test_a_store_out_of_reach_pauses_the_group_at_the_first_message(error: AutoBotError) -> None:
    """However long it lasts, nothing is delayed or dead, and the first probe that gets through lets all go on."""

    async def main() -> None:
        clock = VirtualClock()
        store = Refusing(MemoryEventStore(clock), error)
        make, handled = Maker(clock), list[int]()

        async def handle(recorded: Recorded, delivery: Delivery) -> Transaction:
            handled.append(recorded.position)
            return Transaction()

        broker = LogBroker(store, clock, seeded())
        subscription = Subscription(
            group=GROUP, types=("autobot.test.*",), handler=handle, options=ConsumerOptions(pause_after=1000)
        )
        await store.commit(make.transaction("a"))
        await store.commit(make.transaction("a"))
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(broker.serve(subscription))
            await asyncio.sleep(600)
            state = await broker.statistics(GROUP)
            assert (state.state, state.parked, state.dead, state.position) == ("paused", 0, 0, 0)
            assert 10 < store.refused < 60
            store.error = None
            await broker.settled(GROUP, 2, clock.monotonic() + 60)
            assert sorted(set(handled)) == [1, 2]
            serving.cancel()
        await store.close()

    run(main())
