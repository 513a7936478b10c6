"""Options of the circuit breaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autobot.kernel.resilience.checks import in_range, one_of, whole

BreakerMode = Literal["on", "shadow", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOptions:
    """When a target is given up, and how it is tried again. Times in seconds.

    With `failures` = N (1–10,000) it trips on N or more failures inside the sliding `window`
    (0.1–3,600) that are at least `ratio` (0.01–1) of the calls inside it, or on N in a row inside it.
    Without, it trips on `ratio` with at least `minimum_calls` (1–100,000) in the window, or on
    `consecutive` (1–10,000) in a row.
    `slow_ratio` (0.01–1, None: off) also trips when so many of at least `minimum_calls` calls took
    longer than `slow_after` (0.001–3,600; None: 80 % of the attempt timeout).

    Open: `open_time` (0.1–3,600), doubled after each failed probe up to `open_time_max` (0.1–3,600),
    then ± `jitter` (0–0.5) of it. A Retry-After on a 503 extends it by at most `retry_after_max`
    (0–86,400). Half-open: `permits` (1–100) probes, one at a time; one outstanding for longer than
    `permit_timeout` (1–3,600) counts as failed.
    `mode`: *on*; *shadow* judges but refuses nothing; *disabled* counts only.
    """

    failures: int | None = None
    window: float = 30.0
    ratio: float = 0.5
    minimum_calls: int = 20
    consecutive: int = 5
    slow_ratio: float | None = None
    slow_after: float | None = None
    open_time: float = 5.0
    open_time_max: float = 60.0
    jitter: float = 0.2
    retry_after_max: float = 600.0
    permits: int = 3
    permit_timeout: float = 30.0
    mode: BreakerMode = "on"

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        whole("breaker", "failures", self.failures, 1, 10_000)
        in_range("breaker", "window", self.window, 0.1, 3_600)
        in_range("breaker", "ratio", self.ratio, 0.01, 1)
        whole("breaker", "minimum_calls", self.minimum_calls, 1, 100_000)
        whole("breaker", "consecutive", self.consecutive, 1, 10_000)
        in_range("breaker", "slow_ratio", self.slow_ratio, 0.01, 1)
        in_range("breaker", "slow_after", self.slow_after, 0.001, 3_600)
        in_range("breaker", "open_time", self.open_time, 0.1, 3_600)
        in_range("breaker", "open_time_max", self.open_time_max, 0.1, 3_600)
        in_range("breaker", "jitter", self.jitter, 0, 0.5)
        in_range("breaker", "retry_after_max", self.retry_after_max, 0, 86_400)
        whole("breaker", "permits", self.permits, 1, 100)
        in_range("breaker", "permit_timeout", self.permit_timeout, 1, 3_600)
        one_of("breaker", "mode", self.mode, ("on", "shadow", "disabled"))
