"""The gate before every delivery: open, paused with one probe at a time, or held by a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Final

from autobot.kernel.core.clock import Clock
from autobot.kernel.messaging.options import ConsumerOptions

OPEN: Final = nullcontext(False)
"""The way through while it is free: nothing to wait for, no probe."""


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
        self._free = asyncio.Event()
        self._free.set()
        self._held_because = self._failed_because = ""

    @property
    def paused(self) -> bool:
        """Whether deliveries wait, for a probe or for a person."""
        return self.held or not self._opened.is_set()

    @property
    def held(self) -> bool:
        """Whether a person holds it: nothing passes, not even a probe."""
        return not self._free.is_set()

    @property
    def reason(self) -> str:
        """Why deliveries wait."""
        return self._held_because if self.held else self._failed_because

    def hold(self, reason: str) -> None:
        """Let nothing more through until `release`. What passed already goes on."""
        self._held_because = reason
        self._free.clear()

    def release(self) -> None:
        """End a hold; a pause that failures made stays."""
        self._free.set()

    def pass_(self) -> AbstractAsyncContextManager[bool]:
        """Wait until a delivery may start; the value says whether it is the probe, whose failure counts for nobody."""
        if self._opened.is_set() and self._free.is_set():
            return OPEN
        return self._admission()

    @asynccontextmanager
    async def _admission(self) -> AsyncIterator[bool]:
        while True:
            await self._free.wait()
            if self._opened.is_set():
                yield False
                return
            async with self._probing:
                if not self._opened.is_set():
                    await asyncio.sleep(max(0.0, self._probe_at - self._clock.monotonic()))
                if not (self.held or self._opened.is_set()):
                    yield True
                    return

    def succeeded(self) -> None:
        """Note a success: whatever failed before, the way is free."""
        self._failing.clear()
        self._wait = self._options.probe_first
        self._failed_because = ""
        self._opened.set()

    def failed(self, position: int, reason: str, *, system: bool, probe: bool) -> bool:
        """Note the failure of a message; say whether the group is paused now.

        `system` failures close the gate at once.
        """
        self._failing.add(position)
        closed = not self._opened.is_set()
        if probe:
            self._wait = min(self._options.probe_max, self._wait * 2)
        elif not (closed or system or len(self._failing) >= self._options.pause_after):
            return False
        if probe or not closed:
            self._probe_at = self._clock.monotonic() + self._wait
        self._failed_because = reason
        self._opened.clear()
        return True
