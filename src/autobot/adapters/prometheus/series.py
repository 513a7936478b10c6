"""Counters and histograms in plain memory, with bounded sets of labels. One thread.

The client library's own metrics take a lock and walk their buckets at each report, which costs more
than a whole direct hop; here a report is a look-up, an addition and a bisection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

Labels = tuple[tuple[str, str], ...]

SECONDS: Final = (
    0.00001, 0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
    300.0, 900.0, 3600.0,
)  # fmt: skip
"""Upper bounds of durations, from an in-process hop to a socket that stays open."""
BYTES: Final = tuple(float(4**power) for power in range(3, 15))
"""Upper bounds of sizes, 64 bytes to 256 MiB."""

OTHER: Final = "other"
"""Label value of everything beyond a metric's bound."""


class Total:
    """A counter."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Spread:
    """A histogram. `counts` has one place more than there are `bounds`: what lies above them all."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one measurement."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Return (upper bound as text, measurements up to it)."""
        found: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            found.append(("+Inf" if bound == float("inf") else repr(bound), float(total)))
        return found


S = TypeVar("S", Total, Spread)


class Family(Generic[S]):
    """All series of one metric, at most `most` of them: further label sets are counted together as *other*."""

    __slots__ = ("_most", "_series", "dropped")

    def __init__(self, most: int) -> None:
        self._most = most
        self._series: dict[Labels, S] = {}
        self.dropped = 0

    def series(self, labels: Labels, new: S) -> S:
        """Return the series of `labels`; `new` becomes it when there is none yet."""
        found = self._series.get(labels)
        if found is not None:
            return found
        if len(self._series) >= self._most:
            self.dropped += 1
            return self._series.setdefault(tuple((name, OTHER) for name, _ in labels), new)
        self._series[labels] = new
        return new

    def __iter__(self) -> Iterator[tuple[Labels, S]]:
        """Go through the series."""
        return iter(self._series.items())
