"""The machine's clock is set a day back or forth in the middle of work: what waits goes on, nothing comes twice."""

from __future__ import annotations

import asyncio

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.errors import ConnectionLost
from autobot.kernel.event_store.transaction import ANY, Append, Recorded, Transaction
from autobot.kernel.messaging.broker import Delivery, Subscription
from autobot.kernel.messaging.leases import Lease
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.kernel.messaging.options import ConsumerOptions
from autobot.kernel.messaging.source import Superseded
from autobot.kernel.resilience.rate_limit.limiter import MemoryLimiter
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import JumpingClock, run, seeded

DAY_S = 86_400.0
JUMPS = pytest.mark.parametrize("jump_s", [-DAY_S, DAY_S], ids=["back", "forth"])


@JUMPS
@pytest.mark.parametrize("restarted", [False, True])
def test_a_delayed_message_waits_no_longer_than_delays_are(jump_s: float, *, restarted: bool) -> None:
    """A message that waits for its next time is tried within its delay, in this life and in the next one, and the
    later one of its key after it, once each."""

    async def main() -> None:
        clock = JumpingClock()
        store, done = MemoryEventStore(clock), list[str]()
        failing = True

        async def handle(recorded: Recorded, delivery: Delivery) -> Transaction:
            if failing:
                raise ConnectionLost("The other side went away.")
            done.append(recorded.message.id)
            return Transaction()

        options = ConsumerOptions(immediate=0, delays=(10.0, 10.0), jitter=0.0, pause_after=9)
        subscription = Subscription(group="g", types=("*",), handler=handle, options=options)
        make = Maker(clock)
        first, second = make.message("s"), make.message("s")
        await store.commit(Transaction(appends=(Append(stream="s", expected=ANY, events=(first, second)),)))
        broker = LogBroker(store, clock, seeded())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(broker.serve(subscription))
            await asyncio.sleep(1.0)
            assert (await broker.statistics("g")).parked == 2
            clock.jump(jump_s)
            failing = False
            if restarted:
                task.cancel()
                broker = LogBroker(store, clock, seeded())
                task = group.create_task(broker.serve(subscription))
            await asyncio.sleep(11.0)
            assert done == [first.id, second.id]
            assert (await broker.statistics("g")).parked == 0
            task.cancel()

    run(main())


@JUMPS
def test_a_lease_of_a_dead_holder_is_taken_within_its_term(jump_s: float) -> None:
    """However the clock was set, a lease that nobody renews goes to the next one after a term at most, and its old
    holder can write nothing under it."""

    async def main() -> None:
        clock = JumpingClock()
        store = MemoryEventStore(clock)
        dead, next_one = (Lease(store, clock, "part", name, ttl_s=6.0) for name in ("dead", "next"))
        assert await dead.take()
        clock.jump(jump_s)
        waited = 0.0
        while not await next_one.take():
            await asyncio.sleep(1.0)
            waited += 1.0
        assert waited <= 6.0
        with pytest.raises(Superseded):
            await dead.renew()

    run(main())


def test_a_lease_that_is_renewed_stays_where_it_is() -> None:
    """A holder that goes on renewing keeps its lease though the clock was set back meanwhile."""

    async def main() -> None:
        clock = JumpingClock()
        store = MemoryEventStore(clock)
        alive, other = (Lease(store, clock, "part", name, ttl_s=6.0) for name in ("alive", "other"))
        assert await alive.take()
        for second in range(40):
            if second == 5:
                clock.jump(-DAY_S)
            if second % 2 == 0:
                await alive.renew()
            assert not await other.take()
            await asyncio.sleep(1.0)
        await alive.renew()

    run(main())


@JUMPS
def test_a_quota_neither_opens_nor_closes(jump_s: float) -> None:
    """A quota that is used up is free again after its own time, not before and not a day later."""

    async def main() -> None:
        clock = JumpingClock()
        limiter = MemoryLimiter(clock)
        for _ in range(5):
            assert (await limiter.take(("k",), 5, 60.0)).allowed
        clock.jump(jump_s)
        assert not (await limiter.take(("k",), 5, 60.0)).allowed
        await asyncio.sleep(12.5)
        assert (await limiter.take(("k",), 5, 60.0)).allowed
        assert not (await limiter.take(("k",), 5, 60.0)).allowed

    run(main())
