"""Limiters with a fault on purpose: what the suite of `Limiter` must find."""

from __future__ import annotations

import asyncio
from typing import Final

from autobot.kernel.resilience.rate_limit.limiter import MemoryLimiter, Taken


class FailsOpen(MemoryLimiter):
    """Lets everything pass."""

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        return (await super().take(key, quota, window_s))._replace(allowed=True)


class CountsEverybodyTogether(MemoryLimiter):
    """Joins the words of a key."""

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        return await super().take(("".join(key),), quota, window_s)


class ChargesRefusals(MemoryLimiter):
    """Takes from the quota what it refuses, too."""

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        taken = await super().take(key, quota, window_s)
        if not taken.allowed:
            self._arrivals[key] += window_s / quota
        return taken


class ReadsThenWrites(MemoryLimiter):
    """Lets others in between reading and writing."""

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        before = self._arrivals.get(key)
        await asyncio.sleep(0)
        if before is not None:
            self._arrivals[key] = before
        else:
            self._arrivals.pop(key, None)
        return await super().take(key, quota, window_s)


class NeverGrowsBack(MemoryLimiter):
    """Gives the whole quota back at once after the window, instead of evenly."""

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        taken = await super().take(key, quota, window_s)
        return taken if taken.allowed else taken._replace(retry_after_s=taken.reset_s)


LIMITER_FAULTS: Final = (
    FailsOpen,
    CountsEverybodyTogether,
    ChargesRefusals,
    ReadsThenWrites,
    NeverGrowsBack,
)
