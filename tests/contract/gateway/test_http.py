"""HTTP over a real connection: limits that end uploads, HEAD, reuse after a refusal, clients that leave."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.contract.gateway.serving import Served, serving

pytestmark = pytest.mark.anyio

AUTH = "Authorization: Bearer alice-key\r\n"
JSON = AUTH + "Content-Type: application/json\r\n"


@dataclass
class Answer:
    """A whole answer."""

    status: int
    fields: dict[str, str]
    body: bytes


class Connection:
    """An HTTP/1.1 connection by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def write(self, text: str | bytes) -> None:
        self.writer.write(text if isinstance(text, bytes) else text.encode())

    def request(self, line: str, fields: str = "", body: bytes = b"") -> None:
        self.write(f"{line} HTTP/1.1\r\nHost: autobot.test\r\n{fields}\r\n")
        self.write(body)

    async def answer(self, *, head: bool = False) -> Answer:
        async with asyncio.timeout(10):
            raw = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = raw.strip().split("\r\n")
            fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = 0 if head else int(fields.get("content-length", "0"))
            return Answer(int(first.split()[1]), fields, await self.reader.readexactly(length))


@contextlib.asynccontextmanager
async def connected(served: Served) -> AsyncIterator[Connection]:
    """Open a connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


async def test_a_connection_is_reused_after_refusals() -> None:
    """Unauthorized, unknown and malformed requests leave the connection in order for the next one."""
    async with serving() as served, connected(served) as client:
        wanted = [
            ("GET /api/v1/chat/mine", "", b"", 401),
            ("GET /api/v1/nothing", AUTH, b"", 404),
            ("POST /api/v1/chat/things", JSON + "Content-Length: 1\r\n", b"{", 400),
            ("DELETE /api/v1/chat/things", AUTH, b"", 405),
            ("GET /api/v1/chat/mine", AUTH, b"", 200),
        ]
        for line, fields, body, status in wanted:
            client.request(line, fields, body)
            assert (await client.answer()).status == status


async def test_a_refused_body_does_not_become_the_next_request() -> None:
    """What follows a refusal on the same connection is never read as a request of its own."""
    async with serving() as served, connected(served) as client:
        smuggled = b"GET /api/v1/chat/mine HTTP/1.1\r\nHost: x\r\n\r\n"
        client.request(
            "POST /api/v1/chat/things",
            f"Content-Type: text/plain\r\nContent-Length: {len(smuggled)}\r\n",
            smuggled,
        )
        assert (await client.answer()).status in (401, 415)
        client.request("GET /api/v1/system/health/live")
        assert json.loads((await client.answer()).body) == {"status": "live"}


async def test_an_upload_over_the_limit_ends_while_it_is_sent() -> None:
    """A chunked body is cut off at the limit; a declared one is refused unread, without 100 Continue."""
    async with serving() as served:
        async with connected(served) as client:
            client.request("POST /api/v1/chat/things", JSON + "Transfer-Encoding: chunked\r\n")
            chunk = b"40000\r\n" + b" " * 0x40000 + b"\r\n"
            for _ in range(5):
                client.write(chunk)
            assert (await client.answer()).status == 413
        async with connected(served) as client:
            fields = JSON + "Content-Length: 99999999\r\nExpect: 100-continue\r\n"
            client.request("POST /api/v1/chat/things", fields)
            assert (await client.answer()).status == 413


async def test_head_has_the_fields_of_get_and_no_body() -> None:
    """HEAD tells the length that GET would have, and the connection goes on."""
    async with serving() as served, connected(served) as client:
        client.request("HEAD /api/v1/chat/things/x", AUTH)
        head = await client.answer(head=True)
        client.request("GET /api/v1/chat/things/x", AUTH)
        got = await client.answer()
        assert head.fields["content-length"] == got.fields["content-length"] == str(len(got.body))
        assert head.fields["etag"] == got.fields["etag"]
        client.request("HEAD /api/v1/events/stream?channel=system", AUTH)
        assert (await client.answer(head=True)).status == 200
        client.request("GET /api/v1/system/health/live")
        assert (await client.answer()).status == 200


async def test_not_modified_has_no_body_on_the_wire() -> None:
    """A 304 is followed at once by the next answer."""
    async with serving() as served, connected(served) as client:
        client.request("GET /openapi.json")
        tag = (await client.answer()).fields["etag"]
        client.request("GET /openapi.json", f"If-None-Match: {tag}\r\n")
        client.request("GET /api/v1/system/health/live")
        assert (await client.answer()).status == 304
        assert json.loads((await client.answer()).body) == {"status": "live"}


async def test_a_client_that_leaves_ends_its_work() -> None:
    """A request whose client went away is cancelled; the server can stop without waiting for it."""
    async with serving() as served:
        async with connected(served) as client:
            client.request("GET /api/v1/chat/slow", AUTH)
            await client.writer.drain()
            async with asyncio.timeout(5):
                while not served.server.server_state.tasks:
                    await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while served.server.server_state.tasks:
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    "field", ["X-Correlation-ID: a\r\nX-Correlation-ID: b\r\n", "Idempotency-Key: \r\n", "Cookie: ;;;=\r\n"]
)
async def test_odd_fields_are_borne(field: str) -> None:
    """Doubled and empty fields do not upset a read."""
    async with serving() as served, connected(served) as client:
        client.request("GET /api/v1/chat/mine", AUTH + field)
        assert (await client.answer()).status == 200


@pytest.mark.parametrize(
    "raw",
    [
        "GET /api/v1/chat/mine\r\n\r\n",
        "GET / HTTP/1.1\r\nBad Field: x\r\n\r\n",
        "\x16\x03\x01 hello\r\n\r\n",
        "POST /api/v1/chat/things HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/chat/things HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_400_and_the_end(raw: str) -> None:
    """Broken requests, and lengths that contradict one another, are refused and the connection is closed."""
    async with serving() as served, connected(served) as client:
        client.write(raw)
        answered = await client.reader.read()
        assert answered.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401")) or answered == b""
        if answered:
            head, _, body = answered.partition(b"\r\n\r\n")
            assert b"content-type: application/problem+json" in head.lower()
            assert json.loads(body)["status"] == int(head.split()[1])
        assert answered.count(b"HTTP/1.1 ") <= 1
        async with connected(served) as other:
            other.request("GET /api/v1/system/health/live")
            assert (await other.answer()).status == 200
