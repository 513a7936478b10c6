"""A lease goes to one at a time; the token, and not the clock, is what protects."""

from __future__ import annotations

import asyncio

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.errors import WrongExpectedVersion
from autobot.kernel.event_store.transaction import Checkpoint, Transaction
from autobot.kernel.messaging.leases import Lease, taken_since
from autobot.kernel.messaging.source import Superseded
from autobot.testing.virtual_time import VirtualClock, run


def test_a_lease_has_one_holder_at_a_time() -> None:
    """Another gets it when its time is over or it was given back, and the same holder at once after a restart."""

    async def main() -> None:
        clock = VirtualClock()
        store = MemoryEventStore(clock)
        ann, bob = (Lease(store, clock, "part", name, ttl_s=6.0) for name in ("ann", "bob"))
        assert await ann.take()
        assert not await bob.take()
        assert bob.held_by == "ann"
        assert await Lease(store, clock, "part", "ann").take()
        await asyncio.sleep(5.0)
        assert not await bob.take()
        await asyncio.sleep(1.5)
        assert await bob.take()
        await bob.renew()
        assert not await ann.take()
        await bob.release()
        assert await ann.take()

    run(main())


def test_who_lost_a_lease_can_write_nothing_under_it() -> None:
    """A holder that slept through its time is refused, renewing included; what its fence guards stays as it was."""

    async def main() -> None:
        clock = VirtualClock()
        store = MemoryEventStore(clock)
        slept, awake = (Lease(store, clock, "part", name, ttl_s=6.0) for name in ("slept", "awake"))
        assert await slept.take()
        guarded = Checkpoint(consumer="group", position=7)
        await store.commit(Transaction(checkpoints=(guarded, slept.fence)))
        await asyncio.sleep(7.0)
        assert await awake.take()
        later = Checkpoint(consumer="group", position=9)
        with pytest.raises(WrongExpectedVersion):
            await store.commit(Transaction(checkpoints=(later, slept.fence)))
        for step in (slept.renew, slept.release):
            with pytest.raises(Superseded):
                await step()
        assert await store.checkpoint("group") == 7
        await store.commit(Transaction(checkpoints=(later, awake.fence)))
        assert await store.checkpoint("group") == 9

    run(main())


def test_leases_are_found_by_what_they_are_about() -> None:
    """Those about a thing that were held since a moment are named; others are not."""

    async def main() -> None:
        clock = VirtualClock()
        store = MemoryEventStore(clock)
        for name, about in (("a", "part 0"), ("b", "part 0"), ("c", "part 1")):
            assert await Lease(store, clock, name, "ann", about=about).take()
        assert sorted(await taken_since(store, "part 0", clock.now())) == ["a", "b"]
        await asyncio.sleep(100.0)
        assert await Lease(store, clock, "b", "ann", about="part 0").take()
        assert await taken_since(store, "part 0", clock.now()) == ["b"]

    run(main())
