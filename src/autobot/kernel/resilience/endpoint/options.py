"""Options of the endpoint choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autobot.kernel.resilience.checks import in_range, one_of, whole

EndpointPolicy = Literal["first", "round_robin", "least_loaded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """Which target of several gets an attempt; those whose breaker refuses or that asked for a pause are passed over.

    `policy`: *first* in the row's order, *round_robin*, or *least_loaded* of two drawn by chance.
    `ejection` sets aside a target that failed `ejection_failures` (1–1,000) times in a row, at once, and, on
    links with three or more targets, one that is far slower or fails far more than the others, judged every
    `ejection_interval` (1–3,600 s). It is out for `ejection_time` (1–3,600 s) times the number of its
    ejections, at most `ejection_time_max` (1–86,400 s); never more than `ejection_share` (0–0.5) of the
    targets are, but always at least one may go. An interval without an ejection takes one off its number.
    """

    policy: EndpointPolicy = "first"
    ejection: bool = False
    ejection_failures: int = 5
    ejection_interval: float = 10.0
    ejection_time: float = 30.0
    ejection_time_max: float = 300.0
    ejection_share: float = 0.1

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        one_of("endpoint", "policy", self.policy, ("first", "round_robin", "least_loaded"))
        whole("endpoint", "ejection_failures", self.ejection_failures, 1, 1_000)
        in_range("endpoint", "ejection_interval", self.ejection_interval, 1, 3_600)
        in_range("endpoint", "ejection_time", self.ejection_time, 1, 3_600)
        in_range("endpoint", "ejection_time_max", self.ejection_time_max, 1, 86_400)
        in_range("endpoint", "ejection_share", self.ejection_share, 0, 0.5)
