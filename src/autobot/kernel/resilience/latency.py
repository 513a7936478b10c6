"""Counts and latencies of the last minute: a ring of fixed histograms, nothing allocated per call.

A bucket of the histogram is a quarter of an octave wide (19 %), so a quantile is right to about 9 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log2
from typing import Final, NamedTuple

SPAN: Final = 60.0
SLOTS: Final = 10
_WIDTH: Final = SPAN / SLOTS
SIZE: Final = 192
_PER_OCTAVE: Final = 4.0
_OFFSET: Final = 80.0
_FLOOR: Final = 1e-6
"""Seconds; a duration falls into one of SIZE buckets from 1 µs to 8 years."""
EXACT: Final = 64
"""So many calls of each slot are measured; beyond them every eighth is, and counts for eight."""
EIGHTH: Final = 7
"""Mask: a call whose number has none of these bits is an eighth one."""


class Tally(NamedTuple):
    """What was counted in the last `seconds`: calls, failures, and calls per bucket of the histogram."""

    seconds: float
    calls: int
    failures: int
    histogram: list[int]

    def quantile(self, share: float) -> float | None:
        """Return the latency in seconds that `share` (0–1) of the calls did not exceed; None without calls."""
        left = share * sum(self.histogram)
        last = None
        for index, count in enumerate(self.histogram):
            if not count:
                continue
            last = index
            left -= count
            if left <= 0:
                break
        return None if last is None else float(2.0 ** ((last + 0.5 - _OFFSET) / _PER_OCTAVE))


def joined(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of `tallies` (one or more)."""
    every = list(tallies)
    columns = [sum(column) for column in zip(*(one.histogram for one in every), strict=True)]
    seconds = max(one.seconds for one in every)
    return Tally(seconds, sum(one.calls for one in every), sum(one.failures for one in every), columns)


class Latency:
    """The ring of one target: every call is counted, and measured as EXACT says.

    The fused path of the pipeline calls `roll` once `ends` has passed, adds 1 to `count` itself, and
    calls `measure` for the calls that are measured.
    """

    __slots__ = ("_born", "_counts", "_epoch", "_failures", "_folded", "_ring", "count", "ends", "failures")

    def __init__(self, now: float) -> None:
        self._ring: list[list[int] | None] = [None] * SLOTS
        self._counts = [0] * SLOTS
        self._failures = [0] * SLOTS
        self._folded = 0
        self._born = now
        self.failures = 0
        self.count = 0
        """Calls in the running slot."""
        self._enter(int(now / _WIDTH))

    def _enter(self, epoch: int) -> None:
        slot = epoch % SLOTS
        self._folded += self._counts[slot]
        self._ring[slot] = [0] * SIZE
        self._counts[slot] = self._failures[slot] = self.count = 0
        self._epoch = epoch
        self.ends = (epoch + 1) * _WIDTH

    def roll(self, now: float) -> None:
        """Start the slot that `now` falls into."""
        self._counts[self._epoch % SLOTS] = self.count
        epoch = int(now / _WIDTH)
        for passed in range(max(self._epoch + 1, epoch - SLOTS + 1), epoch + 1):
            self._enter(passed)

    def add(self, now: float, duration: float) -> None:
        """Count one call that ended at `now` after `duration` seconds."""
        if now >= self.ends:
            self.roll(now)
        self.count += 1
        if self.count <= EXACT or not self.count & EIGHTH:
            self.measure(duration)

    def measure(self, duration: float) -> None:
        """Put the call just counted into the histogram."""
        histogram = self._ring[self._epoch % SLOTS]
        if histogram is not None:
            weight = 1 if self.count <= EXACT else EIGHTH + 1
            histogram[int(log2(duration + _FLOOR) * _PER_OCTAVE + _OFFSET)] += weight

    def fail(self, now: float) -> None:
        """Mark one of the counted calls as failed."""
        if now >= self.ends:
            self.roll(now)
        self.failures += 1
        self._failures[self._epoch % SLOTS] += 1

    @property
    def calls(self) -> int:
        """Calls since the process started."""
        running = self._epoch % SLOTS
        return self._folded + self.count + sum(self._counts) - self._counts[running]

    def tally(self, now: float) -> Tally:
        """Return the last minute's counts. Changes nothing."""
        newest = int(now / _WIDTH)
        live = range(max(newest, self._epoch) - SLOTS + 1, self._epoch + 1)
        slots = [epoch % SLOTS for epoch in live if self._ring[epoch % SLOTS] is not None]
        histograms = [histogram for slot in slots if (histogram := self._ring[slot]) is not None]
        columns = [sum(column) for column in zip(*histograms, strict=True)] if histograms else [0] * SIZE
        running = self._epoch % SLOTS
        return Tally(
            seconds=max(min(now - self._born, SPAN - _WIDTH + (now - newest * _WIDTH)), 1e-3),
            calls=sum(self.count if slot == running else self._counts[slot] for slot in slots),
            failures=sum(self._failures[slot] for slot in slots),
            histogram=columns,
        )
