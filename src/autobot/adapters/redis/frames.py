"""Transient frames by publish and subscribe: at most once, to whoever listens now (design §5, §8).

Payloads are JSON. A channel of Redis is a name of ours behind a prefix. One connection of the process listens
for all of its subscribers; whenever it was away they are told.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from autobot.adapters.redis.ear import Ear
from autobot.adapters.redis.server import Server
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.messaging.transient import QUEUE, TransientHub, TransientSubscription
from autobot.kernel.telemetry.listener import Listener

PREFIX: Final = "autobot:frames:"
OWN: Final = PREFIX
"""A channel that is always listened to, so that the connection can be told to be one that listens."""
BACKOFF_S: Final = (0.05, 2.0)
LOOK_S: Final = 1.0
"""How often a quiet connection is asked whether it is still there; it answers within as long again."""
WAITING_MAX: Final = 1_024
"""Frames that wait to be published; the oldest make place."""
BATCH: Final = 128

RECONNECTED: Final = "frames_reconnected_total"
UNDECODABLE: Final = "frames_undecodable_total"
LOST: Final = "frames_lost_total"

Written = tuple[str, bytes]
"""Channel of Redis and JSON."""
Send = Callable[[Sequence[Written]], Awaitable[Any]]
"""`Server.publish`, or a call of the row that leads there."""


class RedisFrames:
    """Implements `TransientChannels` between processes, while `run` runs.

    `send` is what publishes, by default the server itself. Counts by `reason`: frames lost because Redis was
    away or too many waited, connections that had to be made again, frames that were no JSON.
    """

    def __init__(
        self,
        server: Server,
        *,
        send: Send | None = None,
        listener: Listener | None = None,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._server, self._listener = server, listener
        self.send: Send = send or server.publish
        self._hub = TransientHub()
        self._waiting: deque[Written] = deque()
        self._waiting_max = waiting_max
        self._filled = asyncio.Event()
        self._wanted: Counter[str] = Counter()
        self._heard: dict[str, asyncio.Event] = {}
        self._ear: Ear | None = None
        self._again = False

    def publish(self, channel: str, payload: Any) -> None:
        """Hand a frame over. Raises TypeError for what is no JSON: that is a fault of the program."""
        if len(self._waiting) >= self._waiting_max:
            self._waiting.popleft()
            self._count(LOST, 1, "full")
        self._waiting.append((PREFIX + channel, msgspec.json.encode(payload)))
        self._filled.set()

    @asynccontextmanager
    async def subscribe(
        self, channels: Iterable[str], *, limit: int = QUEUE
    ) -> AsyncIterator[TransientSubscription]:
        names = tuple(channels)
        async with self._hub.subscribe(names, limit=limit) as subscription:
            self._wanted.update(names)
            try:
                self._ask(names)
                for name in names:
                    await self._heard[name].wait()
                yield subscription
            finally:
                self._wanted.subtract(names)

    async def run(self) -> None:
        """Publish and listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish_for_ever())
            group.create_task(self._listen_for_ever())

    # --------------------------------------------------------------------------------------------- publishing

    async def _publish_for_ever(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    await self.send(batch)
                except AutoBotError as error:
                    self._count(LOST, len(batch), error.code)

    # ---------------------------------------------------------------------------------------------- listening

    def _ask(self, names: Sequence[str]) -> None:
        """Ask to hear channels; where the connection is broken, the next one asks for all."""
        new = [one for one in dict.fromkeys(names) if one not in self._heard]
        for name in new:
            self._heard[name] = asyncio.Event()
        if new and self._ear is not None:
            self._ear.subscribe([PREFIX + name for name in new])

    async def _listen_for_ever(self) -> None:
        wait, cap = BACKOFF_S
        while True:
            try:
                async with self._server.listening() as ear:
                    self._begin(ear)
                    wait = BACKOFF_S[0]
                    await self._listen(ear)
            except AutoBotError as error:
                self._count(RECONNECTED, 1, error.code)
            finally:
                self._ear = None
            await asyncio.sleep(wait)
            wait = min(cap, wait * 2)

    def _begin(self, ear: Ear) -> None:
        self._ear = ear
        for event in self._heard.values():
            event.clear()
        # The server does it all at once: with the last one confirmed nothing more is missed.
        ear.subscribe([*(PREFIX + name for name in self._heard), OWN])

    async def _listen(self, ear: Ear) -> None:
        async for kind, name, data in ear.all(LOOK_S, lambda: self._forget(ear)):
            channel = name.decode().removeprefix(PREFIX)
            if kind == b"message":
                self._take(channel, data)
            elif kind == b"subscribe":
                self._confirmed(channel)

    def _confirmed(self, channel: str) -> None:
        if channel in self._heard:
            self._heard[channel].set()
        elif PREFIX + channel == OWN:
            if self._again:
                self._hub.missed()
            self._again = True

    def _take(self, channel: str, data: bytes) -> None:
        if not self._hub.listens(channel):
            return
        try:
            payload = msgspec.json.decode(data)
        except msgspec.MsgspecError:
            self._count(UNDECODABLE, 1, "undecodable")
            return
        self._hub.publish(channel, payload)

    def _forget(self, ear: Ear) -> None:
        """Hear no more of channels that nobody here wants."""
        gone = [name for name in self._heard if self._wanted[name] <= 0]
        for name in gone:
            del self._heard[name], self._wanted[name]
        if gone:
            ear.unsubscribe([PREFIX + name for name in gone])

    def _count(self, name: str, value: float, reason: str) -> None:
        if self._listener is not None:
            self._listener.counted(name, value, (("reason", reason),))
