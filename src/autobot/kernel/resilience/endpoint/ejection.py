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
CALLS_MIN: Final = 20
"""Calls within the last minute below which nothing is said of a target."""
_FACTOR: Final = 3.0
_FAILING: Final = 0.2


def judge(targets: Sequence[Target], options: EndpointOptions, now: float) -> None:
    """Set aside the worst outliers among `targets`, as many as the options allow.

    An outlier fails at least a fifth of its calls and three times as often as the median of the others,
    or its median latency is three times theirs.
    """
    if len(targets) < TARGETS_MIN:
        return
    allowed = max(1, int(options.ejection_share * len(targets)))
    out = sum(now < target.ejected_until for target in targets)
    for target in targets:
        if now < target.ejected_until:
            continue
        if out < allowed and _is_outlier(target, targets, now):
            target.ejections += 1
            time = min(options.ejection_time * target.ejections, options.ejection_time_max)
            target.ejected_until = now + time
            out += 1
        elif target.ejections:
            target.ejections -= 1


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
