"""What carries events and passing frames: this process alone, or what its outside brings for many.

Frames are pieces of text on their way to who reads them. They may be lost: who misses one sees the hole and asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from autobot.bootstrap.outside import Outside
from autobot.bootstrap.wiring import direct
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import HopFailed, Rejected
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.messaging.invalidation import Invalidation
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.kernel.messaging.presence import MemoryPresence, Presence
from autobot.kernel.messaging.source_broker import SourceBroker
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.resilience.rate_limit.limiter import Limiter, MemoryLimiter

TEXT: Final = "text"
"""The channel of pieces of text."""
WANTED: Final = "wanted"
"""The channel of wishes: a run whose whole text somebody needs, or `*`."""
PROGRESS: Final = "progress"
"""The channel of how far documents are."""
FRAME: Final = Operation(name="frame", effect=Effect.FREE)

Take = Callable[[dict[str, Any]], None]
Send = Callable[[str, Any], Awaitable[None]]
"""Publishes a frame on a channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """What a product is carried by: its broker, what sends frames, quotas, who is connected, cached answers."""

    broker: SourceBroker
    send: Send
    limiter: Limiter
    presence: Presence
    invalidation: Invalidation


def carried(outside: Outside, store: EventStore, registry: LinkRegistry, takers: Sequence[Take]) -> Carrying:
    """Return what carries a product. In one process `takers`, which may still become more, get the frames."""
    clock = outside.clock
    if outside.carrier is None:
        return Carrying(
            broker=LogBroker(store, clock, outside.chance),
            send=_here(outside, registry, takers),
            limiter=MemoryLimiter(clock),
            presence=MemoryPresence(clock),
            invalidation=registry,
        )
    parts = outside.carrier(store, registry)

    async def send(channel: str, body: Any) -> None:
        parts.frames.publish(channel, body)

    return Carrying(
        broker=parts.broker,
        send=send,
        limiter=parts.limiter,
        presence=parts.presence,
        invalidation=parts.invalidation,
    )


def _here(outside: Outside, registry: LinkRegistry, takers: Sequence[Take]) -> Send:
    async def deliver(payload: Any, context: CallContext) -> None:
        for take in takers:
            take(payload)

    transport = DirectTransport({FRAME.name: deliver})
    registry.wire("backend-redis", direct(transport, "frames in this process"))
    link = registry.link("backend-redis")
    context = CallContext(correlation_id="frames", principal=SYSTEM, trace=new_trace(outside.chance))

    async def send(channel: str, body: Any) -> None:
        try:
            await link.call(FRAME, body, context)
        except (Rejected, HopFailed):
            return

    return send


def framed(
    send: Send, piece: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> Callable[[str, dict[str, Any]], Awaitable[None]]:
    """Return what runs hand their frames to; `piece` makes one into what other processes take in."""

    async def frame(channel: str, body: dict[str, Any]) -> None:
        await send(TEXT, piece(body))

    return frame
