"""How much retrying a link can afford: a share of what is active, and a bucket of tokens (gRPC A6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autobot.kernel.resilience.retry.options import RetryOptions


class RetryBudget:
    """The budget of one link; pure.

    Contract: used from one event loop. `full` is false while successes still have tokens to give back;
    the fused path of the pipeline calls `succeeded` only then.
    """

    __slots__ = ("_options", "full", "retrying", "tokens")

    def __init__(self, options: RetryOptions) -> None:
        self._options = options
        self.tokens = options.tokens
        self.full = True
        self.retrying = 0

    def reconfigure(self, options: RetryOptions) -> None:
        """Go on under new options with what is left."""
        if options.tokens != self._options.tokens:
            self.tokens = options.tokens
        self._options = options
        self.full = self.tokens >= options.tokens

    def failed(self) -> None:
        """Learn of a failed attempt."""
        self.tokens = max(0.0, self.tokens - 1.0)
        self.full = False

    def succeeded(self) -> None:
        """Learn of a good attempt."""
        self.tokens = min(self._options.tokens, self.tokens + self._options.token_refill)
        self.full = self.tokens >= self._options.tokens

    def grants(self, active: int) -> bool:
        """Return whether one more of `active` calls may retry now. Changes nothing."""
        options = self._options
        at_once = max(options.floor, int(options.ratio * active))
        return self.retrying < at_once and self.tokens > options.tokens / 2.0

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Count a retry as active, from before its backoff until it has an outcome."""
        self.retrying += 1
        try:
            yield
        finally:
            self.retrying -= 1
