"""Options are checked when they are built."""

from typing import Any

import pytest

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.fallback.options import FallbackOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.retry.options import RetryOptions


@pytest.mark.parametrize(
    ("options", "values", "says"),
    [
        (BreakerOptions, {"failures": 0}, "breaker.failures is 0; it must be from 1 to 10000"),
        (BreakerOptions, {"window": 0.01}, "breaker.window"),
        (BreakerOptions, {"ratio": 1.5}, "breaker.ratio"),
        (BreakerOptions, {"permits": 0}, "breaker.permits"),
        (BreakerOptions, {"mode": "off"}, "one of on, shadow, disabled"),
        (BreakerOptions, {"failures": True}, "must be a whole number"),
        (BreakerOptions, {"window": float("nan")}, "must be a number"),
        (RetryOptions, {"max": 11}, "retry.max"),
        (RetryOptions, {"max": 1.5}, "whole number"),
        (RetryOptions, {"max": 1, "backoff": "linear"}, "exponential, fixed, immediate"),
        (BulkheadOptions, {"limit": 0}, "bulkhead.limit"),
        (BulkheadOptions, {"limit": 500, "adaptive": True}, "between limit_min and limit_max"),
        (CacheOptions, {"ttl": -1}, "cache.ttl"),
        (CacheOptions, {"ttl": 1, "scope": "world"}, "principal, tenant"),
        (RateLimitOptions, {"calls": 0}, "rate_limit.calls"),
        (EndpointOptions, {"policy": "random"}, "endpoint.policy"),
        (ChaosOptions, {"fault_rate": 1.1}, "chaos.fault_rate"),
        (FallbackOptions, {"targets": ()}, "1 to 16"),
        (FallbackOptions, {"targets": ("a", "a")}, "twice"),
        (PipelineOptions, {"total": 0}, "deadline.total"),
        (PipelineOptions, {"attempt_timeout": -1}, "attempt_timeout.seconds"),
    ],
)
def test_a_value_out_of_range_is_refused(options: Any, values: dict[str, Any], says: str) -> None:
    """A value out of its range is refused when the options are built, with the option's name and range."""
    with pytest.raises(ConfigurationError, match=says.replace(".", r"\.")):
        options(**values)


def test_options_cannot_be_changed() -> None:
    """Built options are immutable."""
    options = RetryOptions(max=1)

    with pytest.raises(AttributeError):
        options.max = 2  # type: ignore[misc]
