"""The rate limit layer: a call over the link's own rate is refused before it costs anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import RateLimited
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Failure, Step
from autobot.kernel.resilience.rate_limit.gcra import take
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.records import Records
from autobot.kernel.resilience.registry import LinkState


class RateLimitLayer:
    """Lets `options.calls` in `options.window` through to `inner`."""

    def __init__(
        self,
        link: str,
        options: RateLimitOptions,
        state: LinkState,
        inner: Step,
        records: Records,
        monotonic: Callable[[], float],
    ) -> None:
        self._link = link
        self._interval = options.interval
        self._burst = options.burst or options.calls
        self._state = state
        self._inner = inner
        self._records = records
        self._monotonic = monotonic

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Return an answer or a Failure."""
        taken = take(self._state.arrival, self._monotonic(), self._interval, self._burst)
        self._state.arrival = taken.arrival
        if taken.allowed:
            return await self._inner(operation, payload, context)
        error = RateLimited(
            f"{self._link} is called more often than its row allows; there is room in {taken.retry_after:.1f} s.",
            link=self._link,
            retry_after=taken.retry_after,
        )
        self._records.refused("", operation, context, error)
        return Failure(error)
