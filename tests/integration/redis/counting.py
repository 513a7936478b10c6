"""A listener that adds up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from autobot.kernel.telemetry.listener import Change, Hop


class Counts:
    """Implements `Listener`: what was counted, by name."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def started(self, hop: Hop) -> None:
        """Not counted."""

    def completed(self, hop: Hop, duration: float) -> None:
        """Not counted."""

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        """Not counted."""

    def changed(self, change: Change) -> None:
        """Not counted."""

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        """Add."""
        self.totals[name] += int(value)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on the totals."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()
