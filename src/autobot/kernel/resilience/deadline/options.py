"""Options of the deadline."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.resilience.checks import in_range

HOP_MARGIN = 0.005
"""Seconds of the caller's time kept back, so that our answer still reaches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineOptions:
    """`total` (0.001–604,800 s; None: only the caller's deadline) bounds a call with all its attempts.

    `margin` (0–1 s) is taken off the caller's deadline.
    """

    total: float | None = None
    margin: float = HOP_MARGIN

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        in_range("deadline", "total", self.total, 0.001, 604_800)
        in_range("deadline", "margin", self.margin, 0, 1)
