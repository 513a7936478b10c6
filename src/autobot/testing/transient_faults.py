"""Carriers of transient frames with a fault on purpose: what the suite of `TransientChannels` must find."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from autobot.kernel.messaging.transient import (
    QUEUE,
    Frame,
    Missed,
    TransientHub,
    TransientSubscription,
)


class Doubles(TransientHub):
    """Gives each tenth frame twice."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def publish(self, channel: str, payload: Any) -> None:
        self._count += 1
        super().publish(channel, payload)
        if self._count % 10 == 0:
            super().publish(channel, payload)


class Reorders(TransientHub):
    """Gives two frames in the other order now and then."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[tuple[str, Any]] = []

    def publish(self, channel: str, payload: Any) -> None:
        if payload == 7 and not self._held:
            self._held.append((channel, payload))
            return
        super().publish(channel, payload)
        while self._held:
            super().publish(*self._held.pop())


class Remembers(TransientHub):
    """Gives a new subscriber the newest frame of before."""

    def __init__(self) -> None:
        super().__init__()
        self._newest: dict[str, Any] = {}

    def publish(self, channel: str, payload: Any) -> None:
        self._newest[channel] = payload
        super().publish(channel, payload)

    @asynccontextmanager
    async def subscribe(
        self, channels: Iterable[str], *, limit: int = QUEUE
    ) -> AsyncIterator[TransientSubscription]:
        names = tuple(channels)
        async with super().subscribe(names, limit=limit) as subscription:
            for name in names:
                if name in self._newest:
                    subscription.put(Frame(name, self._newest[name]))
            yield subscription


class _Silent(TransientSubscription):
    async def receive(self) -> Frame | Missed:
        while True:
            heard = await super().receive()
            if isinstance(heard, Frame):
                return heard


class DropsSilently(TransientHub):
    """Does not say that frames are missing."""

    @asynccontextmanager
    async def subscribe(
        self, channels: Iterable[str], *, limit: int = QUEUE
    ) -> AsyncIterator[TransientSubscription]:
        async with super().subscribe(channels, limit=limit) as subscription:
            subscription.__class__ = _Silent
            yield subscription


class MixesChannels(TransientHub):
    """Gives the frames of one channel on another, too."""

    def publish(self, channel: str, payload: Any) -> None:
        super().publish(channel, payload)
        if channel == "c":
            super().publish("b", payload)


TRANSIENT_FAULTS: Final = (Doubles, Reorders, Remembers, DropsSilently, MixesChannels)
