"""The gate before every delivery: open, or paused with one probe at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autobot.kernel.core.clock import Clock
from autobot.kernel.messaging.options import ConsumerOptions


class Gate:
    """Counts failures in a row over different messages, closes on too many, and lets one probe through.

    Deciding and waiting happen on the event loop; nothing is held while a delivery runs.
    """

    def __init__(self, options: ConsumerOptions, clock: Clock) -> None:
        self._options, self._clock = options, clock
        self._failing: set[int] = set()
        self._opened = asyncio.Event()
        self._opened.set()
        self._probing = asyncio.Lock()
        self._wait = options.probe_first
        self._probe_at = 0.0
        self.reason = ""

    @property
    def paused(self) -> bool:
        """Whether deliveries wait for a probe."""
        return not self._opened.is_set()

    @asynccontextmanager
    async def pass_(self) -> AsyncIterator[bool]:
        """Wait until a delivery may start; the value says whether it is the probe, whose failure counts for nobody."""
        while True:
            if self._opened.is_set():
                yield False
                return
            async with self._probing:
                if not self._opened.is_set():
                    await asyncio.sleep(max(0.0, self._probe_at - self._clock.monotonic()))
                if not self._opened.is_set():
                    yield True
                    return

    def succeeded(self) -> None:
        """Note a success: whatever failed before, the way is free."""
        self._failing.clear()
        self._wait = self._options.probe_first
        self.reason = ""
        self._opened.set()

    def failed(self, position: int, reason: str, *, system: bool, probe: bool) -> bool:
        """Note the failure of a message; say whether the group is paused now.

        `system` failures close the gate at once.
        """
        self._failing.add(position)
        if probe:
            self._wait = min(self._options.probe_max, self._wait * 2)
        elif not (self.paused or system or len(self._failing) >= self._options.pause_after):
            return False
        if probe or not self.paused:
            self._probe_at = self._clock.monotonic() + self._wait
        self.reason = reason
        self._opened.clear()
        return True
