"""Who must see all that was written waits for whichever process keeps the read model up, or is told that it lags."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.bootstrap.following import caught_up_with
from autobot.kernel.core.errors import DeadlineExceeded
from autobot.kernel.event_store.projection import Projection, Reader, Write
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.event_store.transaction import Checkpoint, Recorded, Transaction
from autobot.kernel.messaging.keeping import Keeper
from autobot.kernel.messaging.leases import Lease
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import VirtualClock, run


def test_a_list_that_lags_is_told_and_one_that_another_process_keeps_is_not() -> None:
    """Without a runner of its own that gets anywhere, the stored position decides; a person's list never fails."""

    async def nothing(recorded: Recorded, reader: Reader) -> Sequence[Write]:
        return ()

    async def main() -> None:
        clock = VirtualClock()
        store, make = MemoryEventStore(clock), Maker(clock)
        projection = Projection(name="p", types=("autobot.test.*",), tables=("p.rows",), apply=nothing)
        lease = Lease(store, clock, "projection:p", "one")
        view = Keeper(ProjectionRunner(projection, store, clock), store, clock, lease)
        caught_up = caught_up_with(view, store, clock)
        await store.commit(make.transaction("a", 3))
        await caught_up()
        with pytest.raises(DeadlineExceeded):
            await caught_up(surely=True)
        await store.commit(Transaction(checkpoints=(Checkpoint(consumer=projection.consumer, position=3),)))
        await caught_up(surely=True)
        await store.close()

    run(main())
