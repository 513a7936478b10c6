"""Cached answers become wrong in one process and are asked for anew in all: on real links, over a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from autobot.adapters.redis.frames import RedisFrames
from autobot.adapters.redis.server import Server
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.matrix import Matrix, read_layer
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.messaging.invalidation import SharedInvalidation
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.testing.valkey import ValkeyServer
from autobot.testing.virtual_time import seeded

pytestmark = pytest.mark.anyio
LIST = Operation(name="list", effect=Effect.FREE, cacheable=True, tags=("things",))
OTHER = Operation(name="other", effect=Effect.FREE, cacheable=True, tags=("others",))
CONTEXT = CallContext(correlation_id="test", principal=SYSTEM, trace=new_trace(seeded()))
MATRIX = """
format = 1
[rows.backend-shop]
pattern = "request-response"
transport = "direct"
timeout = 5.0
cache = { ttl = 3600.0 }
error_handling = "propagate"
idempotency = "effect-free"
origin = "ours"
"""


class Process:
    """One process with a row that caches; counts how often the other side was really asked."""

    def __init__(self, url: str) -> None:
        self.server = Server(url)
        self.frames = RedisFrames(self.server)
        self.registry = LinkRegistry(Matrix(read_layer(MATRIX, "test")), SystemClock(), seeded(), None)
        self.asked = 0

        async def answer(payload: object, context: CallContext) -> int:
            self.asked += 1
            return self.asked

        transport = DirectTransport({LIST.name: answer, OTHER.name: answer})
        self.registry.wire("backend-shop", Wired(transport=transport, targets=("here",)))
        self.invalidation = SharedInvalidation(self.frames, self.registry)

    async def ask(self, operation: Operation = LIST) -> int:
        """Ask over the row."""
        answer: int = await self.registry.link("backend-shop").call(operation, {"q": 1}, CONTEXT)
        return answer

    async def run(self) -> None:
        """Do what a process does in the background."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.frames.run())
            group.create_task(self.invalidation.run())

    async def hears(self, other: "Process") -> None:
        """Wait until it follows what the other says; what it had before is dropped by then."""
        before = await self.ask()
        while await self.ask() == before:
            other.invalidation.invalidate(LIST.tags[0])
            await asyncio.sleep(0)


@asynccontextmanager
async def processes(url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two of them, running for the block."""
    both = Process(url), Process(url)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.run()) for one in both]
        await both[0].hears(both[1])
        await both[1].hears(both[0])
        yield both
        for task in tasks:
            task.cancel()
    for one in both:
        await one.registry.close()
        await one.server.close()


async def test_a_tag_is_dropped_in_every_process(valkey: ValkeyServer) -> None:
    """The answers with the tag are asked for anew everywhere, others are kept."""
    async with processes(valkey.url) as (one, other):
        before, kept = await other.ask(), await other.ask(OTHER)
        one.invalidation.invalidate("things")
        while await other.ask() == before:
            await asyncio.sleep(0)
        assert await other.ask(OTHER) == kept


async def test_who_may_have_missed_a_word_drops_everything() -> None:
    """After its connection was away a process trusts none of its answers."""
    with ValkeyServer() as own:
        async with processes(own.url) as (_, other):
            kept = await other.ask(OTHER)
            await asyncio.to_thread(own.kill)
            await asyncio.to_thread(own.start)
            while await other.ask(OTHER) == kept:
                await asyncio.sleep(0)
