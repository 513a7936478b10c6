"""Which target gets the next attempt."""

from __future__ import annotations

from collections.abc import Sequence

from autobot.kernel.core.chance import Chance
from autobot.kernel.resilience.endpoint.ejection import expel, judge
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.registry import Target


def usable(target: Target, now: float) -> bool:
    """Return whether `target` may get a call: its breaker admits one and it has not asked for a pause."""
    return target.breaker.admits(now) and now >= target.throttle.until


def within(targets: Sequence[Target], among: frozenset[str] | None) -> Sequence[Target]:
    """Return the targets that have what is asked for; all of them where none of those named is a target any more."""
    if among is None:
        return targets
    return [target for target in targets if target.address in among] or targets


class Chooser:
    """Chooses among the targets of one link. Used from one event loop; no method waits."""

    def __init__(self, options: EndpointOptions, targets: Sequence[Target], chance: Chance) -> None:
        self._options = options
        self._targets = targets
        self._chance = chance
        self._turn = 0
        self._judge_at = 0.0

    def choose(
        self, now: float, tried: Sequence[Target], among: frozenset[str] | None = None
    ) -> Target | None:
        """Return a usable target of `among`, rather one that is not in `tried` nor set aside; None when there is none."""
        if self._options.ejection:
            expel(self._targets, self._options, now)
            if now >= self._judge_at:
                judge(self._targets, self._options, now)
                self._judge_at = now + self._options.ejection_interval
        able = [target for target in within(self._targets, among) if usable(target, now)]
        able = [target for target in able if now >= target.ejected_until] or able
        able = [target for target in able if target not in tried] or able
        return self._pick(able) if able else None

    def _pick(self, able: Sequence[Target]) -> Target:
        if self._options.policy == "first" or len(able) == 1:
            return able[0]
        if self._options.policy == "round_robin":
            self._turn += 1
            return able[self._turn % len(able)]
        first = int(self._chance.random() * len(able))
        second = (first + 1 + int(self._chance.random() * (len(able) - 1))) % len(able)
        return min(able[first], able[second], key=lambda target: target.in_flight)
