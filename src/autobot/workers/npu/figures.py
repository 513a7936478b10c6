"""What a worker has done, and how fast it was lately."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_S: Final = 60.0


class Figures:
    """Counts batches. Times in monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._lately: deque[tuple[float, int, float]] = deque()
        self.texts = self.tokens = self.batches = self.refused = 0

    def batch(self, now: float, texts: int, tokens: int, seconds: float) -> None:
        """Count a batch that took `seconds` on the device."""
        self.texts += texts
        self.tokens += tokens
        self.batches += 1
        self._lately.append((now, texts, seconds))
        self._forget(now)

    def lately(self, now: float) -> tuple[float, float, float]:
        """Return texts a second, texts a batch and milliseconds a batch over the last minute, or since the start."""
        self._forget(now)
        batches = len(self._lately)
        if not batches:
            return 0.0, 0.0, 0.0
        texts = sum(one[1] for one in self._lately)
        over = min(WINDOW_S, max(now - self._began, 1e-3))
        return texts / over, texts / batches, 1e3 * sum(one[2] for one in self._lately) / batches

    def uptime(self, now: float) -> float:
        """Return seconds since the start."""
        return now - self._began

    def _forget(self, now: float) -> None:
        while self._lately and self._lately[0][0] < now - WINDOW_S:
            self._lately.popleft()
