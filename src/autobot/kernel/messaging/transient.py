"""Transient frames inside one process: token deltas, typing, wake-ups. They may be lost; facts never go this way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

QUEUE: Final = 256


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a channel."""

    channel: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Overflow:
    """Frames were dropped for a subscriber that was too slow; it should ask for a snapshot. `dropped` counts them."""

    dropped: int


class TransientSubscription:
    """What one subscriber has not read yet. When it is full, all of it makes place for one Overflow."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[Frame] = deque()
        self._dropped = 0
        self._filled = asyncio.Event()

    def put(self, frame: Frame) -> None:
        """Take a frame. Never waits."""
        if len(self._frames) >= self._limit:
            self._dropped += len(self._frames)
            self._frames.clear()
        self._frames.append(frame)
        self._filled.set()

    async def receive(self) -> Frame | Overflow:
        """Return the next frame, or once an Overflow for all that were dropped before it."""
        while not self._frames:
            self._filled.clear()
            await self._filled.wait()
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            return Overflow(dropped)
        return self._frames.popleft()


class TransientHub:
    """Publish and subscribe in one process. Publishing never waits; a slow subscriber never slows another."""

    def __init__(self) -> None:
        self._channels: dict[str, set[TransientSubscription]] = {}

    def publish(self, channel: str, payload: Any) -> int:
        """Give a frame to all who listen now; return how many that are."""
        subscribers = self._channels.get(channel, ())
        frame = Frame(channel, payload)
        for one in subscribers:
            one.put(frame)
        return len(subscribers)

    @contextmanager
    def subscribe(self, channels: Iterable[str], *, limit: int = QUEUE) -> Iterator[TransientSubscription]:
        """Listen to channels for the block. Raises ValueError for a limit below 1."""
        if limit < 1:
            raise ValueError("a subscriber keeps at least one frame")
        subscription, names = TransientSubscription(limit), tuple(channels)
        for name in names:
            self._channels.setdefault(name, set()).add(subscription)
        try:
            yield subscription
        finally:
            for name in names:
                listening = self._channels.get(name, set())
                listening.discard(subscription)
                if not listening:
                    self._channels.pop(name, None)
