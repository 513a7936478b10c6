"""The pipeline of a link: every strategy of its row, built once, in one fixed order.

Outermost first: fallback, cache and coalescing, rate limit, total deadline, retry, endpoint choice,
breaker (per target), bulkhead, attempt timeout, chaos, transport. A strategy that the row has not
is left out when the pipeline is built.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent
from autobot.kernel.resilience.attempt_timeout.options import AttemptTimeoutOptions
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.deadline.options import DeadlineOptions
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.fallback.options import FallbackOptions
from autobot.kernel.resilience.operation import Operation, Transport
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.registry import Registry
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.kernel.resilience.snapshot import LinkSnapshot
from autobot.kernel.telemetry.listener import Listener

BreakerAction = Literal["open", "close", "isolate", "release"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineOptions:
    """A row's policy; None where the row has none.

    `total` (0.001–604,800 s) bounds a call with all its attempts, of a stream the whole.
    `attempt_timeout` (0.001–86,400 s) bounds one attempt, of a stream connect-to-first-chunk and each gap.
    """

    fallback: FallbackOptions | None = None
    cache: CacheOptions | None = None
    rate_limit: RateLimitOptions | None = None
    total: float | None = None
    retry: RetryOptions | None = None
    endpoint: EndpointOptions | None = None
    breaker: BreakerOptions | None = None
    bulkhead: BulkheadOptions | None = None
    attempt_timeout: float | None = None
    chaos: ChaosOptions | None = None

    def __post_init__(self) -> None:
        """Check the two times. Raises ConfigurationError."""
        DeadlineOptions(total=self.total)
        if self.attempt_timeout is not None:
            AttemptTimeoutOptions(seconds=self.attempt_timeout)


class Pipeline:
    """One link's pipeline. Used from one event loop; state lives in the registry."""

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Send and return the answer.

        Raises errors of the tree (Rejected, HopFailed, DeadlineExceeded), and on a direct row what the
        callee raised, as the same object.
        """
        raise Absent("pipeline", f"{operation.name}", hint="")

    def stream(self, operation: Operation, payload: Any, context: CallContext) -> AsyncIterator[Any]:
        """Send and yield the answer's chunks. Nothing is sent again after the first chunk."""
        raise Absent("pipeline", f"{operation.name}", hint="")

    def snapshot(self) -> LinkSnapshot:
        """Return what the link looks like now. Changes nothing."""
        raise Absent("pipeline", "snapshot", hint="")

    def breaker(
        self,
        action: BreakerAction,
        target: str | None = None,
        *,
        by: str,
        reason: str,
        seconds: float | None = None,
    ) -> None:
        """Open, close, isolate or release the breaker of `target` (None: of every target).

        *open* refuses for `seconds` (None: the option's open time), then probes; *isolate* refuses
        until *release* or for `seconds`; *release* ends it and lets probes through; *close* lets
        everything through at once. Raises NotFound for an unknown target, InvalidInput for an unknown
        action or `seconds` outside 0.1–604,800.
        """
        raise Absent("pipeline", "breaker", hint="")

    def invalidate(self, *tags: str) -> int:
        """Drop cached answers whose operation carries one of `tags`; return how many."""
        raise Absent("pipeline", "cache", hint="")

    async def probe_idle(self) -> None:
        """Ask open and idle targets how they are, where the transport has a cheap health call.

        A supervisor calls it every few seconds; it returns when all asked targets have answered or
        timed out.
        """
        raise Absent("pipeline", "probe", hint="")

    async def close(self) -> None:
        """End what runs in the background (shared calls, refreshes). The transport is its owner's to close."""


def build_pipeline(
    link: str,
    targets: Sequence[str],
    options: PipelineOptions,
    transport: Transport,
    clock: Clock,
    chance: Chance,
    listener: Listener | None,
    registry: Registry,
    *,
    narrow_context: bool = True,
) -> Pipeline:
    """Build the pipeline of `link` over `targets` (one or more addresses).

    With `narrow_context` the transport gets a context whose deadline is that of the attempt, which a
    transport that puts it on the wire needs; a direct transport does without (cancellation bounds it)
    and saves the copy. Raises ConfigurationError when there is no target.
    """
    raise Absent("pipeline", f"{link}", hint="")
