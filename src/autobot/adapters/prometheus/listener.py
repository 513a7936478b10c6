"""The listener that counts."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Final

from autobot.adapters.prometheus.series import BYTES, SECONDS, Family, Labels, Spread, Total
from autobot.kernel.core.errors import AutoBotError, Rejected
from autobot.kernel.telemetry.listener import Change, Hop

SERIES_MAX: Final = 2_000
"""Label sets of one metric."""

ATTEMPTS: Final = "autobot_link_attempts_total"
DURATION: Final = "autobot_link_attempt_duration_seconds"
RETRIES: Final = "autobot_link_retries_total"
REFUSED: Final = "autobot_link_refused_total"
TRANSITIONS: Final = "autobot_breaker_transitions_total"
CHANGES: Final = "autobot_changes_total"
OVERFLOW: Final = "autobot_metrics_overflow_total"

SHARED: Final = ("http_", "process_", "python_", "autobot_")
"""Prefixes of names that keep them; all others are of this product and say so."""

Gauge = tuple[str, Labels, float]


class _Attempts:
    """Series of one link, target and operation."""

    __slots__ = ("counts", "failed", "ok", "retries", "spread")

    def __init__(self, ok: Total, retries: Total, spread: Spread) -> None:
        self.ok, self.retries, self.spread = ok, retries, spread
        self.counts = spread.counts
        self.failed: dict[str, Total] = {}


class PrometheusListener:
    """Implements `Listener`. Used from one thread; a report costs well below a microsecond.

    Per link, target and operation: attempts by outcome (`ok`, an error's code, `cancelled`), retries and
    latency; refusals of the pipeline; transitions of breakers; and what is reported by name, whose suffix
    tells its kind (`_total`, `_seconds`, `_bytes`).
    """

    def __init__(self, series_max: int = SERIES_MAX) -> None:
        self._most = series_max
        self.totals: dict[str, Family[Total]] = {}
        self.spreads: dict[str, Family[Spread]] = {}
        self._attempts: dict[tuple[str, str, str], _Attempts] = {}
        self._named: dict[tuple[str, Labels], Total | Spread] = {}
        self._gauges: list[Callable[[], Iterable[Gauge]]] = []

    # ----------------------------------------------------------------------------------------- the port

    def started(self, hop: Hop) -> None:
        """Nothing is counted before it ends."""

    def completed(self, hop: Hop, duration: float) -> None:
        key = (hop.link, hop.target, hop.operation)
        series = self._attempts.get(key) or self._opened(key)
        series.ok.value += 1.0
        spread = series.spread
        spread.sum += duration
        series.counts[bisect_left(SECONDS, duration)] += 1
        if hop.attempt:
            series.retries.value += 1.0

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        if isinstance(error, Rejected):
            self._total(
                REFUSED, (("link", hop.link), ("target", hop.target), ("code", error.code))
            ).value += 1
            return
        key = (hop.link, hop.target, hop.operation)
        series = self._attempts.get(key) or self._opened(key)
        outcome = _outcome(error)
        ended = series.failed.get(outcome)
        if ended is None:
            ended = series.failed[outcome] = self._total(ATTEMPTS, _attempt_labels(key, outcome))
        ended.value += 1.0
        series.spread.observe(duration)
        if hop.attempt:
            series.retries.value += 1.0

    def changed(self, change: Change) -> None:
        if change.kind == "breaker":
            _, link, target = (*change.subject.split(":", 2), "", "")[:3]
            labels = (("link", link), ("target", target), ("from", change.before), ("to", change.after))
            self._total(TRANSITIONS, labels).value += 1
        else:
            self._total(CHANGES, (("kind", change.kind),)).value += 1

    def counted(self, name: str, value: float, labels: Labels) -> None:
        key = (name, labels)
        series = self._named.get(key)
        if series is None:
            series = self._open_named(name, labels)
        if isinstance(series, Total):
            if value > 0.0:
                series.value += value
        else:
            series.counts[bisect_left(series.bounds, value)] += 1
            series.sum += value

    # ---------------------------------------------------------------------------------------- the series

    def watch(self, gauges: Callable[[], Iterable[Gauge]]) -> None:
        """Ask `gauges` at each scrape for (name, labels, value) of what is now: in flight, breaker states, lag."""
        self._gauges.append(gauges)

    def gauges(self) -> Iterable[Gauge]:
        """Return what is now."""
        for source in self._gauges:
            yield from source()

    def _opened(self, key: tuple[str, str, str]) -> _Attempts:
        link, target, operation = key
        labels = (("link", link), ("target", target), ("operation", operation))
        found = _Attempts(
            self._total(ATTEMPTS, _attempt_labels(key, "ok")),
            self._total(RETRIES, labels),
            self._spread(DURATION, labels, SECONDS),
        )
        if len(self._attempts) < self._most:
            self._attempts[key] = found
        return found

    def _open_named(self, name: str, labels: Labels) -> Total | Spread:
        shown = name if name.startswith(SHARED) else f"autobot_{name}"
        series: Total | Spread
        if name.endswith("_total"):
            series = self._total(shown, labels)
        else:
            series = self._spread(shown, labels, BYTES if name.endswith("_bytes") else SECONDS)
        if len(self._named) < self._most:
            self._named[name, labels] = series
        return series

    def _total(self, name: str, labels: Labels) -> Total:
        family = self.totals.get(name)
        if family is None:
            family = self.totals[name] = Family(self._most)
        return family.series(labels, Total())

    def _spread(self, name: str, labels: Labels, bounds: tuple[float, ...]) -> Spread:
        family = self.spreads.get(name)
        if family is None:
            family = self.spreads[name] = Family(self._most)
        return family.series(labels, Spread(bounds))


def _attempt_labels(key: tuple[str, str, str], outcome: str) -> Labels:
    link, target, operation = key
    return (("link", link), ("target", target), ("operation", operation), ("outcome", outcome))


def _outcome(error: BaseException) -> str:
    if isinstance(error, AutoBotError):
        return error.code
    return "cancelled" if isinstance(error, asyncio.CancelledError | GeneratorExit) else "internal"
