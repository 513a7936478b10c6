"""A broker over Redis Streams with its relay, for tests and measurements."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from autobot.adapters.redis.options import StreamOptions
from autobot.adapters.redis.relay import Relay
from autobot.adapters.redis.server import Server
from autobot.adapters.redis.sources import StreamSources
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.messaging.source_broker import SourceBroker
from autobot.kernel.telemetry.listener import Listener
from autobot.testing.virtual_time import seeded

QUICK: dict[str, Any] = {"block": 0.1, "upkeep": 0.1, "lease": 1.0}
"""Options that let a test see in moments what a product sees in seconds."""


@asynccontextmanager
async def streams(
    url: str,
    store: EventStore,
    clock: Clock,
    *,
    listener: Listener | None = None,
    kind: type[StreamSources] = StreamSources,
    **options: Any,
) -> AsyncIterator[SourceBroker]:
    """Relay a store's log to the server at `url` for the block, and give the broker over its streams.

    `kind` is another class of sources, one with a fault.
    """
    given = StreamOptions(**{**QUICK, **options})
    server = Server(url)
    relay = Relay(server, store, clock, given, listener=listener)
    sources = kind(server, relay, store, clock, given, listener=listener)
    try:
        async with asyncio.TaskGroup() as group:
            relaying = group.create_task(relay.run())
            try:
                yield SourceBroker(sources, store, clock, seeded())
            finally:
                relaying.cancel()
    finally:
        await server.close()
