"""Endpoint choice, breaker and bulkhead in their order: from a call to an attempt that may be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import BulkheadFull, CircuitOpen, RateLimited, Rejected
from autobot.kernel.resilience.breaker.machine import REFUSED
from autobot.kernel.resilience.breaker.table import State
from autobot.kernel.resilience.bulkhead.criticality import Criticality, criticality_of
from autobot.kernel.resilience.bulkhead.entry import IN, wait_for_place
from autobot.kernel.resilience.bulkhead.machine import Bulkhead
from autobot.kernel.resilience.deadline.strategy import Bound, Deadline
from autobot.kernel.resilience.endpoint.strategy import Chooser, usable, within
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Failure
from autobot.kernel.resilience.records import Attempt, Records
from autobot.kernel.resilience.registry import Target

_EXPECTED_AGE: Final = 1.0
"""Seconds for which the expected service time is kept before it is worked out again."""


class Admission:
    """Admits attempts of one link. Used from one event loop."""

    def __init__(
        self,
        link: str,
        targets: Sequence[Target],
        chooser: Chooser,
        bulkhead: Bulkhead,
        deadline: Deadline,
        records: Records,
        monotonic: Callable[[], float],
    ) -> None:
        self._link = link
        self._targets = targets
        self._chooser = chooser
        self._bulkhead = bulkhead
        self._deadline = deadline
        self._records = records
        self._monotonic = monotonic
        self._expected_at = -_EXPECTED_AGE

    async def admit(
        self, operation: Operation, context: CallContext, limit: Bound, tried: Sequence[Target]
    ) -> Attempt | Failure:
        """Return a started attempt that holds its permits, or why there is none.

        The breaker is asked before the wait for a bulkhead permit, so that nobody waits in vain, and
        again after it, since it may have opened meanwhile.
        """
        now = self._monotonic()
        target = self._chooser.choose(now, tried, operation.among)
        if target is None:
            return self._refuse(operation, context, self._unusable(now, operation.among))
        level = criticality_of(context.principal)
        if not self._bulkhead.try_enter(level):
            failure = await self._wait(level, now, limit)
            if failure is not None:
                return self._refuse(operation, context, failure.error)
            now = self._monotonic()
        permit = target.breaker.admit(now)
        self._records.moved(target)
        if permit == REFUSED:
            self._bulkhead.leave(now)
            return self._refuse(operation, context, self._circuit_open([target], now))
        return self._records.begin(target, permit, operation, context, now)

    def has_other(self, tried: Sequence[Target], operation: Operation) -> bool:
        """Say whether a target that has what `operation` asks for, and is not in `tried`, may get a call now."""
        now, able = self._monotonic(), within(self._targets, operation.among)
        return any(target not in tried and usable(target, now) for target in able)

    def _refuse(self, operation: Operation, context: CallContext, error: Exception) -> Failure:
        address = self._targets[0].address if len(self._targets) == 1 else ""
        self._records.refused(address, operation, context, error)
        return Failure(error)

    def _unusable(self, now: float, among: frozenset[str] | None) -> Rejected:
        """Return why no target may be called now."""
        closed = []
        asked = within(self._targets, among)
        for target in asked:
            if not target.breaker.admits(now):
                target.breaker.expire(now)
                self._records.moved(target)
                closed.append(target)
        if closed:
            return self._circuit_open(closed, now)
        pause = min(target.throttle.until for target in asked) - now
        return RateLimited(
            f"{self._link} asked us to slow down for another {pause:.1f} s.",
            link=self._link,
            retry_after=pause,
        )

    def _circuit_open(self, targets: Sequence[Target], now: float) -> CircuitOpen:
        waits = [wait for target in targets if (wait := target.breaker.retry_after(now)) is not None]
        first = min(targets, key=lambda target: target.breaker.retry_after(now) or 0.0)
        state = first.breaker.state.value.replace("_", "-")
        after = min(waits) if waits else None
        when = "until it is released" if after is None else f"for another {after:.1f} s"
        error = CircuitOpen(
            f"{self._link}: the breaker of {first.address} is {state} and refuses {when}.",
            link=self._link,
            target=first.address,
            since=first.breaker.since,
            retry_after=after,
        )
        if first.breaker.state is State.ISOLATED:
            error.hint = f"An operator isolated it. Release it, or stop AutoBot and run: autobot matrix revert {self._link}"
        return error

    # ------------------------------------------------------------------------------------- bulkhead

    async def _wait(self, level: Criticality, now: float, limit: Bound) -> Failure | None:
        """Wait for a permit; return None with it, or the failure without."""
        bulkhead = self._bulkhead
        if now - self._expected_at >= _EXPECTED_AGE:
            self._expected_at = now
            medians = [target.latency.tally(now).quantile(0.5) for target in self._targets]
            bulkhead.expected = max((median for median in medians if median is not None), default=0.0)
        how = await wait_for_place(bulkhead, level, now, limit.until, self._monotonic)
        if how == IN:
            return None
        return Failure(self._deadline.exceeded(limit) if how == "late" else self._full())

    def _full(self) -> BulkheadFull:
        bulkhead = self._bulkhead
        return BulkheadFull(
            f"{self._link} runs {bulkhead.running} calls of at most {bulkhead.limit},"
            f" and {bulkhead.waiting} wait.",
            link=self._link,
            retry_after=max(0.1, bulkhead.delay()),
        )
