"""Outlier ejection: setting aside a target that is far worse than its siblings, before its breaker would trip.

After Envoy's outlier detection, with medians instead of standard deviations: among three or four
targets one outlier can never lie 1.9 standard deviations from a mean that it is part of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.registry import Target

TARGETS_MIN: Final = 3
"""Targets of a link below which none is compared with the others."""
CALLS_MIN: Final = 20
"""Calls within the last minute below which nothing is said of a target."""
_FACTOR: Final = 3.0
_FAILING: Final = 0.2


def expel(targets: Sequence[Target], options: EndpointOptions, now: float) -> None:
    """Set aside at once who failed so often in a row, while more may go and another target is left.

    The only target of a link is never set aside: there is nowhere else to go.
    """
    for target in targets:
        if (
            target.consecutive >= options.ejection_failures
            and now >= target.ejected_until
            and _out(targets, now) < _allowed(targets, options)
        ):
            _eject(target, options, now)


def judge(targets: Sequence[Target], options: EndpointOptions, now: float) -> None:
    """Set aside the worst outliers among `targets`, as many as the options allow; called once an interval.

    An outlier fails at least a fifth of its calls and three times as often as the median of the others,
    or its median latency is three times theirs.
    """
    for target in targets:
        if now < target.ejected_until:
            continue
        if (
            len(targets) >= TARGETS_MIN
            and _out(targets, now) < _allowed(targets, options)
            and _is_outlier(target, targets, now)
        ):
            _eject(target, options, now)
        elif target.ejections:
            target.ejections -= 1


def _eject(target: Target, options: EndpointOptions, now: float) -> None:
    target.ejections += 1
    target.consecutive = 0
    time = min(options.ejection_time * target.ejections, options.ejection_time_max)
    target.ejected_until = now + time


def _out(targets: Sequence[Target], now: float) -> int:
    return sum(now < target.ejected_until for target in targets)


def _allowed(targets: Sequence[Target], options: EndpointOptions) -> int:
    return min(len(targets) - 1, max(1, int(options.ejection_share * len(targets))))


def _is_outlier(target: Target, targets: Sequence[Target], now: float) -> bool:
    mine = target.latency.tally(now)
    others = [
        tally
        for other in targets
        if other is not target and (tally := other.latency.tally(now)).calls >= CALLS_MIN
    ]
    if mine.calls < CALLS_MIN or len(others) < TARGETS_MIN - 1:
        return False
    failing = mine.failures / mine.calls
    usual = _median([tally.failures / tally.calls for tally in others])
    if failing >= _FAILING and failing >= _FACTOR * usual:
        return True
    usual_time = _median([tally.quantile(0.5) or 0.0 for tally in others])
    return (mine.quantile(0.5) or 0.0) >= _FACTOR * usual_time > 0.0


def _median(values: list[float]) -> float:
    """Return the lower median of one or more values (`statistics` would cost 10 ms of every start)."""
    return sorted(values)[(len(values) - 1) // 2]
