"""The chance port: jitter, sampling and probes draw from it, so that tests can fix the draw."""

from __future__ import annotations

from typing import Protocol


class Chance(Protocol):
    """Source of uniform random numbers (`random.Random` satisfies it).

    Contract: thread-safe, not for secrets: tokens and keys come from the identity context's port.
    """

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def uniform(self, a: float, b: float, /) -> float:
        """Return a number between `a` and `b`."""
        ...

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of `k` random bits."""
        ...
