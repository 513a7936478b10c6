"""Options of the endpoint choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autobot.kernel.resilience.checks import in_range, one_of

EndpointPolicy = Literal["first", "round_robin", "least_loaded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """Which target of several gets an attempt; those whose breaker refuses or that asked for a pause are passed over.

    `policy`: *first* in the row's order, *round_robin*, or *least_loaded* of two drawn by chance.
    `ejection` sets aside, only on links with three or more targets, one that is far slower or fails far
    more than the others, judged every `ejection_interval` (1–3,600 s), for `ejection_time` (1–3,600 s)
    times the number of its ejections, at most `ejection_time_max` (1–86,400 s), and never more than
    `ejection_share` (0–0.5) of the targets, but always at least one may go.
    """

    policy: EndpointPolicy = "first"
    ejection: bool = False
    ejection_interval: float = 10.0
    ejection_time: float = 30.0
    ejection_time_max: float = 300.0
    ejection_share: float = 0.1

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        one_of("endpoint", "policy", self.policy, ("first", "round_robin", "least_loaded"))
        in_range("endpoint", "ejection_interval", self.ejection_interval, 1, 3_600)
        in_range("endpoint", "ejection_time", self.ejection_time, 1, 3_600)
        in_range("endpoint", "ejection_time_max", self.ejection_time_max, 1, 86_400)
        in_range("endpoint", "ejection_share", self.ejection_share, 0, 0.5)
