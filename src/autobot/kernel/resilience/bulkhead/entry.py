"""Into a bulkhead: at once, after a wait in its queue, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

from autobot.kernel.resilience.bulkhead.criticality import Criticality
from autobot.kernel.resilience.bulkhead.machine import Bulkhead, Wait

Entry = Literal["in", "full", "late"]
IN: Final = "in"


async def wait_for_place(
    bulkhead: Bulkhead, level: Criticality, now: float, until: float | None, monotonic: Callable[[], float]
) -> Entry:
    """Wait in the queue for a permit, at most until `until` (seconds of the loop's clock).

    Returns *in* with the permit, which the caller gives back by `leave`; *full* when there is no room in the queue
    or it was given to somebody more critical; *late* when the time was over.
    """
    woken = asyncio.get_running_loop().create_future()
    waiter = bulkhead.wait(level, now, until, lambda: None if woken.done() else woken.set_result(None))
    if waiter is None:
        return "full"
    try:
        async with asyncio.timeout_at(until):
            await woken
    except TimeoutError:
        bulkhead.give_up(waiter, monotonic())
        return "late"
    except BaseException:
        bulkhead.give_up(waiter, monotonic())
        raise
    return "in" if waiter.state is Wait.GRANTED else "full"
