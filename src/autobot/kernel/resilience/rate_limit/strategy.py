"""The rate limit layer: a call over the link's own rate is refused before it costs anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import RateLimited
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Failure, Step
from autobot.kernel.resilience.rate_limit.gcra import Meter, take
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions


class RateLimitLayer:
    """Lets `options.calls` in `options.window` through to `inner`; each refusal is told to `refused`."""

    def __init__(
        self,
        link: str,
        options: RateLimitOptions,
        meter: Meter,
        inner: Step,
        refused: Callable[[Operation, CallContext, Exception], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._link = link
        self._interval = options.interval
        self._burst = options.burst or options.calls
        self._meter = meter
        self._inner = inner
        self._refused = refused
        self._monotonic = monotonic

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Return an answer or a Failure."""
        taken = take(self._meter.arrival, self._monotonic(), self._interval, self._burst)
        self._meter.arrival = taken.arrival
        if taken.allowed:
            return await self._inner(operation, payload, context)
        error = RateLimited(
            f"{self._link} is called more often than its row allows; there is room in {taken.retry_after:.1f} s.",
            link=self._link,
            retry_after=taken.retry_after,
        )
        self._refused(operation, context, error)
        return Failure(error)
