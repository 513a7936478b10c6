"""How a consumer group works: how much at once, how often again, when to pause."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerOptions:
    """Options of a group. Times in seconds. Raises ValueError outside the ranges.

    A message that fails is tried again `immediate` times at once, then after each of `delays` (±`jitter` of
    it), then it is a dead letter. When `pause_after` different messages in a row fail with no success
    between, the fault is not theirs: the group pauses and probes with one message after `probe_first`,
    doubled up to `probe_max`.
    """

    concurrency: int = 16
    """Messages handled at once, of different keys (1–1000)."""
    window: int = 256
    """Messages read ahead and not yet settled (≥ concurrency, ≤ 10,000); beyond it reading stops."""
    immediate: int = 2
    delays: tuple[float, ...] = (10.0, 20.0, 40.0)
    jitter: float = 0.2
    pause_after: int = 5
    probe_first: float = 1.0
    probe_max: float = 30.0

    def __post_init__(self) -> None:
        if not 1 <= self.concurrency <= 1000:
            raise ValueError("concurrency is 1 to 1000")
        if not self.concurrency <= self.window <= 10_000:
            raise ValueError("window is from concurrency to 10000")
        if not 0 <= self.immediate <= 10 or len(self.delays) > 20:
            raise ValueError("immediate is 0 to 10, with at most 20 delays")
        if any(not 0 < one <= 86_400 for one in self.delays) or not 0 <= self.jitter < 1:
            raise ValueError("delays are above 0 and at most a day, jitter is from 0 to below 1")
        if self.pause_after < 2 or not 0 < self.probe_first <= self.probe_max:
            raise ValueError("pause_after is at least 2, probe_first above 0 and at most probe_max")

    @property
    def longest_delay(self) -> float:
        """The longest that a failed message ever waits for its next time."""
        return max(self.delays, default=0.0) * (1 + self.jitter)
