"""Each toxic of the proxy does to real sockets what it says, and nothing when it was taken away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autobot.testing.toxics import (
    Bandwidth,
    BlackHole,
    Latency,
    Limit,
    Reset,
    SlowClose,
    TcpProxy,
    Toxic,
    delay_of,
)

pytestmark = pytest.mark.anyio

PATIENCE_S = 10.0
HELD_S = 0.15
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Far:
    """The server beyond: answers each chunk with itself, notes what came and when it ended."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ended_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the other side ends."""
        try:
            while data := await reader.read(65536):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        if not self.ended_at.done():
            self.ended_at.set_result(asyncio.get_running_loop().time())
        writer.close()


@asynccontextmanager
async def between(*toxics: Toxic, seed: int = 0) -> AsyncIterator[tuple[TcpProxy, Far]]:
    """A proxy before an echo server, within a deadline."""
    far = Far()
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S), server:
        async with TcpProxy(("127.0.0.1", server.sockets[0].getsockname()[1]), seed=seed) as proxy:
            proxy.set(*toxics)
            yield proxy, far


async def through(proxy: TcpProxy) -> Pair:
    """Open a connection through the proxy."""
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def silent(reader: asyncio.StreamReader) -> bool:
    """Say whether nothing comes for a while."""
    try:
        async with asyncio.timeout(HELD_S):
            await reader.readexactly(1)
    except TimeoutError:
        return True
    return False


async def timed(pair: Pair, data: bytes) -> float:
    """Return the seconds from sending to having the whole echo."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    pair[1].write(data)
    assert await pair[0].readexactly(len(data)) == data
    return loop.time() - began


async def test_without_toxics_everything_passes_unchanged_both_ways() -> None:
    """A megabyte comes back byte for byte, and one side may end while the other goes on."""
    async with between() as (proxy, _):
        reader, writer = await through(proxy)
        data = random.Random(1).randbytes(1_000_000)

        async def send() -> None:
            writer.write(data)
            await writer.drain()
            writer.write_eof()

        async with asyncio.TaskGroup() as group:
            group.create_task(send())
            assert await reader.read(-1) == data
        assert proxy.passed == {"up": len(data), "down": len(data)}
        writer.close()


async def test_a_unix_socket_is_reached_over_tcp(tmp_path: Path) -> None:
    """The server beyond may listen on a Unix socket."""
    far, path = Far(), tmp_path / "far"
    async with asyncio.timeout(PATIENCE_S), await asyncio.start_unix_server(far.serve, path):
        async with TcpProxy(path) as proxy:
            pair = await through(proxy)
            await timed(pair, b"hello")
            pair[1].close()


async def test_latency_delays_each_direction_and_does_not_limit_throughput() -> None:
    """A round trip takes the delay of both ways; many chunks sent at once are late once, not one after the other."""
    async with between(Latency(delay_s=0.1)) as (proxy, _):
        pair = await through(proxy)
        assert await timed(pair, b"x") >= 0.2
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(20):
            pair[1].write(bytes([number]) * 60_000)
            await pair[1].drain()
        echo = await pair[0].readexactly(20 * 60_000)
        assert [echo[60_000 * number] for number in range(20)] == list(range(20))
        assert 0.2 <= loop.time() - began < 20 * 0.1
        proxy.set(Latency(delay_s=0.1, ways=("down",)))
        assert await timed(pair, b"x") >= 0.1
        pair[1].close()


async def test_jitter_is_drawn_from_the_seed_and_keeps_order() -> None:
    """The same seed draws the same delays, another one others; what waits longer is not overtaken."""
    toxics = (Latency(delay_s=0.01, jitter_s=0.05),)
    one, same, other = (
        [delay_of(toxics, chance) for _ in range(50)]
        for chance in (random.Random("1-0-up"), random.Random("1-0-up"), random.Random("2-0-up"))
    )
    assert one == same != other
    assert all(0.01 <= delay <= 0.06 for delay in one)
    async with between(*toxics) as (proxy, far):
        reader, writer = await through(proxy)
        for number in range(20):
            writer.write(b"%03d" % number)
            await writer.drain()
        wanted = b"".join(b"%03d" % number for number in range(20))
        assert await reader.readexactly(60) == wanted == bytes(far.heard)
        writer.close()


async def test_a_black_hole_holds_everything_until_it_is_lifted() -> None:
    """Nothing passes, not even an end; then all of it arrives."""
    async with between() as (proxy, far):
        reader, writer = await through(proxy)
        await timed((reader, writer), b"before")
        proxy.set(BlackHole())
        writer.write(b" held")
        writer.write_eof()
        assert await silent(reader)
        assert far.heard == b"before"
        assert not far.ended_at.done()
        proxy.clear()
        assert await reader.read(-1) == b" held"
        await far.ended_at
        writer.close()


async def test_a_black_hole_of_one_direction_lets_the_other_pass() -> None:
    """What is asked is heard and done, and its answer is held."""
    async with between(BlackHole(ways=("down",))) as (proxy, far):
        reader, writer = await through(proxy)
        writer.write(b"asked")
        writer.write_eof()
        await far.ended_at
        assert far.heard == b"asked"
        assert await silent(reader)
        writer.close()


async def test_a_reset_breaks_open_connections_and_refuses_new_ones() -> None:
    """Who waits for an answer sees a reset; so does who connects, until it is taken away."""
    async with between() as (proxy, _):
        pair = await through(proxy)
        await timed(pair, b"x")
        proxy.set(Reset())
        with pytest.raises(ConnectionResetError):
            await pair[0].readexactly(1)
        with pytest.raises(ConnectionError):
            await timed(await through(proxy), b"x")
        assert proxy.broken == 2
        proxy.clear()
        again = await through(proxy)
        await timed(again, b"x")
        again[1].close()


async def test_a_cut_breaks_what_is_open_and_nothing_later() -> None:
    """Open connections are reset, the next one is carried."""
    async with between() as (proxy, _):
        pairs = [await through(proxy) for _ in range(3)]
        for pair in pairs:
            await timed(pair, b"x")
        assert proxy.open == 3
        proxy.cut()
        for reader, _ in pairs:
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
        last = await through(proxy)
        await timed(last, b"x")
        last[1].close()


@pytest.mark.parametrize("size", [1, 1000, 70_000])
async def test_limited_data_ends_after_exactly_so_many_bytes(size: int) -> None:
    """So many bytes arrive, counted from when the limit was set, then the connection is at its end."""
    async with between() as (proxy, _):
        reader, writer = await through(proxy)
        await timed((reader, writer), b"not counted")
        proxy.set(Limit(size=size, ways=("down",)))
        writer.write(b"y" * (size + 500))
        assert await reader.read(-1) == b"y" * size
        assert proxy.broken == 1
        writer.close()


async def test_limited_data_may_end_in_a_reset() -> None:
    """The server sees part of a request, and a reset in place of its end."""
    async with between(Limit(size=5, reset=True, ways=("up",))) as (proxy, far):
        reader, writer = await through(proxy)
        writer.write(b"0123456789")
        with pytest.raises(ConnectionResetError):
            await reader.read(-1)
        await far.ended_at
        assert bytes(far.heard) in (b"01234", b"")
        writer.close()


async def test_bandwidth_is_not_exceeded() -> None:
    """Fifty kilobytes at 100 kB/s take half a second."""
    async with between(Bandwidth(bytes_per_s=100_000, ways=("up",))) as (proxy, _):
        pair = await through(proxy)
        assert await timed(pair, b"z" * 50_000) >= 0.49
        pair[1].close()


async def test_a_slow_close_tells_the_end_late_and_data_at_once() -> None:
    """Data passes as ever; the end arrives after the delay."""
    async with between(SlowClose(delay_s=0.2)) as (proxy, far):
        pair = await through(proxy)
        assert await timed(pair, b"x") < 0.2
        began = asyncio.get_running_loop().time()
        pair[1].write_eof()
        assert await far.ended_at - began >= 0.2
        pair[1].close()


async def test_who_is_beyond_nothing_is_reset() -> None:
    """When there is no server the client is told so by a reset, as a dead host's neighbour would."""
    async with asyncio.timeout(PATIENCE_S), TcpProxy(("127.0.0.1", 9)) as proxy:
        reader, writer = await through(proxy)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()
