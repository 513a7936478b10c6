"""Passing frames by publish and subscribe: at most once, to whoever listens now (design §5, §8).

Payloads are JSON. A channel of Redis is a name of ours behind a prefix; what is published while a connection is away is
lost, and who listens is told when it listens (again), so that it can ask for what it missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final

import msgspec

from autobot.adapters.redis.errors import mapped
from autobot.adapters.redis.server import Server
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, InvalidInput
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.telemetry.listener import Listener

PREFIX: Final = "autobot:frames:"
BACKOFF_S: Final = (0.05, 2.0)
LOOK_S: Final = 1.0
"""How often a quiet connection is asked whether it is still there."""
RECONNECTED: Final = "frames_reconnected_total"
GARBAGE: Final = "frames_undecodable_total"


class FrameTransport:
    """Implements `Transport`: a call publishes {channel, body} and returns how many processes heard it."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> int:
        """Publish. Raises ConnectFailed or ConnectionLost when Redis is away."""
        heard: int = await self._server.do(
            "PUBLISH", PREFIX + payload["channel"], msgspec.json.encode(payload["body"])
        )
        return heard

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Refuse: frames are heard by `listen`."""
        raise InvalidInput("Frames are published one by one.")
        yield

    async def probe(self, target: str) -> bool | None:
        """Ask Redis for a sign of life."""
        try:
            await self._server.do("PING")
        except AutoBotError:
            return False
        return True

    async def close(self) -> None:
        """The connection is its owner's to close."""


class FrameListener:
    """Hears channels, for as long as `run` runs; a broken connection is made anew.

    `take` gets channel and body of each frame, in the order in which they were published on a channel; `joined` is
    called whenever frames arrive from now on and some may have been missed.
    """

    def __init__(
        self,
        server: Server,
        channels: Iterable[str],
        take: Callable[[str, Any], None],
        joined: Callable[[], None] = lambda: None,
        listener: Listener | None = None,
    ) -> None:
        self._server, self._channels = server, tuple(channels)
        self._take, self._joined, self._listener = take, joined, listener

    async def run(self) -> None:
        """Listen until cancelled."""
        wait, cap = BACKOFF_S
        while True:
            try:
                async with self._server.listening() as heard:
                    await heard.subscribe(*(PREFIX + name for name in self._channels))
                    wait = BACKOFF_S[0]
                    await self._hear(heard)
            except (AutoBotError, OSError, TimeoutError) as error:
                self._count(RECONNECTED, mapped(error).code)
            except Exception as error:  # noqa: BLE001 - the library's own tree is mapped in one place
                self._count(RECONNECTED, mapped(error).code)
            await asyncio.sleep(wait)
            wait = min(cap, wait * 2)

    async def _hear(self, heard: Any) -> None:
        """Pass frames on. The first answer confirms the subscription: only then nothing is missed any more."""
        confirmed = False
        while True:
            message = await heard.get_message(timeout=LOOK_S)
            if not confirmed and heard.subscribed:
                confirmed = True
                self._joined()
            if message is None:
                await heard.ping()
                continue
            if message["type"] != "message":
                continue
            try:
                body = msgspec.json.decode(message["data"])
            except msgspec.MsgspecError:
                self._count(GARBAGE, "undecodable")
                continue
            self._take(message["channel"].decode().removeprefix(PREFIX), body)

    def _count(self, name: str, reason: str) -> None:
        if self._listener is not None:
            self._listener.counted(name, 1.0, (("reason", reason),))
