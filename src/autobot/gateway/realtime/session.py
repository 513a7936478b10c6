"""The way out to one client: a bounded queue. A slow client is told to resync and never slows another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from autobot.gateway.realtime.frames import Frame
from autobot.gateway.realtime.protocol import Close

SLOW: Final = "slow"
"""Reason of a resync: the client did not read fast enough."""


class Counts:
    """What went over sockets since somebody last looked; plain numbers, because each frame counts."""

    __slots__ = ("pings", "received", "resyncs", "sent")

    def __init__(self) -> None:
        self.sent = self.received = self.pings = self.resyncs = 0

    def taken(self) -> dict[str, int]:
        """Return the numbers by metric name, and begin again."""
        found = {
            "websocket_messages_sent_total": self.sent,
            "websocket_messages_received_total": self.received,
            "websocket_pings_answered_total": self.pings,
            "realtime_resyncs_total": self.resyncs,
        }
        self.sent = self.received = self.pings = self.resyncs = 0
        return found


class Writer(Protocol):
    """Writes frames out by itself, without a task that takes them."""

    def write(self, frame: Frame) -> bool:
        """Send `frame` at once; false when the client is not ready, so that it must wait in the queue."""
        ...

    def finish(self) -> None:
        """The session is closing: say goodbye after what is queued."""
        ...


class Outbox:
    """Frames that wait for one client.

    `offer` never waits: when the queue is full, everything in it is dropped and `on_overflow` gives the frames
    that tell the client so (one resync for each channel). `put` waits for room instead: it is for history, whose
    source can wait. Frames go out by `writer`, or are taken by one task with `take`.
    """

    __slots__ = (
        "_bytes",
        "_bytes_max",
        "_frames",
        "_frames_max",
        "_overflow",
        "_room",
        "_wake",
        "closing",
        "writer",
    )

    def __init__(self, frames_max: int, bytes_max: int, on_overflow: Callable[[], list[Frame]]) -> None:
        # A queue is made when a frame first has to wait: thousands of quiet sessions have none.
        self._frames: deque[Frame] | None = None
        self._frames_max, self._bytes_max, self._bytes = frames_max, bytes_max, 0
        self._overflow = on_overflow
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self.closing: tuple[Close, str] | None = None
        self.writer: Writer | None = None

    def __len__(self) -> int:
        return len(self._frames) if self._frames else 0

    @property
    def _full(self) -> bool:
        return len(self) >= self._frames_max or self._bytes >= self._bytes_max

    def offer(self, frame: Frame) -> bool:
        """Send or queue `frame` at once; false when the queue was full and has been dropped instead."""
        if self.closing is not None:
            return False
        if self._frames:
            if self._full:
                self._frames.clear()
                self._bytes = 0
                for notice in self._overflow():
                    self._append(notice)
                return False
        elif self.writer is not None and self.writer.write(frame):
            return True
        self._append(frame)
        return True

    async def put(self, frame: Frame) -> None:
        """Send or queue `frame`, waiting for room."""
        while self._full and self.closing is None:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)
        self.offer(frame)

    def close(self, code: Close, reason: str) -> None:
        """End the session after what is queued; the first reason counts."""
        if self.closing is None:
            self.closing = (code, reason)
            self._resolve()
            self._release()
            if self.writer is not None:
                self.writer.finish()

    def pop(self) -> Frame | None:
        """Return the next frame that waits, None when there is none."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._bytes -= len(frame.text)
        if self._room is not None:
            self._release()
        return frame

    async def take(self) -> Frame | None:
        """Return the next frame, waiting for it; None when the session is closing and the queue is empty."""
        while (frame := self.pop()) is None:
            if self.closing is not None:
                return None
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        return frame

    def _append(self, frame: Frame) -> None:
        if self._frames is None:
            self._frames = deque()
        self._frames.append(frame)
        self._bytes += len(frame.text)
        self._resolve()

    def _resolve(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _release(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)
