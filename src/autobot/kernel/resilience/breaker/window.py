"""The breaker's sliding window: calls, failures and slow calls in ten buckets and the running one."""

from __future__ import annotations

from typing import NamedTuple

BUCKETS = 10


class Totals(NamedTuple):
    """Sums over the window."""

    calls: int
    failures: int
    slow: int


class Window:
    """Counts of the last `span` seconds, to a tenth of it.

    `calls` is the running bucket's count and `ends` when that bucket ends (monotonic seconds): the
    fused path of the pipeline adds to `calls` itself and calls `roll` once `ends` has passed.
    Ten full buckets stand behind the running one, so the window is never shorter than `span`.
    """

    __slots__ = ("_epoch", "_failures", "_ring", "_slow", "_width", "calls", "ends")

    def __init__(self, span: float, now: float) -> None:
        self._width = span / BUCKETS
        self.clear(now)

    def clear(self, now: float) -> None:
        """Forget everything."""
        self._ring = [(0, 0, 0)] * BUCKETS
        self._epoch = int(now / self._width)
        self.ends = (self._epoch + 1) * self._width
        self.calls = self._failures = self._slow = 0

    def roll(self, now: float) -> None:
        """Start the bucket that `now` falls into."""
        epoch = int(now / self._width)
        steps = epoch - self._epoch
        if steps <= 0:
            return
        self._ring[self._epoch % BUCKETS] = (self.calls, self._failures, self._slow)
        for skipped in range(self._epoch + 1, self._epoch + min(steps, BUCKETS + 1)):
            self._ring[skipped % BUCKETS] = (0, 0, 0)
        self._epoch = epoch
        self.ends = (epoch + 1) * self._width
        self.calls = self._failures = self._slow = 0

    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count one call that ended at `now`."""
        if now >= self.ends:
            self.roll(now)
        self.calls += 1
        self._failures += failed
        self._slow += slow

    def totals(self, now: float) -> Totals:
        """Return the sums over the window that ends at `now`."""
        if now >= self.ends:
            self.roll(now)
        calls, failures, slow = self.calls, self._failures, self._slow
        for bucket in self._ring:
            calls += bucket[0]
            failures += bucket[1]
            slow += bucket[2]
        return Totals(calls, failures, slow)
