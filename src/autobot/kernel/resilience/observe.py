"""Making snapshots: state read without changing it, monotonic times told as wall time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from autobot.kernel.core.clock import Clock
from autobot.kernel.resilience.breaker.table import State
from autobot.kernel.resilience.bulkhead.machine import UNLIMITED
from autobot.kernel.resilience.latency import Tally, joined
from autobot.kernel.resilience.registry import LinkState, Seen, Target
from autobot.kernel.resilience.snapshot import LastError, LinkSnapshot, Rates, TargetSnapshot


class _Moment:
    """One reading of both clocks."""

    def __init__(self, clock: Clock) -> None:
        self.monotonic = clock.monotonic()
        self._wall = clock.now()

    def wall(self, monotonic: float) -> datetime:
        return self._wall + timedelta(seconds=monotonic - self.monotonic)

    def ahead(self, monotonic: float) -> datetime | None:
        """Return the wall time of a moment in the future, None for one that is past or never comes."""
        return self.wall(monotonic) if self.monotonic < monotonic < math.inf else None


def look(link: str, state: LinkState, targets: Sequence[Target], clock: Clock) -> LinkSnapshot:
    """Return what `link` looks like now."""
    moment = _Moment(clock)
    tallies = [target.latency.tally(moment.monotonic) for target in targets]
    errors = [target.last_error for target in targets if target.last_error is not None]
    limit = state.bulkhead.limit
    return LinkSnapshot(
        link=link,
        calls=state.calls,
        failures=state.failures,
        attempts=sum(target.latency.calls + target.ignored for target in targets),
        retries=state.retries,
        refused=state.refused,
        cached=state.cached,
        in_flight=state.bulkhead.running,
        waiting=state.bulkhead.waiting,
        limit=None if limit >= UNLIMITED else limit,
        rates=_rates(joined(tallies)),
        last_error=_last(max(errors, key=lambda seen: seen.at, default=None), moment),
        targets=tuple(_target(target, tally, moment) for target, tally in zip(targets, tallies, strict=True)),
    )


def _target(target: Target, tally: Tally, moment: _Moment) -> TargetSnapshot:
    breaker = target.breaker
    shown = State.CLOSED if breaker.state is State.DISABLED else breaker.state
    return TargetSnapshot(
        address=target.address,
        breaker_state=shown.value,
        since=moment.wall(breaker.since),
        next_probe_at=moment.ahead(breaker.until),
        by=breaker.by,
        reason=breaker.reason,
        paused_until=moment.ahead(target.throttle.until),
        ejected_until=moment.ahead(target.ejected_until),
        calls=target.latency.calls + target.ignored,
        failures=target.latency.failures,
        rates=_rates(tally),
        last_error=_last(target.last_error, moment),
        reachable=target.reachable,
        probed_at=None if target.reachable is None else moment.wall(target.probed_at),
    )


def _rates(tally: Tally) -> Rates:
    return Rates(
        rate=tally.calls / tally.seconds,
        failure_rate=tally.failures / tally.calls if tally.calls else 0.0,
        p50_ms=_milliseconds(tally.quantile(0.5)),
        p95_ms=_milliseconds(tally.quantile(0.95)),
        p99_ms=_milliseconds(tally.quantile(0.99)),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000.0, 3)


def _last(seen: Seen | None, moment: _Moment) -> LastError | None:
    return None if seen is None else LastError(at=moment.wall(seen.at), code=seen.code, detail=seen.detail)
