"""Counts of rows whose calls come in from a client: the browser's rows, whose pipelines live in the browser."""

from __future__ import annotations

from datetime import timedelta

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.resilience.latency import Latency, Tally
from autobot.kernel.resilience.snapshot import LastError
from autobot.kernel.telemetry.listener import Change, Hop


class Arrived:
    """What came in on one row since the process started, and how it ended in the last minute."""

    __slots__ = ("_came", "_last", "_latency", "calls", "failures")

    def __init__(self, now: float) -> None:
        self.calls = 0
        self.failures = 0
        self._came = Latency(now)
        self._latency = Latency(now)
        self._last: tuple[float, str, str] | None = None

    def came(self, now: float) -> None:
        """Count a call that came in at `now`."""
        self.calls += 1
        self._came.add(now, 0.0)

    def rate(self, now: float) -> float:
        """Return the calls a second of the last minute."""
        tally = self._came.tally(now)
        return tally.calls / tally.seconds

    def ended(self, now: float, duration: float, error: BaseException | None) -> None:
        """Take note of how a call ended, at `now` after `duration` seconds. It was counted when it came."""
        self._latency.add(now, max(duration, 0.0))
        if error is not None:
            self.failures += 1
            self._latency.fail(now)
            code = error.code if isinstance(error, AutoBotError) else "internal"
            detail = (
                error.detail if isinstance(error, AutoBotError) else "Something in AutoBot itself failed."
            )
            self._last = (now, code, detail)

    def tally(self, now: float) -> Tally:
        """Return how calls ended in the last minute."""
        return self._latency.tally(now)

    def last_error(self, clock: Clock) -> LastError | None:
        """Return the last call that failed."""
        if self._last is None:
            return None
        at, code, detail = self._last
        return LastError(at=clock.now() - timedelta(seconds=clock.monotonic() - at), code=code, detail=detail)


class Arrivals:
    """Implements `Listener`: hears the edge, and knows how calls ended on rows that are marked as arrivals.

    A call is counted once, when the edge says that it came (`LinkRegistry.arrived`).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, Arrived] = {}

    def count(self, row: str) -> Arrived:
        """Begin to count a row; return its counts."""
        found = self._rows.get(row)
        if found is None:
            found = self._rows[row] = Arrived(self._clock.monotonic())
        return found

    def of(self, row: str) -> Arrived | None:
        """Return the counts of a row that is marked, else None."""
        return self._rows.get(row)

    def started(self, hop: Hop) -> None:
        """Nothing is counted before it ends."""

    def completed(self, hop: Hop, duration: float) -> None:
        """Take note of a good end."""
        counts = self._rows.get(hop.link)
        if counts is not None:
            counts.ended(self._clock.monotonic(), duration, None)

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        """Take note of a failure; a call that its caller gave up is none."""
        counts = self._rows.get(hop.link)
        if counts is not None:
            counts.ended(self._clock.monotonic(), duration, error if isinstance(error, Exception) else None)

    def changed(self, change: Change) -> None:
        """Changes are not arrivals."""

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        """Counters are not arrivals."""
