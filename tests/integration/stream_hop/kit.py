"""What the tests of hops over streams share: a role that takes calls from a real server, and a transport to it."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from autobot.adapters.redis.call_door import CallDoor
from autobot.adapters.redis.calls import StreamCalls
from autobot.adapters.redis.server import Server
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.gateway.hop.parts import HopLimits
from autobot.kernel.core.ids import Uuid7Source
from autobot.testing.valkey import ValkeyServer
from tests.integration.role_hop.kit import KEY, ROW, MovableClock, parts_of, text_wires


@dataclass(frozen=True)
class Hop:
    """A transport, the door on its other side, and the server between them."""

    transport: StreamCalls
    door: CallDoor
    valkey: ValkeyServer
    server: Server

    @property
    def target(self) -> str:
        """What the row calls."""
        return self.server.place


@asynccontextmanager
async def hop(
    calls: Mapping[str, Any], streams: Mapping[str, Any], key: bytes = KEY, *, taken: bool = True
) -> AsyncIterator[Hop]:
    """Serve handlers for the block, to a caller that signs with `key`."""
    with ValkeyServer() as valkey:
        clock, chance = MovableClock(), random.Random(1)
        parts, _, _ = parts_of(calls, streams, None, HopLimits(), clock)
        here, there = Server(valkey.url), Server(valkey.url)
        made = StreamCalls(
            link=ROW,
            issuer="gateway",
            audience="backend",
            wires=text_wires(*calls, *streams),
            tokens=KeyedServiceTokens(key, clock),
            server=here,
            clock=clock,
            chance=chance,
            ids=Uuid7Source(clock, chance),
        )
        door = CallDoor(parts.door(), there, clock, "backend-1")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.run()) for one in (made, door)]
            await door.heard.wait()
            if taken:
                door.take()
            yield Hop(made, door, valkey, here)
            await made.close()
            for task in tasks:
                task.cancel()
        for server in (here, there):
            await server.close()
