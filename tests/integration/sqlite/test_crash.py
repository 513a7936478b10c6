"""What a crash leaves above the marks of the index is known to the next life."""

import shutil
from pathlib import Path

import pytest

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.kernel.core.errors import IdempotencyInFlight
from autobot.kernel.event_store.transaction import Append, Transaction
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio


async def test_repeats_are_known_after_a_crash(tmp_path: Path) -> None:
    """The next life knows ids and idempotency keys that the last one had not indexed when it was cut off."""
    clock = ManualClock()
    store, make = await SqliteEventStore.open(tmp_path / "autobot.db", clock), Maker(clock)
    answer = make.answer("k")
    batch = Append(stream="a", expected=-1, events=(make.message("a", {}), make.message("a", {})))
    await store.commit(Transaction(appends=(batch,), answer=answer))
    left = tmp_path / "left"
    left.mkdir()
    for one in tmp_path.glob("autobot.db*"):
        shutil.copy(one, left / one.name)
    await store.close()

    store = await SqliteEventStore.open(left / "autobot.db", clock)
    repeated = await store.commit(Transaction(appends=(batch,)))
    assert (repeated.repeated, repeated.position, repeated.revisions) == (True, 2, (1,))
    with pytest.raises(IdempotencyInFlight):
        await store.commit(make.transaction("b", answer=answer))
    assert await store.head() == 2
    await store.close()
