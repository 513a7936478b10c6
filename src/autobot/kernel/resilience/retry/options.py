"""Options of the retry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autobot.kernel.resilience.checks import in_range, one_of, whole

Backoff = Literal["exponential", "fixed", "immediate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryOptions:
    """How often and when a failed call is sent again. Times in seconds.

    `max` (0–10) further attempts. `backoff`: *exponential* waits U(0, min(`cap`, `delay`·2^(n-1)))
    before further attempt n (full jitter); *fixed* waits `delay` plus up to 10 %; *immediate* waits
    nothing when the call never left us, else U(0, `delay`). `delay` 0–60, `cap` 0–300,
    `throttle_delay` (0–60) is the exponential base after 429. A Retry-After over `retry_after_max`
    (0–3,600) is not waited for.

    Budget per link: at most max(`floor` (0–1,000), `ratio` (0–1) of the active calls) retries at once,
    and a bucket of `tokens` (1–1,000): a failure takes one, a success gives `token_refill` (0–1) back,
    and nothing is retried while half or less is left (gRPC A6).
    `retry_500` also repeats after a plain 500.
    """

    max: int
    delay: float = 0.1
    cap: float = 5.0
    backoff: Backoff = "exponential"
    throttle_delay: float = 1.0
    retry_after_max: float = 60.0
    ratio: float = 0.2
    floor: int = 3
    tokens: float = 10.0
    token_refill: float = 0.1
    retry_500: bool = False

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        whole("retry", "max", self.max, 0, 10)
        in_range("retry", "delay", self.delay, 0, 60)
        in_range("retry", "cap", self.cap, 0, 300)
        one_of("retry", "backoff", self.backoff, ("exponential", "fixed", "immediate"))
        in_range("retry", "throttle_delay", self.throttle_delay, 0, 60)
        in_range("retry", "retry_after_max", self.retry_after_max, 0, 3_600)
        in_range("retry", "ratio", self.ratio, 0, 1)
        whole("retry", "floor", self.floor, 0, 1_000)
        in_range("retry", "tokens", self.tokens, 1, 1_000)
        in_range("retry", "token_refill", self.token_refill, 0, 1)
