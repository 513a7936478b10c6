"""Options of the attempt timeout."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.resilience.checks import in_range


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTimeoutOptions:
    """`seconds` (0.001–86,400): of a call the whole attempt; of a stream connect-to-first-chunk, and each gap."""

    seconds: float

    def __post_init__(self) -> None:
        """Check the range. Raises ConfigurationError."""
        in_range("attempt_timeout", "seconds", self.seconds, 0.001, 86_400)
