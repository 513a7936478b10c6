"""The time port. Wall time labels facts; monotonic time measures and bounds them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, Protocol


class Clock(Protocol):
    """Source of time for everything that decides.

    Contract: `now` is aware UTC and may step when the machine's clock is set; `monotonic` is in
    seconds, never goes back, has the same base as the event loop's `time()` and is the only time
    that durations and deadlines are made of. Both are cheap (≤ 0.2 µs) and never block.
    """

    def now(self) -> datetime:
        """Return the wall time as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...


def rfc3339(moment: datetime) -> str:
    """Return `moment` (aware) as RFC 3339 in UTC with microseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""RFC 3339 §5.6; `fromisoformat` alone would also take ISO 8601's week dates and times without seconds."""


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 date-time with offset and return it in UTC.

    Raises ValueError when `text` is no date-time or has no offset (RFC 3339 §5.6 demands one).
    """
    if _DATE_TIME.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no date-time with UTC offset; write 2026-01-31T12:00:00Z")
    return datetime.fromisoformat(text.upper()).astimezone(UTC)
