"""Our own connections: framing in its corners, bytes that nobody asked for, waiting in line, idle ones, slow readers."""

import asyncio
import random
import socket

import pytest

from autobot.adapters.http.client import LibraryClient
from autobot.adapters.http.connection import UNREAD_MAX
from autobot.adapters.http.plain import PlainClient
from autobot.adapters.http.transport import HttpOptions, HttpTransport, MakeClient
from autobot.kernel.core.errors import BadAnswer, ConnectFailed, ConnectionLost
from autobot.kernel.links.ports import HttpRequest
from tests.integration.http_transport.kit import CONTEXT, GET, LoopClock, client_of, pair
from tests.integration.http_transport.server import CHUNKED, Request, chunk, response, says, serving

pytestmark = pytest.mark.anyio
PATIENCE_S = 10.0


async def _until(condition: object) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0)


async def test_interim_answers_are_passed_over() -> None:
    """100 and 103 come before an answer and are none (RFC 9110 §15.2)."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    async with pair({"/i": says(interim + response(b"there"))}) as (server, client):
        answer = await client.call("/i")
        await client.call("/health")
    assert (answer.status, answer.body) == (200, b"there")
    assert "link" not in answer.headers
    assert server.connections == 1


@pytest.mark.parametrize("made", [PlainClient, LibraryClient])
async def test_interim_answers_without_end_are_no_answer(made: MakeClient) -> None:
    """A server that says "not yet" again and again keeps nobody: it does not answer as HTTP demands."""
    flood = b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000
    async with serving({"/i": says(flood + response(b"there"))}) as server:
        transport = HttpTransport("backend-crm", HttpOptions(), LoopClock(), random.Random(1), client=made)
        with pytest.raises(BadAnswer):
            await transport.call(server.address, GET, HttpRequest(method="GET", path="/i"), CONTEXT)
        await transport.close()


async def test_a_body_without_length_ends_with_its_connection() -> None:
    """RFC 9112 §6.3: neither length nor chunks means until the close; the connection is not used again."""
    async with pair({"/c": says(b"HTTP/1.1 200 OK\r\n\r\nall of it", then="close")}) as (server, client):
        assert (await client.call("/c")).body == b"all of it"
        await client.call("/health")
    assert server.connections == 2


async def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    """`Connection: close` is heard."""
    async with pair({"/last": says(response(b"x", "200 OK", "connection: close"))}) as (server, client):
        await client.call("/last")
        await client.call("/health")
    assert server.connections == 2


async def test_an_upgrade_is_not_followed() -> None:
    """101 answers a question that was not asked."""
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    async with pair({"/u": says(upgrade)}) as (_, client):
        assert type(await client.failure("/u")) is BadAnswer


async def test_the_answer_to_head_has_no_body() -> None:
    """Its length tells what a GET would bring."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
    async with pair({"/h": says(head)}) as (_, client):
        answer = await client.call("/h", method="HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "1000")


async def test_a_second_answer_is_given_to_nobody() -> None:
    """Bytes after an answer, at once or later, close the connection: they must not answer the next call."""
    late = asyncio.Event()

    async def twice(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"first") + response(b"second"))

    async def later(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"first"))
        await late.wait()
        writer.write(response(b"unasked"))

    async with pair({"/twice": twice, "/later": later}) as (server, client):
        assert (await client.call("/twice")).body == b"first"
        assert (await client.call("/echo", method="POST", body=b"own")).body == b"own"
        assert (await client.call("/later")).body == b"first"
        late.set()
        await _until(lambda: server.open == 0)
        assert (await client.call("/echo", method="POST", body=b"own")).body == b"own"


async def test_trailers_are_no_fields() -> None:
    """What follows the last chunk is read and left (RFC 9112 §7.1.2)."""
    trailed = CHUNKED + chunk(b"a") + b"0\r\nx-late: 1\r\n\r\n"
    async with pair({"/t": says(trailed)}) as (server, client):
        answer = await client.call("/t")
        await client.call("/health")
    assert (answer.body, answer.headers.get("x-late")) == (b"a", None)
    assert server.connections == 1


async def test_who_gives_up_in_line_takes_no_place_with_it() -> None:
    """A call that is cancelled while it waits for a connection, or while it has one, leaves room for the next."""
    async with serving() as server, client_of(server.address, connections_min=1, connections_max=1) as client:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            holding = group.create_task(client.call("/hang"))
            await server.other.hanging.wait()
            waiting = [group.create_task(client.call("/health")) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            holding.cancel()
        assert [one.cancelled() for one in (holding, *waiting)] == [True, True, False, False]
        assert [one.result().status for one in waiting[1:]] == [200, 200]
        assert server.most <= 2


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    """Nothing stays open for a target that nobody calls."""
    async with serving() as server, client_of(server.address, idle_s=1.0) as client:
        await client.call("/health")
        assert server.open == 1
        await _until(lambda: server.open == 0)


async def test_closing_ends_calls_that_run_and_calls_that_wait() -> None:
    """After the transport is closed nobody waits for ever."""
    async with serving() as server, client_of(server.address, connections_min=1, connections_max=1) as client:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            tasks = [group.create_task(client.failure("/hang")) for _ in range(3)]
            await server.other.hanging.wait()
            await client.transport.close()
    assert [type(one.result()) for one in tasks] == [ConnectionLost, ConnectFailed, ConnectFailed]


async def test_a_slow_reader_slows_the_sender() -> None:
    """A body that nobody reads stays with the server, but for a bounded part of it."""
    sent = 0

    async def pours(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        writer.write(CHUNKED)
        for _ in range(1024):
            writer.write(chunk(b"." * 65_536))
            await writer.drain()
            sent += 65_536
        writer.write(chunk(b""))

    async with pair({"/pour": pours}) as (_, client):
        stream = client.stream("/pour", max_bytes=1 << 30)
        first = await anext(stream)
        before = -1
        while sent > before:
            before = sent
            for _ in range(200):
                await asyncio.sleep(0)
        assert sent < 32 * UNREAD_MAX
        rest = [len(piece) async for piece in stream]
    assert len(first) + sum(rest) == 1024 * 65_536
