"""Transient frames: token deltas, typing, wake-ups. They may be lost; facts never go this way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

QUEUE: Final = 256


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a channel."""

    channel: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Missed:
    """Frames may be missing before the next one, so who listens asks for what it needs.

    `dropped` counts those that made place because the subscriber was slow; 0 when they were lost on a way
    that nobody can count.
    """

    dropped: int


class TransientChannels(Protocol):
    """Publish and subscribe, at most once.

    Contract: `publish` never waits and never fails; a frame that cannot go is lost. Payloads are JSON
    values, which nobody changes afterwards. Inside the block of `subscribe` frames arrive that are published
    after its beginning, wherever; those of one publisher on one channel in their order, each at most once.
    A subscriber hears `Missed` where frames may have been lost after they were published, except that a
    publisher that is cut off loses its own frames silently. A slow subscriber slows nobody.
    """

    def publish(self, channel: str, payload: Any) -> None:
        """Give a frame to all who listen now."""
        ...

    def subscribe(
        self, channels: Iterable[str], *, limit: int = QUEUE
    ) -> AbstractAsyncContextManager[TransientSubscription]:
        """Listen to channels for the block, keeping `limit` frames. Raises ValueError for a limit below 1."""
        ...


class TransientSubscription:
    """What one subscriber has not read yet. When it is full, all of it makes place for one Missed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[Frame] = deque()
        self._dropped = 0
        self._missed = False
        self._filled = asyncio.Event()

    def put(self, frame: Frame) -> None:
        """Take a frame. Never waits."""
        if len(self._frames) >= self._limit:
            self._dropped += len(self._frames)
            self._missed = True
            self._frames.clear()
        self._frames.append(frame)
        self._filled.set()

    def miss(self) -> None:
        """Note that frames may have been lost on the way; what is here already makes place for that word."""
        self._dropped += len(self._frames)
        self._frames.clear()
        self._missed = True
        self._filled.set()

    async def receive(self) -> Frame | Missed:
        """Return the next frame, or once a Missed for all that may be missing before it."""
        while not self._frames and not self._missed:
            self._filled.clear()
            await self._filled.wait()
        if self._missed:
            dropped, self._dropped, self._missed = self._dropped, 0, False
            return Missed(dropped)
        return self._frames.popleft()


class TransientHub:
    """Implements `TransientChannels` inside one process; a carrier between processes delivers by it."""

    def __init__(self) -> None:
        self._channels: dict[str, set[TransientSubscription]] = {}

    def publish(self, channel: str, payload: Any) -> None:
        """Give a frame to all who listen now."""
        subscribers = self._channels.get(channel)
        if subscribers:
            frame = Frame(channel, payload)
            for one in subscribers:
                one.put(frame)

    def listens(self, channel: str) -> bool:
        """Say whether anybody listens to a channel."""
        return channel in self._channels

    def missed(self) -> None:
        """Tell all who listen that frames may have been lost on the way."""
        for subscribers in self._channels.values():
            for one in subscribers:
                one.miss()

    @asynccontextmanager
    async def subscribe(
        self, channels: Iterable[str], *, limit: int = QUEUE
    ) -> AsyncIterator[TransientSubscription]:
        """Listen to channels for the block."""
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
