"""A connection that listens to channels. It never connects again by itself: who listens has to know of a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from autobot.adapters.redis.errors import LINK, broken
from autobot.adapters.redis.wire import Wire
from autobot.kernel.core.errors import ConnectionLost

Told = tuple[bytes, bytes, bytes]
"""What happened (`message`, `subscribe`, `unsubscribe`, `pong`), the channel, and the payload of a message."""


class Ear:
    """Channels that are listened to, on a connection of their own."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._heard: asyncio.Queue[Any] = asyncio.Queue()
        wire.tell(self._heard.put_nowait)

    def subscribe(self, channels: Sequence[str]) -> None:
        """Ask to hear channels; `next` tells when each is heard."""
        self._wire.say("SUBSCRIBE", *channels)

    def unsubscribe(self, channels: Sequence[str]) -> None:
        """Ask not to hear channels any more."""
        self._wire.say("UNSUBSCRIBE", *channels)

    def ping(self) -> None:
        """Ask for a sign of life, which `next` tells."""
        self._wire.say("PING")

    async def next(self, wait_s: float) -> Told | None:
        """Return what comes next, None when nothing came for so long. Raises ConnectionLost."""
        if self._heard.empty():
            try:
                async with asyncio.timeout(wait_s):
                    answer = await self._heard.get()
            except TimeoutError:
                return None
        else:
            answer = self._heard.get_nowait()
        if not isinstance(answer, list):
            # The end, or an error: either way nothing more is heard here.
            raise broken()
        kind, channel, *rest = answer
        data = rest[0] if rest and isinstance(rest[0], bytes) else b""
        return kind, channel, data

    async def all(self, look_s: float, quiet: Callable[[], None] = lambda: None) -> AsyncIterator[Told]:
        """Yield what comes. A connection that says nothing for `look_s` is asked, and has as long again to answer.

        `quiet` is called in such a pause. Raises ConnectionLost.
        """
        asked = False
        while True:
            told = await self.next(look_s)
            if told is not None:
                asked = False
                yield told
                continue
            if asked:
                raise ConnectionLost("Redis says nothing any more.", link=LINK)
            asked = True
            self.ping()
            quiet()
