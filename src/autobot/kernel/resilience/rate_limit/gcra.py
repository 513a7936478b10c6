"""GCRA, the generic cell rate algorithm (ITU-T I.371), as a pure function of one number per key."""

from __future__ import annotations

from typing import NamedTuple


class Taken(NamedTuple):
    """The decision. `arrival` is the new theoretical arrival time to keep; `retry_after` seconds until one would pass.

    `remaining` calls would pass at once now; after `reset` seconds the whole burst is there again.
    """

    allowed: bool
    arrival: float
    retry_after: float
    remaining: int
    reset: float


class Meter:
    """The state of one key."""

    __slots__ = ("arrival",)

    def __init__(self) -> None:
        self.arrival = 0.0


def take(arrival: float, now: float, interval: float, burst: int, cost: int = 1) -> Taken:
    """Let `cost` calls pass or not.

    `arrival` is what the last decision returned (any time in the past, such as 0, for a fresh key);
    `interval` seconds lie between calls at the steady rate; `burst` (≥ 1) may come at once.
    """
    spent = max(arrival, now)
    after = spent + cost * interval
    earliest = after - burst * interval
    # Half a nanosecond of a long-running clock must not turn the last call of a burst away.
    allowed = now >= earliest - 1e-9
    kept = after if allowed else arrival
    ahead = max(0.0, kept - now)
    remaining = max(0, int(burst - ahead / interval + 1e-6))
    return Taken(allowed, kept, 0.0 if allowed else earliest - now, remaining, ahead)
