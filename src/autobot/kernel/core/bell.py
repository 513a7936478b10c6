"""Wakes everybody who waits for the next change, and costs nothing while nobody does."""

from __future__ import annotations

import asyncio


class Bell:
    """Belongs to one event loop. Take `next` before looking whether to wait: then no change is missed."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None

    def next(self) -> asyncio.Event:
        """Return what is set at the next change."""
        event = self._event
        if event is None:
            event = self._event = asyncio.Event()
        return event

    def ring(self) -> None:
        """Tell that something changed."""
        event, self._event = self._event, None
        if event is not None:
            event.set()
