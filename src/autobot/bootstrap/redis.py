"""Everything that Redis or Valkey does for a process, opened in one place. It carries; it is never the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from autobot.adapters.redis.frames import RedisFrames
from autobot.adapters.redis.limiter import RedisLimiter
from autobot.adapters.redis.options import Part, StreamOptions
from autobot.adapters.redis.presence import RedisPresence
from autobot.adapters.redis.relay import Relay
from autobot.adapters.redis.server import Server
from autobot.adapters.redis.sources import StreamSources
from autobot.adapters.redis.transport import APPEND, FRAMES, RedisTransport
from autobot.bootstrap.outside import Carried
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.messaging.invalidation import SharedInvalidation
from autobot.kernel.messaging.presence import Presence
from autobot.kernel.messaging.source_broker import SourceBroker
from autobot.kernel.resilience.rate_limit.limiter import Limiter, MemoryLimiter
from autobot.kernel.telemetry.listener import Listener

BUS: Final = "services-event_bus"
"""The row by which events are published."""
ROW: Final = "backend-redis"
"""The row by which frames are."""
STEP: Final = "Start Redis, or mend AUTOBOT_REDIS_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisParts:
    """What a process has of Redis. `run` belongs among what it does in the background.

    `relay`: brings the log into the streams while `relay.run()` runs, in at least one process that reaches
    the store; many are safe together. `broker`: the delivery rules over the streams, beside other processes.
    `frames`: passing frames between processes. `limiter`: quotas that all processes share. `presence`: who is
    connected to any of them.
    """

    place: str
    server: Server
    relay: Relay
    broker: SourceBroker
    frames: RedisFrames
    limiter: Limiter
    presence: Presence

    async def run(self) -> None:
        """Let frames go and come until cancelled. The relay runs by itself, where it is wanted."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.frames.run())

    def invalidation(self, registry: LinkRegistry) -> SharedInvalidation:
        """Return what drops cached answers of this process's rows with those of all others; its `run` follows them."""
        return SharedInvalidation(self.frames, registry)

    def connect(self, registry: LinkRegistry, chance: Chance) -> None:
        """Let everything that is sent go by its row of the matrix, under its policies."""
        transport, there = RedisTransport(self.server), (self.place,)
        registry.wire(ROW, Wired(transport=transport, targets=there, speaks="pubsub", hint=STEP))
        registry.wire(BUS, Wired(transport=transport, targets=there, speaks="stream", hint=STEP))
        link, bus = registry.link(ROW), registry.link(BUS)
        context = CallContext(correlation_id="redis", principal=SYSTEM, trace=new_trace(chance))

        async def send(frames: Sequence[tuple[str, bytes]]) -> None:
            await link.call(FRAMES, frames, context)

        async def publish(part: Part, expected: int, upto: int, entries: Sequence[Any]) -> int | None:
            reached: int | None = await bus.call(APPEND, (part, expected, upto, entries), context)
            return reached

        self.frames.send, self.relay.publish = send, publish


def redis_parts(
    url: str,
    store: EventStore,
    clock: Clock,
    chance: Chance,
    *,
    options: StreamOptions | None = None,
    listener: Listener | None = None,
) -> RedisParts:
    """Return what `url` leads to; the caller closes `server`. Raises ConfigurationError for what is no address."""
    options = options or StreamOptions()
    server = Server(url)
    relay = Relay(server, store, clock, options, listener=listener)
    sources = StreamSources(server, relay, store, clock, options, listener=listener)
    return RedisParts(
        place=place_of(url),
        server=server,
        relay=relay,
        broker=SourceBroker(sources, store, clock, chance),
        frames=RedisFrames(server, listener=listener),
        limiter=RedisLimiter(server, MemoryLimiter(clock), clock, listener=listener),
        presence=RedisPresence(server),
    )


class RedisCarrier:
    """Opens what Redis carries for one process, once it has a store and rows; closes it in the end.

    Nothing waits for the server: where it is away, everything begins when it comes. `options.holder` names
    this process and must be its own.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        chance: Chance,
        *,
        options: StreamOptions,
        listener: Listener | None = None,
    ) -> None:
        self._url, self._clock, self._chance = url, clock, chance
        self._options, self._listener = options, listener
        self._parts: RedisParts | None = None
        self._invalidation: SharedInvalidation | None = None

    def __call__(self, store: EventStore, registry: LinkRegistry) -> Carried:
        """Connect them. Raises ConfigurationError for what is no address."""
        parts = self._parts = redis_parts(
            self._url, store, self._clock, self._chance, options=self._options, listener=self._listener
        )
        parts.connect(registry, self._chance)
        invalidation = self._invalidation = parts.invalidation(registry)
        return Carried(
            broker=parts.broker,
            frames=parts.frames,
            limiter=parts.limiter,
            presence=parts.presence,
            invalidation=invalidation,
        )

    @property
    def parts(self) -> RedisParts:
        """The parts. Raises RuntimeError before the product asked for them."""
        if self._parts is None:
            raise RuntimeError("the product was not assembled")
        return self._parts

    async def run(self) -> None:
        """Let frames go and come, and drop the answers that others found wrong, until cancelled."""
        assert self._invalidation is not None
        async with asyncio.TaskGroup() as group:
            group.create_task(self.parts.run())
            group.create_task(self._invalidation.run())

    async def close(self) -> None:
        """Close the connections."""
        if self._parts is not None:
            await self._parts.server.close()


def place_of(url: str) -> str:
    """Return an address without name and password, as it may be shown."""
    parts = urlsplit(url)
    if not parts.hostname:
        return parts.path or "redis"
    return f"{parts.hostname}:{parts.port or 6379}"
