"""The stream transport keeps the promise of a call inside a process, over a real server."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from autobot.adapters.redis.call_door import CallDoor
from autobot.adapters.redis.calls import StreamCalls
from autobot.adapters.redis.server import Server
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.gateway.hop.parts import HopLimits
from autobot.kernel.core.ids import Uuid7Source
from autobot.testing.conformance.calls import Call, Carried, Stream
from autobot.testing.conformance.hops import HopsSuite
from autobot.testing.valkey import ValkeyServer
from tests.integration.role_hop.kit import KEY, ROW, MovableClock, parts_of, text_wires

OTHER_KEY = bytes(range(1, 33))


class TestStreamCalls(HopsSuite):
    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream], key: bytes = KEY
    ) -> AsyncIterator[Carried]:
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
                door.take()
                yield Carried(made, here.place)
                await made.close()
                for task in tasks:
                    task.cancel()
            for server in (here, there):
                await server.close()

    @asynccontextmanager
    async def distrusted(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        async with self.carrying(calls, streams, OTHER_KEY) as carried:
            yield carried
