"""Server-sent events over a real server: ids, resume, heartbeats, the end of a run."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.contract.gateway.serving import Served, serving
from tests.unit.gateway.channels import RUN, seqs, text_of

pytestmark = pytest.mark.anyio


@dataclass
class Stream:
    """An open event stream, read as the HTML standard says."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    received: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    heartbeats: int = 0
    rest: bytes = b""
    ended: bool = False

    async def lines(self) -> AsyncIterator[bytes]:
        while b"\n" not in self.rest:
            size = await self.reader.readline()
            length = int(size, 16) if size.strip() else 0
            if not length:
                self.ended = True
                return
            self.rest += await self.reader.readexactly(length)
            await self.reader.readexactly(2)
        line, _, self.rest = self.rest.partition(b"\n")
        yield line

    async def message(self) -> dict[str, Any] | None:
        """Return the next frame, None at the end."""
        kind, mark, data = "", None, []
        async with asyncio.timeout(5):
            while True:
                async for line in self.lines():
                    name, _, value = line.partition(b": ")
                    if line == b":":
                        self.heartbeats += 1
                    elif name == b"event":
                        kind = value.decode()
                    elif name == b"id":
                        mark = value.decode()
                    elif name == b"data":
                        data.append(value)
                    break
                if self.ended:
                    return None
                if line == b"" and data:
                    break
        frame: dict[str, Any] = json.loads(b"\n".join(data))
        assert frame["type"] == kind
        assert mark == (str(frame["seq"]) if kind == "event" else None)
        self.received.append(frame)
        return frame

    async def all(self) -> list[dict[str, Any]]:
        """Read to the end."""
        while await self.message() is not None:
            continue
        return self.received

    async def until(self, kind: str) -> None:
        """Read until a frame of this type."""
        while (frame := await self.message()) is not None:
            if frame["type"] == kind:
                return


@contextlib.asynccontextmanager
async def stream(served: Served, query: str, headers: dict[str, str] | None = None) -> AsyncIterator[Stream]:
    """Open the event stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    lines = [f"GET /api/v1/events/stream?{query} HTTP/1.1", f"Host: 127.0.0.1:{served.port}"]
    given = {"Authorization": "Bearer alice-key", "Accept-Encoding": "gzip, br", **(headers or {})}
    lines += [f"{name}: {value}" for name, value in given.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *rest = head.strip().split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    try:
        yield Stream(int(first.split()[1]), fields, reader)
    finally:
        writer.close()


async def test_a_run_is_followed_to_its_end() -> None:
    """History, text and facts come as events with their ids, and the stream ends after the run's last fact."""
    async with serving() as served:
        served.source.fact(RUN, "started")
        served.source.write(RUN, "Hel")
        async with stream(served, "channel=run:1&after=0") as follower:
            assert follower.status == 200
            assert follower.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert follower.headers["cache-control"] == "no-store"
            assert follower.headers["x-accel-buffering"] == "no"
            assert "content-encoding" not in follower.headers
            await follower.until("snapshot")
            served.source.write(RUN, "lo")
            served.source.fact(RUN, "completed", last=True)
            received = await follower.all()
        assert seqs(received) == [1, 2]
        assert text_of(received) == "Hello"
        assert received[-1]["event"]["type"] == "completed"


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("channel=run:1&after=0", {}, [1, 2, 3]),
        ("channel=run:1&after=2", {}, [3]),
        ("channel=run:1", {"Last-Event-ID": "1"}, [2, 3]),
        ("channel=run:1&after=0", {"Last-Event-ID": "2"}, [3]),
        ("channel=run:1&after=2", {"Last-Event-ID": "1"}, [3]),
    ],
)
async def test_resuming(query: str, headers: dict[str, str], expected: list[int]) -> None:
    """`after` and Last-Event-ID are the same seq, and the later of the two counts."""
    async with serving() as served:
        for last in (False, False, True):
            served.source.fact(RUN, last=last)
        async with stream(served, query, headers) as follower:
            assert seqs(await follower.all()) == expected


async def test_a_run_that_is_over_and_known_is_204() -> None:
    """Who has seen a run's end is told that nothing follows, so that a browser stops asking."""
    async with serving() as served:
        served.source.fact(RUN, last=True)
        async with stream(served, "channel=run:1&after=1") as follower:
            assert follower.status == 204


async def test_a_quiet_stream_beats() -> None:
    """While nothing happens comments keep the connection alive."""
    async with serving() as served, stream(served, "channel=system") as follower:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(follower.message())
            async with asyncio.timeout(5):
                while follower.heartbeats < 2:
                    await asyncio.sleep(0)
            served.source.fact("system")
            await reading
        assert seqs(follower.received) == [1]


async def test_a_position_that_is_gone_is_a_resync_and_an_end() -> None:
    """A gap is told; the stream ends, and the client begins again."""
    async with serving() as served:
        served.source.fact(RUN)
        async with stream(served, "channel=run:1&after=7") as follower:
            assert await follower.all() == [
                {"type": "resync", "channel": "run:1", "reason": "unknown-position"}
            ]


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("channel=run:1", {"Authorization": "Bearer wrong"}, 401),
        ("channel=nothing:1", {}, 404),
        ("channel=..", {}, 422),
        ("", {}, 422),
        ("channel=run:1&after=-1", {}, 400),
        ("channel=run:1&after=x", {}, 400),
        ("channel=run:1&after=%C2%B2", {}, 400),
        ("channel=run:1&after=9007199254740992", {}, 400),
        ("channel=run:1", {"Last-Event-ID": "x"}, 400),
    ],
)
async def test_refusals_are_ordinary_problems(query: str, headers: dict[str, str], status: int) -> None:
    """What is wrong before the stream begins is answered as any other request."""
    async with serving() as served, stream(served, query, headers) as follower:
        assert follower.status == status
        assert follower.headers["content-type"] == "application/problem+json"


async def test_a_foreign_run_is_not_found() -> None:
    """Another user's channel looks like none."""
    async with serving() as served:
        served.source.owner = "bea"
        served.source.fact(RUN)
        async with stream(served, "channel=run:1&after=0") as follower:
            assert follower.status == 404


async def test_a_follower_that_leaves_is_forgotten() -> None:
    """A broken connection ends the subscription."""
    async with serving() as served:
        async with stream(served, "channel=system") as follower:
            assert follower.status == 200
            assert served.source.fanout.sessions == 1
        async with asyncio.timeout(5):
            while served.source.fanout.sessions:
                await asyncio.sleep(0)


async def test_draining_ends_the_streams() -> None:
    """A server that is about to stop ends its streams, so that nothing waits for them."""
    async with serving() as served, stream(served, "channel=system") as follower:
        served.lifecycle.drain()
        assert await follower.all() == []
        assert follower.ended
