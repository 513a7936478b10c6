"""A server that refuses, resets, hangs, floods and talks nonsense: each gives its error of the tree, and nothing leaks."""

import asyncio
import gzip
import socket
from typing import Any

import pytest

from autobot.adapters.http.transport import ERROR_BODY_MAX
from autobot.kernel.core.errors import (
    AttemptTimeout,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    HopFailed,
    RemoteError,
    RemoteThrottled,
)
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.ports import HttpRequest
from autobot.kernel.links.registry import LinkRegistry, RowLink, Wired
from autobot.testing.virtual_time import seeded
from tests.integration.http_transport.kit import (
    CONTEXT,
    GET,
    Client,
    LoopClock,
    client_of,
    free_port,
    pair,
    read,
)
from tests.integration.http_transport.server import (
    CHUNKED,
    Answer,
    chunk,
    reset,
    response,
    says,
)

pytestmark = pytest.mark.anyio

PATIENCE_S = 10.0
ROW = "backend-crm"


# ---------------------------------------------------------------------------------------- before an answer


async def test_a_refused_connection() -> None:
    """Nobody listens: ConnectFailed, which is always safe to send again; it names link and target."""
    target = f"http://127.0.0.1:{free_port()}"
    async with client_of(target) as client:
        error = await client.failure("/")
    assert type(error) is ConnectFailed
    assert (error.link, error.target) == (ROW, target)


async def test_a_name_that_does_not_resolve() -> None:
    """The detail says that the name is the trouble."""
    async with client_of("http://nowhere.invalid") as client:
        error = await client.failure("/")
    assert type(error) is ConnectFailed
    assert "resolve" in error.detail


async def test_a_missing_unix_socket() -> None:
    """A worker that is not there is not reached."""
    async with client_of("unix:/tmp/there-is-no-such-socket") as client:
        assert type(await client.failure("/")) is ConnectFailed


async def test_a_server_that_takes_no_connection() -> None:
    """A full backlog leaves the connect hanging: AttemptTimeout in the phase *connect*."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            async with client_of(f"http://127.0.0.1:{full.getsockname()[1]}", connect_s=0.05) as client:
                error = await client.failure("/")
        finally:
            for one in waiting:
                one.close()
    assert type(error) is AttemptTimeout
    assert error.phase == "connect"


async def _reset(request: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (says(b"", then="close"), ConnectionLost),
        (_reset, ConnectionLost),
        (says(b"HTTP/1.1 200 OK\r\ncontent-le", then="close"), ConnectionLost),
        (says(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", then="close"), ConnectionLost),
        (says(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", then="reset"), ConnectionLost),
        (says(CHUNKED + chunk(b"whole") + b"a\r\nhalf", then="close"), ConnectionLost),
        (says(CHUNKED + chunk(b"whole"), then="close"), ConnectionLost),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), BadAnswer),
        (says(b"\x00\x01\x02\x03" * 64), BadAnswer),
        (says(b"HTTP/1.1 two hundred\r\n\r\n"), BadAnswer),
        (says(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"), BadAnswer),
        (says(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"), BadAnswer),
        (says(CHUNKED + b"zz\r\nnonsense\r\n"), BadAnswer),
        (says(response(b"this is no gzip", "200 OK", "content-encoding: gzip")), BadAnswer),
    ],
)
async def test_broken_answers(answer: Answer, expected: type[HopFailed]) -> None:
    """What was cut off is ConnectionLost, what breaks HTTP is BadAnswer; the next call is fine."""
    async with pair({"/broken": answer}) as (server, client):
        error = await client.failure("/broken")
        assert type(error) is expected
        assert isinstance(error, HopFailed)
        assert (error.link, error.target) == (ROW, server.address)
        assert (await client.call("/echo", method="POST", body=b"x")).body == b"x"


async def test_a_stream_cut_off_in_a_chunk_delivers_what_came() -> None:
    """Bytes before the cut arrive; then ConnectionLost."""
    async with pair({"/cut": says(CHUNKED + chunk(b"first") + b"a\r\nhalf", then="close")}) as (_, client):
        got: list[bytes] = []
        with pytest.raises(ConnectionLost):
            await read(client.stream("/cut"), got)
    assert b"".join(got).startswith(b"first")


# -------------------------------------------------------------------------------------------- error answers


async def test_an_error_status_is_raised_with_its_body() -> None:
    """RemoteError carries status and body for the adapter that knows the dialect; its detail shows neither."""
    async with pair({"/e": says(response(b'{"error":"secret text"}', "503 Busy"))}) as (_, client):
        error = await client.failure("/e")
    assert type(error) is RemoteError
    assert (error.status, error.body, error.retry_after) == (503, b'{"error":"secret text"}', None)
    assert "secret" not in error.detail


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Fri, 02 Jan 2026 03:04:35 GMT", 30.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("Friday, 02-Jan-26 03:04:35 GMT", 30.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("99999999999999999999", None),
    ],
)
async def test_retry_after_is_read_in_both_forms(field: str, seconds: float | None) -> None:
    """Seconds and HTTP dates (RFC 9110 §10.2.3); what is neither is ignored. 429 is RemoteThrottled."""
    answer = says(response(b"", "429 Too Many Requests", f"retry-after: {field}"))
    async with pair({"/slow": answer}) as (_, client):
        error = await client.failure("/slow")
    assert type(error) is RemoteThrottled
    assert error.retry_after == seconds


async def test_an_error_body_is_read_to_a_limit() -> None:
    """Of a flood behind an error status 64 KiB are kept, and the connection is closed."""
    flood = b"HTTP/1.1 500 Oops\r\ncontent-length: 100000000\r\n\r\n" + b"x" * 1_000_000
    async with pair({"/flood": says(flood)}) as (server, client):
        error = await client.failure("/flood")
        async with asyncio.timeout(PATIENCE_S):
            await server.closed.wait()
    assert isinstance(error, RemoteError)
    assert error.body == b"x" * ERROR_BODY_MAX


async def test_an_error_body_that_breaks_off_leaves_the_status() -> None:
    """The status says more than the break does."""
    half = b"HTTP/1.1 502 Bad\r\ncontent-length: 100\r\n\r\nhalf"
    async with pair({"/half": says(half, then="close")}) as (_, client):
        error = await client.failure("/half")
    assert isinstance(error, RemoteError)
    assert (error.status, error.body) == (502, b"half")


async def test_a_stream_answered_with_an_error_raises_before_its_first_chunk() -> None:
    """The reader of a stream hears of the error as the caller of a call does."""
    async with pair() as (_, client):
        with pytest.raises(RemoteError):
            await anext(client.stream("/fail"))


@pytest.mark.parametrize(
    ("status", "body"), [("204 No Content", b""), ("304 Not Modified", b""), ("302 Found", b"x")]
)
async def test_answers_below_400_are_answers(status: str, body: bytes) -> None:
    """Nothing is raised and no redirect is followed; header names come in lower case, repeated ones joined."""
    raw = response(body, status, "Location: /echo", "X-Two: a", "x-two: b")
    if not body:
        raw = raw.replace(b"content-length: 0\r\n", b"")
    async with pair({"/there": says(raw)}) as (server, client):
        answer = await client.call("/there")
    assert (answer.status, answer.body) == (int(status[:3]), body)
    assert (answer.headers["location"], answer.headers["x-two"]) == ("/echo", "a, b")
    assert [one.path for one in server.requests] == ["/there"]


# ---------------------------------------------------------------------------------------------------- floods


async def test_a_body_over_the_limit_is_not_read() -> None:
    """A declared length over the limit is refused at once, an undeclared flood when it passes the limit."""
    declared = says(b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n")
    for path, answer in (("/declared", declared), ("/endless", None)):
        async with pair({path: answer} if answer else {}) as (server, client):
            error = await client.failure(path, max_bytes=1000)
            assert type(error) is BadAnswer
            async with asyncio.timeout(PATIENCE_S):
                await server.closed.wait()


async def test_a_stream_over_the_limit_is_cut() -> None:
    """Chunks up to the limit arrive, then BadAnswer; the other side notices."""
    async with pair() as (server, client):
        got: list[bytes] = []
        with pytest.raises(BadAnswer):
            await read(client.stream("/endless", max_bytes=10_000), got)
        assert 0 < len(b"".join(got)) <= 10_000
        async with asyncio.timeout(PATIENCE_S):
            await server.other.left.wait()


async def test_the_limit_counts_what_was_packed() -> None:
    """A small answer that unpacks to a large one is cut at the limit, too."""
    packed = gzip.compress(b"\0" * 10_000_000)
    answer = says(response(packed, "200 OK", "content-encoding: gzip"))
    async with pair({"/bomb": answer}) as (_, client):
        assert type(await client.failure("/bomb", max_bytes=1_000_000)) is BadAnswer


async def test_a_stream_asks_for_plain_bytes() -> None:
    """Packed streams would come in the packer's pieces; a call takes packed answers."""
    async with pair() as (server, client):
        assert b"".join([piece async for piece in client.stream("/count")]) == b"abc"
        await client.call("/echo")
    streamed, called = server.requests
    assert streamed.header("accept-encoding") == "identity"
    assert "gzip" in (called.header("accept-encoding") or "")


# ---------------------------------------------------------------------------------------------------- hangs


def linked(client: Client, **policy: Any) -> RowLink:
    """The client's transport behind a row of the matrix."""
    row = {
        "pattern": "streaming",
        "transport": "http",
        "error_handling": "propagate",
        "idempotency": "effect-free",
        **policy,
    }
    registry = LinkRegistry(Matrix({ROW: row}), LoopClock(), seeded())
    registry.wire(ROW, Wired(transport=client.transport, targets=(client.target,)))
    return registry.link(ROW)


async def test_a_server_that_hangs_is_given_up() -> None:
    """The row's timeout ends the attempt, and the other side sees the connection close."""
    async with pair() as (server, client):
        link = linked(client, timeout=0.1)
        with pytest.raises(AttemptTimeout):
            await link.call(GET, HttpRequest(method="GET", path="/hang"), CONTEXT)
        async with asyncio.timeout(PATIENCE_S):
            await server.other.left.wait()


async def test_a_stream_that_falls_silent_is_given_up() -> None:
    """The gap between two chunks is bounded; what came before is delivered."""

    async def silent(request: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(b"a"))
        await reader.read(1)
        raise ConnectionResetError

    async with pair({"/silent": silent}) as (_, client):
        got: list[bytes] = []
        request = HttpRequest(method="GET", path="/silent")
        with pytest.raises(AttemptTimeout) as caught:
            await read(linked(client, timeout=0.1).stream(GET, request, CONTEXT), got)
    assert (got, caught.value.phase) == ([b"a"], "gap")


async def test_a_refused_target_is_tried_again_by_the_row() -> None:
    """The row's retries reach the server as further requests, marked as such, and nobody else retries."""
    answers = iter([says(b"", then="close"), says(b"", then="close"), says(response(b"third"))])

    async def flaky(request: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(answers)(request, reader, writer)

    async with pair({"/flaky": flaky}, internal=True) as (server, client):
        link = linked(client, timeout=5.0, retry={"max": 2, "backoff": "immediate", "delay": 0.0})
        answer = await link.call(GET, HttpRequest(method="GET", path="/flaky"), CONTEXT)
    assert answer.body == b"third"
    assert [one.header("x-attempt") for one in server.requests] == [None, "1", "2"]
