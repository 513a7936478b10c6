"""Calls over a stream whose process was killed: their callers learn of it by its silence, long before their time is over."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from autobot.adapters.redis.calls import SILENCE, StreamCalls
from autobot.adapters.redis.server import Server
from autobot.adapters.system.clock import SystemClock
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.kernel.core.errors import ConnectionLost
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.testing.valkey import ValkeyServer
from autobot.testing.virtual_time import FixedChance
from tests.integration.role_hop.kit import CONTEXT, KEY, ROW, MovableClock, text_wires
from tests.integration.stream_hop.door_child import FOR_EVER

WORK = Operation(name="work", effect=Effect.FREE)
UNSAFE = Operation(name="work", effect=Effect.UNSAFE)
TELL = Operation(name="tell", effect=Effect.FREE)
LONG_S = 120.0
"""What a call may take by its row."""
SOON_S = 30.0
"""Within this a caller knows: some seconds of silence, on a machine that has other work."""
RETRIED = {
    "doc": "Calls that are lost.",
    "pattern": "request-response",
    "transport": "stream",
    "timeout": LONG_S,
    "retry": {"max": 1, "backoff": "immediate"},
    "error_handling": "propagate",
    "idempotency": "effect-free",
}


@dataclass
class Caller:
    """A caller, and the processes of the other role."""

    transport: StreamCalls
    valkey: ValkeyServer
    server: Server

    @asynccontextmanager
    async def process(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run a process that takes calls for the block."""
        made = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.stream_hop.door_child",
            self.valkey.url,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            await heard(made, "takes calls")
            yield made
        finally:
            if made.returncode is None:
                made.kill()
            await made.wait()


async def heard(process: asyncio.subprocess.Process, word: str) -> None:
    """Wait until a process says a word."""
    assert process.stdout is not None
    async with asyncio.timeout(SOON_S):
        while (line := await process.stdout.readline()).decode().strip() != word:
            assert line, "the process ended"


@asynccontextmanager
async def calling() -> AsyncIterator[Caller]:
    """Run a caller for the block; nobody takes its calls yet."""
    with ValkeyServer() as valkey:
        clock, chance, server = MovableClock(), random.Random(1), Server(valkey.url)
        made = StreamCalls(
            link=ROW,
            issuer="gateway",
            audience="backend",
            wires=text_wires("work", "tell"),
            tokens=KeyedServiceTokens(KEY, clock),
            server=server,
            clock=clock,
            chance=chance,
            ids=Uuid7Source(clock, chance),
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(made.run())
            yield Caller(made, valkey, server)
            await made.close()
            running.cancel()
        await server.close()


def linked(caller: Caller, row: Mapping[str, object]) -> LinkRegistry:
    """Return the row over this caller's transport."""
    registry = LinkRegistry(Matrix({ROW: dict(row)}), SystemClock(), FixedChance(0.0))
    registry.wire(ROW, Wired(transport=caller.transport, targets=(caller.server.place,), speaks="stream"))
    return registry


@pytest.mark.anyio
async def test_a_call_whose_process_is_killed_is_lost_within_seconds() -> None:
    """SIGKILL in the middle of a call: the caller gets a lost connection after a few seconds, of two minutes that it had."""
    async with calling() as caller, caller.process() as process:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(failing(caller, UNSAFE))
            await heard(process, "asked")
            process.send_signal(signal.SIGKILL)
            async with asyncio.timeout(SOON_S):
                error = await asking
    assert error.detail == "The process that took the call is silent."
    assert (error.link, error.target) == (ROW, caller.server.place)


async def failing(caller: Caller, operation: Operation) -> ConnectionLost:
    """Make a call that is lost; return how."""
    with pytest.raises(ConnectionLost) as lost:
        await caller.transport.call(caller.server.place, operation, FOR_EVER, CONTEXT)
    return lost.value


@pytest.mark.anyio
async def test_a_lost_call_without_effects_is_made_again_by_its_row() -> None:
    """The row's retry is answered by another process of the role; a call with effects is told as lost, and not made again."""
    async with calling() as caller:
        registry = linked(caller, RETRIED)
        link = registry.link(ROW)
        async with caller.process() as first, asyncio.TaskGroup() as group:
            free = group.create_task(link.call(WORK, FOR_EVER, CONTEXT))
            await heard(first, "asked")
            first.send_signal(signal.SIGKILL)
            async with caller.process() as second:
                async with asyncio.timeout(SOON_S):
                    await heard(second, "asked")
                free.cancel()
        assert next(iter(registry.describe()))["attempts"] == 2
        async with caller.process() as third, asyncio.TaskGroup() as group:
            unsafe = group.create_task(refused(link.call(UNSAFE, FOR_EVER, CONTEXT)))
            await heard(third, "asked")
            third.send_signal(signal.SIGKILL)
            async with asyncio.timeout(SOON_S):
                await unsafe
        assert next(iter(registry.describe()))["attempts"] == 3
        await registry.close()


async def refused(call: object) -> None:
    """Await a call that is lost."""
    with pytest.raises(ConnectionLost):
        await call  # type: ignore[misc]


@pytest.mark.anyio
async def test_a_stream_that_its_process_left_ends_as_lost() -> None:
    """After the first chunk its process is killed: the reader gets that chunk and then a lost connection, no shorter answer."""
    async with calling() as caller, caller.process() as process:
        chunks = caller.transport.stream(caller.server.place, TELL, "a", CONTEXT)
        assert await anext(chunks) == "a"
        await heard(process, "asked")
        process.send_signal(signal.SIGKILL)
        async with asyncio.timeout(SOON_S):
            with pytest.raises(ConnectionLost):
                await anext(chunks)


@pytest.mark.anyio
async def test_long_work_and_long_waiting_are_no_loss() -> None:
    """A process that works, and a call that nobody took yet, may take longer than the silence after which a call is lost."""
    async with calling() as caller, asyncio.TaskGroup() as group:
        # Nobody is there: it waits in the stream, and is answered when somebody comes.
        waiting = group.create_task(caller.transport.call(caller.server.place, WORK, "late", CONTEXT))
        await seconds(SILENCE + 2)
        assert not waiting.done()
        async with caller.process() as process:
            async with asyncio.timeout(SOON_S):
                assert await waiting == "late"
            await heard(process, "asked")
            working = group.create_task(caller.transport.call(caller.server.place, WORK, FOR_EVER, CONTEXT))
            await heard(process, "asked")
            await seconds(SILENCE + 2)
            assert not working.done()
            working.cancel()


async def seconds(number: float) -> None:
    """Let so much time pass."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.call_later(number, over.set)
    await over.wait()
