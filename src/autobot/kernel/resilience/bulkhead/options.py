"""Options of the bulkhead."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.resilience.checks import in_range, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadOptions:
    """How many attempts of the link run at once.

    `limit` (1–100,000) attempts; `queue` (0–100,000; None: a tenth of the limit) may wait for one.
    With `adaptive` the limit moves between `limit_min` (1–100,000) and `limit_max` (1–100,000) by the
    gradient of latency, starting at `limit`; `tolerance` (1–10) is how much slower than usual is
    still fine.
    """

    limit: int
    queue: int | None = None
    adaptive: bool = False
    limit_min: int = 3
    limit_max: int = 200
    tolerance: float = 1.5

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        whole("bulkhead", "limit", self.limit, 1, 100_000)
        whole("bulkhead", "queue", self.queue, 0, 100_000)
        whole("bulkhead", "limit_min", self.limit_min, 1, 100_000)
        whole("bulkhead", "limit_max", self.limit_max, 1, 100_000)
        in_range("bulkhead", "tolerance", self.tolerance, 1, 10)
        if self.adaptive and not self.limit_min <= self.limit <= self.limit_max:
            raise ConfigurationError("bulkhead.limit must lie between limit_min and limit_max")
