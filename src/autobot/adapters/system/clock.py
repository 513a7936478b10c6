"""Real time and real chance."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime


class SystemClock:
    """Implements `Clock` by the operating system."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    monotonic = staticmethod(time.monotonic)


def system_chance() -> random.Random:
    """Return a `Chance` that is seeded by the operating system."""
    return random.Random()
