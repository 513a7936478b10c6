"""Passing frames by publish and subscribe on a real server: in order, lossy, and told when some were missed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from autobot.adapters.redis.frames import FrameListener, FrameTransport
from autobot.adapters.redis.server import Server
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import ConnectionLost, HopFailed
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.testing.valkey import ValkeyServer
from autobot.testing.virtual_time import seeded

pytestmark = pytest.mark.anyio
FRAME = Operation(name="frame", effect=Effect.FREE)
WAIT_S = 20.0


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    """An empty server."""
    with ValkeyServer() as server:
        yield server


class Heard:
    """What a listener heard."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, Any]] = []
        self.joins = 0
        self._changed = asyncio.Event()

    def take(self, channel: str, body: Any) -> None:
        """Hear a frame."""
        self.frames.append((channel, body))
        self._changed.set()

    def joined(self) -> None:
        """Hear that frames arrive from now on."""
        self.joins += 1
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, with a deadline."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def listening(valkey: ValkeyServer, *channels: str) -> AsyncIterator[tuple[Heard, Server]]:
    """Listen for the block, and give a server to publish by."""
    heard, server = Heard(), Server(valkey.url)
    task = asyncio.create_task(FrameListener(server, channels, heard.take, heard.joined).run())
    try:
        await heard.until(lambda: heard.joins == 1)
        yield heard, server
    finally:
        task.cancel()
        await server.close()


async def publish(server: Server, channel: str, body: Any) -> int:
    """Publish one frame; returns who heard it."""
    context = CallContext(correlation_id="test", principal=SYSTEM, trace=new_trace(seeded()))
    return await FrameTransport(server).call("redis", FRAME, {"channel": channel, "body": body}, context)


async def test_frames_arrive_in_order_on_the_channels_that_are_heard(valkey: ValkeyServer) -> None:
    """Each frame of a channel comes once, in the order of publishing; other channels are not heard."""
    async with listening(valkey, "text", "wanted") as (heard, server):
        for number in range(200):
            assert await publish(server, "text", {"number": number}) == 1
        assert await publish(server, "other", {}) == 0
        await publish(server, "wanted", "*")
        await heard.until(lambda: len(heard.frames) == 201)
    assert [body["number"] for channel, body in heard.frames if channel == "text"] == list(range(200))
    assert heard.frames[-1] == ("wanted", "*")


async def test_who_listens_is_told_of_every_gap(valkey: ValkeyServer) -> None:
    """After a restart of the server frames come again, and `joined` says that some may be missing."""
    async with listening(valkey, "text") as (heard, server):
        valkey.kill()
        with pytest.raises(HopFailed):
            await publish(server, "text", {"lost": True})
        valkey.start()
        await heard.until(lambda: heard.joins == 2)
        assert await publish(server, "text", {"number": 1}) == 1
        await heard.until(lambda: len(heard.frames) == 1)
    assert heard.frames == [("text", {"number": 1})]


async def test_what_is_no_json_is_passed_over(valkey: ValkeyServer) -> None:
    """A foreign program on our channel harms nobody."""
    async with listening(valkey, "text") as (heard, server):
        await server.do("PUBLISH", "autobot:frames:text", b"\xff{")
        await publish(server, "text", {"number": 1})
        await heard.until(lambda: len(heard.frames) == 1)
    assert heard.frames == [("text", {"number": 1})]


async def test_an_absent_server_is_an_error_of_the_tree(valkey: ValkeyServer) -> None:
    """The row's breaker sees what it is, and a probe says no."""
    server = Server(valkey.url)
    assert await FrameTransport(server).probe("redis") is True
    valkey.kill()
    with pytest.raises(ConnectionLost):
        await publish(server, "text", {})
    assert await FrameTransport(server).probe("redis") is False
    await server.close()
