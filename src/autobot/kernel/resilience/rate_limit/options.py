"""Options of the rate limit."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.resilience.checks import in_range, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitOptions:
    """At most `calls` (1–1,000,000) in `window` (0.001–86,400 s), spread evenly after a burst.

    `burst` (1–1,000,000; None: `calls`) may come at once. The limit is the link's, for all callers.
    """

    calls: int
    window: float = 60.0
    burst: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        whole("rate_limit", "calls", self.calls, 1, 1_000_000)
        in_range("rate_limit", "window", self.window, 0.001, 86_400)
        whole("rate_limit", "burst", self.burst, 1, 1_000_000)

    @property
    def interval(self) -> float:
        """Seconds between two calls at the steady rate."""
        return self.window / self.calls
