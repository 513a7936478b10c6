"""What the writer remembers of idempotency keys may say *perhaps* too often, and never *free* wrongly."""

from pathlib import Path

import pytest

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.sqlite.options import StoreOptions
from autobot.adapters.sqlite.staging import PLACES, Places
from autobot.kernel.core.errors import IdempotencyInFlight
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio


async def test_a_key_that_only_looks_taken_is_free(tmp_path: Path) -> None:
    """With every place looking taken new keys are accepted, and used ones refused, folded or not."""
    clock = ManualClock()
    options = StoreOptions(fold=2)
    store = await SqliteEventStore.open(tmp_path / "autobot.db", clock, options=options)
    make = Maker(clock)
    bits = store._writer.durable.places.bits
    bits[:] = b"\xff" * len(bits)
    for number in range(5):
        await store.commit(make.transaction("a", answer=make.answer(f"k{number}")))
    await used(store, make)
    store._writer.durable.places.update([0] * (PLACES + 1))
    for _ in range(3):
        await store.commit(make.transaction("a"))
    made_anew = store._writer.durable.places
    assert made_anew.bits is not bits
    assert not made_anew.full
    await used(store, make)
    await store.close()


async def used(store: SqliteEventStore, make: Maker) -> None:
    """Expect that the five keys are taken."""
    for number in range(5):
        with pytest.raises(IdempotencyInFlight):
            await store.commit(make.transaction("a", answer=make.answer(f"k{number}")))


def test_every_place_that_was_added_is_in_the_set() -> None:
    """Places are found again, negative ones too, others mostly not; many additions ask to make the set anew."""
    step = (1 << 64) // 1000 - 7
    added = [number * step - (1 << 63) for number in range(1000)]
    places = Places(added[:500])
    assert not places.full
    places.update(added[500:700], added[700:])
    assert all(place in places for place in added)
    assert sum(place + 1 in places for place in added) < 20
    places.update(range(PLACES))
    assert places.full
    assert not Places(range(PLACES + 1)).full
