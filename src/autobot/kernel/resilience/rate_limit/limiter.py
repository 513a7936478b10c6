"""Counts requests by key: the port behind quotas, and its form for one process."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from autobot.kernel.core.clock import Clock

KEYS_MAX: Final = 100_000
"""Callers that the in-memory limiter remembers at once."""


class Taken(NamedTuple):
    """The limiter's answer. `reset_s` until the quota is whole again; `retry_after_s` until one request passes."""

    allowed: bool
    remaining: int
    reset_s: float
    retry_after_s: float = 0.0


class Limiter(Protocol):
    """Counts requests.

    Contract: the generic cell rate algorithm (ITU-T I.371) with a burst of the whole quota. Atomic per key,
    over all processes that share the limiter; a refused request costs nothing; keys are apart however their
    parts are cut. When the shared store behind it is away it counts locally rather than let everything
    pass, and raises nothing.
    """

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        """Take one request of `key` out of `quota` per `window_s` seconds."""
        ...


class MemoryLimiter:
    """Implements `Limiter` for one process."""

    def __init__(self, clock: Clock, keys_max: int = KEYS_MAX) -> None:
        self._now, self._keys_max = clock.monotonic, keys_max
        self._arrivals: dict[tuple[str, ...], float] = {}

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        """Take one request. O(1); the theoretical arrival time is all that is kept."""
        now = self._now()
        step = window_s / quota
        due = self._arrivals.get(key, now)
        if due < now:
            due = now
        later = due + step
        debt = later - now
        # One part in a million forgives the rounding of step * quota.
        if debt > window_s * 1.000001:
            return Taken(False, 0, debt - step, debt - window_s)
        if len(self._arrivals) >= self._keys_max and key not in self._arrivals:
            self._forget(now)
        self._arrivals[key] = later
        return Taken(True, int((window_s - debt) / step + 1e-6), debt)

    def _forget(self, now: float) -> None:
        """Drop callers whose quota is whole again; if that is not enough, those who are nearest to it."""
        kept = {key: due for key, due in self._arrivals.items() if due > now}
        if len(kept) >= self._keys_max:
            nearest = sorted(kept, key=kept.__getitem__)[: self._keys_max // 10 + 1]
            for key in nearest:
                del kept[key]
        self._arrivals = kept
