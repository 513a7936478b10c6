"""Options of chaos."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.resilience.checks import in_range


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosOptions:
    """Faults made on purpose, each with its own probability (0–1, default 0: off).

    `latency` (0–3,600 s) is added before the send with `latency_rate`; with `fault_rate` the attempt
    fails as ChaosInjected before anything is sent; with `abort_rate` the answer is cut off: of a call
    after the target did the work, of a stream after its first chunk (ConnectionLost).
    """

    latency: float = 0.0
    latency_rate: float = 0.0
    fault_rate: float = 0.0
    abort_rate: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        in_range("chaos", "latency", self.latency, 0, 3_600)
        in_range("chaos", "latency_rate", self.latency_rate, 0, 1)
        in_range("chaos", "fault_rate", self.fault_rate, 0, 1)
        in_range("chaos", "abort_rate", self.abort_rate, 0, 1)
