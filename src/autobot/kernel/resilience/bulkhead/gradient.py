"""The adaptive limit: grows while latency is as usual, shrinks when it rises (Netflix concurrency-limits, Gradient2)."""

from __future__ import annotations

import math
from typing import Final

WINDOW: Final = 1.0
"""Seconds of samples that one step looks at."""
SAMPLES: Final = 10
"""Fewer samples than this make no step."""
_SMOOTHING: Final = 0.2
_LONG_WINDOW: Final = 600
_DROP: Final = 0.9


class Gradient:
    """The limit as a function of what was measured; pure, with time by argument.

    `tolerance` is how many times slower than the long-term latency is still usual. The limit stays
    within [`low`, `high`] and does not grow while less than half of it is used.
    """

    __slots__ = (
        "_count",
        "_dropped",
        "_ends",
        "_high",
        "_limit",
        "_long",
        "_low",
        "_peak",
        "_sum",
        "_tolerance",
    )

    def __init__(self, limit: int, low: int, high: int, tolerance: float, now: float) -> None:
        self._limit = float(limit)
        self._low, self._high, self._tolerance = low, high, tolerance
        self._long = 0.0
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._ends = now + WINDOW
        self._count = 0
        self._sum = 0.0
        self._peak = 0
        self._dropped = False

    @property
    def limit(self) -> int:
        """The present limit."""
        return int(self._limit)

    def sample(self, now: float, duration: float, running: int, *, dropped: bool) -> bool:
        """Learn of an attempt that ran `duration` seconds beside `running` others; `dropped`: it timed out.

        Return whether the limit has moved.
        """
        self._count += 1
        self._sum += duration
        self._peak = max(self._peak, running)
        self._dropped = self._dropped or dropped
        if now < self._ends or self._count < SAMPLES:
            return False
        before = self.limit
        self._step(self._sum / self._count)
        self._begin(now)
        return self.limit != before

    def _step(self, short: float) -> None:
        if self._dropped:
            self._limit = max(self._low, self._limit * _DROP)
            return
        if self._long == 0.0:
            self._long = short
        self._long += (short - self._long) * 2.0 / (_LONG_WINDOW + 1)
        # After a long slow spell the memory must not stay twice as slow as what is measured now.
        if self._long > 2.0 * short:
            self._long *= 0.95
        if self._peak < self._limit / 2.0:
            return
        gradient = max(0.5, min(1.0, self._tolerance * self._long / max(short, 1e-9)))
        wanted = self._limit * gradient + math.sqrt(self._limit)
        smoothed = self._limit * (1.0 - _SMOOTHING) + wanted * _SMOOTHING
        self._limit = max(self._low, min(self._high, smoothed))
