"""How far a load has come: the clock by which faults are planned."""

from __future__ import annotations

import threading


class Progress:
    """Counts acknowledged operations, from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.count = 0

    def add(self) -> None:
        """One more operation was acknowledged."""
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def reached(self, count: int, within_s: float) -> bool:
        """Wait until so many were acknowledged; False when they are not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, within_s)
