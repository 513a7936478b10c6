"""What every clock, source of ids and source of chance holds."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource

MANY = 5_000


def check_clock(clock: Clock) -> None:
    """Wall time is aware UTC; monotonic time never goes back. Raises AssertionError."""
    moments = [clock.now() for _ in range(100)]
    assert all(one.tzinfo is not None and one.utcoffset() == timedelta(0) for one in moments), (
        "wall time must be aware UTC"
    )
    ticks = [clock.monotonic() for _ in range(MANY)]
    assert ticks == sorted(ticks), "monotonic time went back"
    assert all(isinstance(one, float) for one in ticks), "monotonic time is seconds as float"


def check_ids(source: IdSource) -> None:
    """Ids are new UUIDs as text, in creation order. Raises AssertionError."""
    ids = [source.new() for _ in range(MANY)]
    assert len(set(ids)) == MANY, "an id came twice"
    assert ids == sorted(ids), "ids do not sort in creation order"
    assert all(str(UUID(one)) == one for one in ids), "an id is no canonical UUID"


def check_chance(chance: Chance) -> None:
    """Draws stay in their ranges and are not all alike. Raises AssertionError."""
    draws = [chance.random() for _ in range(MANY)]
    assert all(0 <= one < 1 for one in draws), "random() left [0, 1)"
    assert 0.4 < sum(draws) / MANY < 0.6, "random() is not uniform"
    assert all(2 <= chance.uniform(2, 3) <= 3 for _ in range(MANY)), "uniform() left its range"
    bits = [chance.getrandbits(62) for _ in range(MANY)]
    assert all(0 <= one < 2**62 for one in bits), "getrandbits() left its range"
    assert len(set(bits)) > MANY - 5, "getrandbits() repeats itself"
