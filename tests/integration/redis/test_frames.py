"""Transient frames over a real server: what the port's suite cannot see of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from autobot.adapters.redis.frames import LOST, RECONNECTED, UNDECODABLE, RedisFrames
from autobot.adapters.redis.server import Server
from autobot.adapters.redis.transport import FRAMES, RedisTransport
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import ConnectionLost, InvalidInput
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.messaging.transient import Frame, Missed
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.testing.valkey import ValkeyServer
from autobot.testing.virtual_time import seeded
from tests.integration.redis.counting import Counts

pytestmark = pytest.mark.anyio
OTHER = Operation(name="other", effect=Effect.FREE)
CONTEXT = CallContext(correlation_id="test", principal=SYSTEM, trace=new_trace(seeded()))
WAIT_S = 20.0


@pytest.fixture
def own() -> Iterator[ValkeyServer]:
    """A server that a test may kill."""
    with ValkeyServer() as server:
        yield server


@asynccontextmanager
async def running(server: ValkeyServer, counts: Counts | None = None) -> AsyncIterator[RedisFrames]:
    """Frames over a server, running for the block, which has a time limit."""
    connected = Server(server.url)
    frames = RedisFrames(connected, listener=counts, waiting_max=100)
    async with asyncio.TaskGroup() as group, asyncio.timeout(WAIT_S):
        task = group.create_task(frames.run())
        yield frames
        task.cancel()
    await connected.close()


async def test_what_is_no_json_is_passed_over_and_counted(valkey: ValkeyServer) -> None:
    """A foreign program on our channel harms nobody."""
    counts, foreign = Counts(), Server(valkey.url)
    async with running(valkey, counts) as frames, frames.subscribe(["text"]) as heard:
        await foreign.do("PUBLISH", "autobot:frames:text", b"\xff{")
        await foreign.do("PUBLISH", "autobot:frames:text", b'{"number":1}')
        assert await heard.receive() == Frame("text", {"number": 1})
    await foreign.close()
    assert counts.totals[UNDECODABLE] == 1


async def test_frames_that_cannot_go_are_lost_and_counted(own: ValkeyServer) -> None:
    """While Redis is away publishing goes on at once; what is lost is a counter, and so is the new connection."""
    counts = Counts()
    async with running(own, counts) as frames, frames.subscribe(["text"]) as heard:
        await asyncio.to_thread(own.kill)
        for number in range(500):
            frames.publish("text", number)
        await asyncio.to_thread(own.start)
        assert await heard.receive() == Missed(0)
        await counts.until(lambda: counts.totals[LOST] == 500)
    assert counts.totals[RECONNECTED] >= 1


async def test_a_server_that_says_nothing_is_left(own: ValkeyServer) -> None:
    """A connection on which nothing comes, not even a sign of life, is given up, and who listens is told."""
    counts = Counts()
    async with running(own, counts) as frames, frames.subscribe(["text"]) as heard:
        own.freeze()
        try:
            await counts.until(lambda: counts.totals[RECONNECTED] > 0)
        finally:
            own.thaw()
        assert await heard.receive() == Missed(0)
        frames.publish("text", "again")
        while await heard.receive() != Frame("text", "again"):
            frames.publish("text", "again")


async def test_channels_that_nobody_wants_are_left(valkey: ValkeyServer) -> None:
    """After its last subscriber has gone, a channel is not listened to any more; one that comes back is."""
    asking = Server(valkey.url)
    async with running(valkey) as frames:
        async with frames.subscribe(["short"]):
            assert (await asking.do("PUBSUB", "NUMSUB", "autobot:frames:short"))[1] == 1
        while (await asking.do("PUBSUB", "NUMSUB", "autobot:frames:short"))[1]:
            await asyncio.sleep(0)
        async with frames.subscribe(["short"]) as heard:
            frames.publish("short", 1)
            assert await heard.receive() == Frame("short", 1)
    await asking.close()


async def test_an_absent_server_is_an_error_of_the_tree(own: ValkeyServer) -> None:
    """The row's breaker sees what it is, a probe says no, and nothing can be streamed."""
    server = Server(own.url)
    transport = RedisTransport(server)
    await transport.call("redis", FRAMES, [("autobot:frames:text", b"1")], CONTEXT)
    assert await transport.probe("redis") is True
    own.kill()
    with pytest.raises(ConnectionLost):
        await transport.call("redis", FRAMES, [("autobot:frames:text", b"1")], CONTEXT)
    assert await transport.probe("redis") is False
    with pytest.raises(InvalidInput):
        await transport.call("redis", OTHER, None, CONTEXT)
    with pytest.raises(InvalidInput):
        await anext(transport.stream("redis", FRAMES, None, CONTEXT))
    await server.close()
