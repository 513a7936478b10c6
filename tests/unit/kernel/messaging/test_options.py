"""Options refuse what makes no sense when they are built."""

from typing import Any

import pytest

from autobot.kernel.event_store.transaction import Recorded, Transaction
from autobot.kernel.messaging.broker import Delivery, Subscription
from autobot.kernel.messaging.options import ConsumerOptions


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"concurrency": 1001},
        {"concurrency": 8, "window": 7},
        {"window": 10_001},
        {"immediate": -1},
        {"immediate": 11},
        {"delays": (0.0,)},
        {"delays": (90_000.0,)},
        {"delays": (1.0,) * 21},
        {"jitter": 1.0},
        {"pause_after": 1},
        {"probe_first": 0.0},
        {"probe_first": 5.0, "probe_max": 4.0},
    ],
)
def test_options_outside_their_ranges_are_refused(wrong: dict[str, Any]) -> None:
    """Each range is checked; the shipped values are inside."""
    assert ConsumerOptions().concurrency >= 1
    with pytest.raises(ValueError, match=r"is|are"):
        ConsumerOptions(**wrong)


async def handler(recorded: Recorded, delivery: Delivery) -> Transaction:
    """Do nothing."""
    return Transaction()


def test_a_subscription_has_a_name_and_types() -> None:
    """A group without a name, or of nothing, is refused; `*` ends a beginning."""
    for group, types in (("", ("autobot.a.b.v1",)), ("g", ())):
        with pytest.raises(ValueError, match="group and types"):
            Subscription(group=group, types=types, handler=handler)
    made = Subscription(group="g", types=("autobot.a.*", "autobot.b.c.v1"), handler=handler)
    assert made.wants("autobot.a.b.v1")
    assert made.wants("autobot.b.c.v1")
    assert not made.wants("autobot.b.c.v12")
    assert not made.wants("autobot.ab.c.v1")
