"""The registry: the state of links and targets, which outlives the pipelines built on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autobot.kernel.core.chance import Chance
from autobot.kernel.resilience.breaker.machine import Breaker
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.machine import Bulkhead
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.cache.store import Store
from autobot.kernel.resilience.latency import Latency
from autobot.kernel.resilience.rate_limit.gcra import Meter
from autobot.kernel.resilience.rate_limit.throttle import Throttle
from autobot.kernel.resilience.retry.budget import RetryBudget
from autobot.kernel.resilience.retry.options import RetryOptions

NO_BREAKER = BreakerOptions(mode="disabled")
"""What a row without a breaker gets: nothing is judged, but a person can still isolate the target."""
_NO_RETRY = RetryOptions(max=0)


@dataclass(frozen=True, slots=True)
class Seen:
    """The last failed attempt: monotonic seconds, the error's code and detail."""

    at: float
    code: str
    detail: str


class Target:
    """State of one (link, target).

    `in_flight` counts attempts, `ignored` those that say nothing of the target; `consecutive` are its failures since it last answered, or was last set aside for them.
    """

    __slots__ = (
        "_answered",
        "_well",
        "address",
        "breaker",
        "consecutive",
        "ejected_until",
        "ejections",
        "ignored",
        "in_flight",
        "last_error",
        "latency",
        "probed_at",
        "throttle",
    )

    def __init__(self, address: str, breaker: Breaker, chance: Chance, now: float) -> None:
        self.address = address
        self.breaker = breaker
        self.latency = Latency(now)
        self.throttle = Throttle(chance)
        self.in_flight = 0
        self.ignored = 0
        self.last_error: Seen | None = None
        self.ejected_until = 0.0
        self.ejections = 0
        self.consecutive = 0
        self.probed_at = 0.0
        self._well: bool | None = None
        self._answered = 0

    @property
    def answered(self) -> int:
        """Attempts that did not fail, since the process started."""
        return self.latency.calls - self.latency.failures

    @property
    def reachable(self) -> bool | None:
        """Return what the last probe found. What failed holds until a call is answered: then nothing is known of it."""
        return None if self._well is False and self.answered > self._answered else self._well

    def probed(self, well: bool, now: float) -> None:
        """Write down what a probe found."""
        self._well, self.probed_at, self._answered = well, now, self.answered


class LinkState:
    """State of one link: bulkhead, retry budget, rate, cache, and counters since the process started."""

    __slots__ = (
        "budget",
        "bulkhead",
        "cached",
        "calls",
        "failures",
        "meter",
        "refused",
        "retries",
        "store",
    )

    def __init__(self, now: float) -> None:
        self.bulkhead = Bulkhead(None, now)
        self.budget = RetryBudget(_NO_RETRY)
        self.meter = Meter()
        self.store: Store | None = None
        self.calls = 0
        self.failures = 0
        self.retries = 0
        self.refused = 0
        self.cached = 0


class Registry:
    """State per link and per (link, target) of this process.

    A pipeline built again for the same link finds the state of the one before: breakers stay open or
    isolated, windows, budgets and counters go on where the new options still use them.
    Used from one event loop only; no method waits, so each is atomic.
    """

    def __init__(self) -> None:
        self._links: dict[str, LinkState] = {}
        self._targets: dict[tuple[str, str], Target] = {}

    def link(
        self,
        link: str,
        chance: Chance,
        now: float,
        *,
        bulkhead: BulkheadOptions | None,
        retry: RetryOptions | None,
        cache: CacheOptions | None,
    ) -> LinkState:
        """Return the state of `link`, made or adjusted for these options."""
        state = self._links.get(link)
        if state is None:
            state = self._links[link] = LinkState(now)
        state.bulkhead.reconfigure(bulkhead, now)
        state.budget.reconfigure(retry or _NO_RETRY)
        if cache is None:
            state.store = None
        elif state.store is None:
            state.store = Store(cache, chance)
        else:
            state.store.reconfigure(cache)
        return state

    def target(
        self,
        link: str,
        address: str,
        chance: Chance,
        now: float,
        *,
        breaker: BreakerOptions | None,
        slow_after: float | None,
    ) -> Target:
        """Return the state of `address` on `link`, made or adjusted for these options."""
        options = breaker or NO_BREAKER
        state = self._targets.get((link, address))
        if state is None:
            machine = Breaker(options, chance, now, slow_after=slow_after)
            state = self._targets[link, address] = Target(address, machine, chance, now)
        else:
            state.breaker.reconfigure(options, now, slow_after=slow_after)
        return state

    def keep(self, link: str, addresses: Iterable[str]) -> None:
        """Drop the state of targets that `link` no longer has."""
        kept = set(addresses)
        for key in [key for key in self._targets if key[0] == link and key[1] not in kept]:
            del self._targets[key]

    def forget(self, link: str) -> None:
        """Drop all state of a link that the matrix no longer has."""
        self.keep(link, ())
        self._links.pop(link, None)
