"""How many connections a pool may hold: as many as were needed at once lately, within bounds. Pure."""

from __future__ import annotations

from typing import Final

WINDOW_S: Final = 30.0
"""Seconds over which the highest concurrency counts."""


class PoolSize:
    """Follows the concurrency that is seen.

    It grows at once with the calls in flight, so that none waits below the upper bound, and falls back
    once per window to the highest concurrency of the last two windows, so that one quiet moment
    throws no warm connection away. Times are monotonic seconds.
    """

    __slots__ = ("_before", "_ends", "_high", "_least", "_most", "limit")

    def __init__(self, least: int, most: int, now: float) -> None:
        self._least, self._most = least, most
        self._before = self._high = 0
        self._ends = now + WINDOW_S
        self.limit = least

    def seen(self, in_flight: int, now: float) -> int:
        """Take note of the calls in flight and return the limit."""
        if now >= self._ends:
            # After a longer silence what came before it says nothing.
            self._before = self._high if now < self._ends + WINDOW_S else 0
            self._high = 0
            self._ends = now + WINDOW_S
            self.limit = self._bounded(max(self._before, in_flight))
        if in_flight > self._high:
            self._high = in_flight
            if in_flight > self.limit:
                self.limit = self._bounded(in_flight)
        return self.limit

    def _bounded(self, wanted: int) -> int:
        return min(max(wanted, self._least), self._most)
