"""Patience of those who follow the log: a broken way to the store is waited out, never given up on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from autobot.kernel.core.errors import AutoBotError, DeadlineExceeded, HopFailed, OperatorError, Rejected
from autobot.kernel.event_store.ports import StoreClosed

T = TypeVar("T")

PASSING: Final = (Rejected, HopFailed, DeadlineExceeded)
"""Failures of the way to something, which say nothing about the event that was on it."""
AWAY: Final = (*PASSING, OperatorError)
"""What is waited out: the store is out of reach, or has no room."""
BACKOFF_S: Final = (0.1, 5.0)
"""First and longest wait between two tries, in seconds."""


async def patiently(
    step: Callable[[], Awaitable[T]], *, failing: Callable[[AutoBotError], None] | None = None
) -> T:
    """Do `step` on the store until it succeeds; a full disk is waited out, too. `failing` hears of each failure.

    Raises StoreClosed at once, and whatever else `step` raises.
    """
    delay, cap = BACKOFF_S
    while True:
        try:
            return await step()
        except StoreClosed:
            raise
        except AWAY as error:
            if failing is not None:
                failing(error)
            await asyncio.sleep(delay)
            delay = min(cap, delay * 2)


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, at most so long; return whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
