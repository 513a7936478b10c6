"""A row's policy as options of a pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.resilience.attempt_timeout.options import AttemptTimeoutOptions
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.deadline.options import DeadlineOptions
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.fallback.options import FallbackOptions
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.retry.options import RetryOptions


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
