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
PER_OCTAVE: Final = 4
OFFSET: Final = 80
FLOOR: Final = 1e-6
"""Seconds. `int(log2(duration + FLOOR) * PER_OCTAVE + OFFSET)` is the index, from 1 µs (0) to 8 years (191)."""


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
        return None if last is None else float(2.0 ** ((last + 0.5 - OFFSET) / PER_OCTAVE))


def joined(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of `tallies` (one or more)."""
    every = list(tallies)
    columns = [sum(column) for column in zip(*(one.histogram for one in every), strict=True)]
    seconds = max(one.seconds for one in every)
    return Tally(seconds, sum(one.calls for one in every), sum(one.failures for one in every), columns)


class Latency:
    """The ring of one target.

    The fused path of the pipeline adds to `histogram` itself after calling `roll` once `ends` has passed.
    """

    __slots__ = ("_born", "_epoch", "_failures", "_folded", "_ring", "ends", "failures", "histogram")

    def __init__(self, now: float) -> None:
        self._ring: list[list[int] | None] = [None] * SLOTS
        self._failures = [0] * SLOTS
        self._folded = 0
        self._born = now
        self.failures = 0
        self._enter(int(now / _WIDTH))

    def _enter(self, epoch: int) -> None:
        slot = epoch % SLOTS
        old = self._ring[slot]
        if old is not None:
            self._folded += sum(old)
        self.histogram: list[int] = [0] * SIZE
        self._ring[slot] = self.histogram
        self._failures[slot] = 0
        self._epoch = epoch
        self.ends = (epoch + 1) * _WIDTH

    def roll(self, now: float) -> None:
        """Start the slot that `now` falls into."""
        epoch = int(now / _WIDTH)
        for passed in range(max(self._epoch + 1, epoch - SLOTS + 1), epoch + 1):
            self._enter(passed)

    def add(self, now: float, duration: float) -> None:
        """Count one call that ended at `now` after `duration` seconds."""
        if now >= self.ends:
            self.roll(now)
        self.histogram[int(log2(duration + FLOOR) * PER_OCTAVE + OFFSET)] += 1

    def fail(self, now: float) -> None:
        """Mark one of the counted calls as failed."""
        if now >= self.ends:
            self.roll(now)
        self.failures += 1
        self._failures[self._epoch % SLOTS] += 1

    @property
    def calls(self) -> int:
        """Calls since the process started."""
        return self._folded + sum(sum(slot) for slot in self._ring if slot is not None)

    def tally(self, now: float) -> Tally:
        """Return the last minute's counts. Changes nothing."""
        newest = int(now / _WIDTH)
        live = [
            epoch % SLOTS
            for epoch in range(max(newest, self._epoch) - SLOTS + 1, self._epoch + 1)
            if self._ring[epoch % SLOTS] is not None
        ]
        histograms = [slot for index in live if (slot := self._ring[index]) is not None]
        columns = [sum(column) for column in zip(*histograms, strict=True)] if histograms else [0] * SIZE
        covered = min(now - self._born, SPAN - _WIDTH + (now - newest * _WIDTH))
        return Tally(max(covered, 1e-3), sum(columns), sum(self._failures[index] for index in live), columns)
