"""Until when a call may take: the earlier of the caller's deadline less the margin, and the row's total."""

from __future__ import annotations

from typing import NamedTuple

from autobot.kernel.core.errors import DeadlineExceeded
from autobot.kernel.resilience.deadline.options import DeadlineOptions


class Bound(NamedTuple):
    """The end of a call in monotonic seconds (None: none), and whether the row's total set it."""

    until: float | None
    own: bool


class Deadline:
    """The time of whole calls of one link; pure."""

    __slots__ = ("_link", "_total", "margin")

    def __init__(self, link: str, options: DeadlineOptions) -> None:
        self._link = link
        self._total = options.total
        self.margin = options.margin

    def bound(self, started: float, deadline: float | None) -> Bound:
        """Return until when a call that came at `started` with the caller's `deadline` may take."""
        until = None if deadline is None else deadline - self.margin
        if self._total is not None and (until is None or started + self._total < until):
            return Bound(started + self._total, own=True)
        return Bound(until, own=False)

    def exceeded(self, bound: Bound) -> DeadlineExceeded:
        """Return the error of a call whose time is over."""
        if bound.own:
            return DeadlineExceeded(
                f"{self._link} did not answer within its total of {self._total:g} s, all attempts included."
            )
        return DeadlineExceeded(f"The caller's time was over before {self._link} answered.")

    def spent(self) -> DeadlineExceeded:
        """Return the error of a call that came without time left; nothing was run."""
        return DeadlineExceeded(f"The caller's time was over before {self._link} was called.")
