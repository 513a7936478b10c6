"""Connections are reused, follow the concurrency that is seen, and carry only what belongs on them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from autobot.kernel.core.errors import ConnectionLost, Forbidden
from autobot.kernel.links.propagation import CONTEXT_FIELDS
from autobot.testing.virtual_time import ManualClock
from tests.integration.http_transport.kit import CONTEXT, LoopClock, client_of
from tests.integration.http_transport.server import Answer, Request, response, says, serving

pytestmark = pytest.mark.anyio


class Gate:
    """Answers only when it is opened; `full` is set when `number` requests wait."""

    def __init__(self, number: int) -> None:
        self.number, self.waiting = number, 0
        self.full, self.opened = asyncio.Event(), asyncio.Event()

    def answer(self) -> Answer:
        """The answer of a path."""

        async def held(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.waiting += 1
            if self.waiting == self.number:
                self.full.set()
            await self.opened.wait()
            writer.write(response())

        return held


async def test_one_connection_serves_calls_one_after_the_other() -> None:
    """Ten calls take one connection; the listener hears of one new and nine reused."""
    async with serving() as server, client_of(server.address) as client:
        for _ in range(10):
            await client.call("/health")
        assert server.connections == 1
        count = "http_client_connections_total"
        assert (client.heard.of(count, state="new"), client.heard.of(count, state="reused")) == (1, 9)


async def test_connections_may_be_kept_for_nobody() -> None:
    """With `idle_s = 0` each call takes a connection of its own: for servers that close without saying so."""
    async with serving() as server, client_of(server.address, idle_s=0.0) as client:
        for _ in range(3):
            await client.call("/health")
        assert server.connections == 3


async def test_a_stream_that_was_read_to_its_end_gives_its_connection_back() -> None:
    """The next call goes over the same connection."""
    async with serving() as server, client_of(server.address) as client:
        assert b"".join([piece async for piece in client.stream("/count")]) == b"abc"
        await client.call("/health")
        assert server.connections == 1


async def test_answers_are_measured() -> None:
    """The sizes of answers are told to the listener by link."""
    async with serving() as server, client_of(server.address) as client:
        await client.call("/echo", method="POST", body=b"12345")
        [piece async for piece in client.stream("/count")]
        sizes = [value for name, value, _ in client.heard.counts if name == "http_client_response_body_bytes"]
        assert sizes == [5, 3]


async def test_the_pool_grows_with_the_calls_in_flight() -> None:
    """Forty calls at once get forty connections, though the pool begins with four: none waits below the bound."""
    gate = Gate(40)
    async with serving({"/gate": gate.answer()}) as server, client_of(server.address) as client:
        async with asyncio.TaskGroup() as group:
            for _ in range(40):
                group.create_task(client.call("/gate"))
            async with asyncio.timeout(10):
                await gate.full.wait()
            gate.opened.set()
        assert server.most == 40


async def test_the_pool_never_exceeds_its_bound() -> None:
    """With at most five connections forty calls are answered five at a time."""
    gate = Gate(5)
    async with (
        serving({"/gate": gate.answer()}) as server,
        client_of(server.address, connections_max=5) as client,
    ):
        async with asyncio.TaskGroup() as group:
            for _ in range(40):
                group.create_task(client.call("/gate"))
            async with asyncio.timeout(10):
                await gate.full.wait()
            assert gate.waiting == 5
            gate.opened.set()
        assert (server.most, len(server.requests)) == (5, 40)


async def test_the_pool_falls_back_after_a_burst() -> None:
    """A minute after a burst of forty the surplus connections are closed, although light traffic keeps touching them."""
    gate, clock = Gate(40), ManualClock()
    async with serving({"/gate": gate.answer()}) as server, client_of(server.address, clock) as client:
        async with asyncio.TaskGroup() as group:
            for _ in range(40):
                group.create_task(client.call("/gate"))
            await gate.full.wait()
            gate.opened.set()
        for _ in range(3):
            clock.advance(31.0)
            await client.call("/health")
        for _ in range(40):
            await client.call("/health")
        async with asyncio.timeout(10):
            while server.open > 4:
                await asyncio.sleep(0)
        assert server.connections == 40


async def test_nothing_is_sent_twice_behind_the_rows_back() -> None:
    """A kept connection that breaks on its second request fails the call; only the row decides to send again."""
    answers = iter([says(response()), says(b"", then="close")])

    async def once(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(answers)(request, reader, writer)

    async with serving({"/once": once}) as server, client_of(server.address) as client:
        await client.call("/once")
        assert type(await client.failure("/once")) is ConnectionLost
        assert len(server.requests) == 2


async def test_a_role_of_this_installation_gets_the_whole_context() -> None:
    """Trace, state, correlation id, deadline, baggage and attempt travel to internal targets."""
    context = replace(
        CONTEXT, deadline=LoopClock().monotonic() + 30, attempt=1, baggage=(("user_id", "ann"),)
    )
    async with serving() as server, client_of(server.address, internal=True) as client:
        await client.call("/health", context=context)
    sent = dict(server.requests[0].headers)
    assert (sent["x-correlation-id"], sent["tracestate"], sent["baggage"]) == (
        "c-1",
        "congo=1",
        "user_id=ann",
    )
    assert (sent["x-attempt"], sent["x-retry-scope"]) == ("1", "caller")
    assert 29_000 < int(sent["x-deadline-ms"]) <= 30_000
    assert sent["traceparent"].split("-")[1] == "1" * 32


async def test_a_stranger_gets_no_identity() -> None:
    """Targets outside the installation see trace, correlation id and what is left of the deadline, nothing of the caller."""
    context = replace(
        CONTEXT, deadline=LoopClock().monotonic() + 30, attempt=1, baggage=(("user_id", "ann"),)
    )
    async with serving() as server, client_of(server.address) as client:
        await client.call("/health", context=context)
    sent = dict(server.requests[0].headers)
    assert set(sent) & CONTEXT_FIELDS == {"traceparent", "tracestate", "x-correlation-id", "x-deadline-ms"}
    assert sent["user-agent"] == "autobot"


async def test_a_caller_cannot_forge_context_or_framing() -> None:
    """Fields that carry context or frame the message are the transport's own, whatever their case."""
    forged = {
        "Traceparent": "00-x",
        "BAGGAGE": "user_id=root",
        "X-Attempt": "9",
        "Content-Length": "99",
        "Host": "evil",
    }
    async with serving() as server, client_of(server.address) as client:
        answer = await client.call("/echo", method="POST", body=b"abc", headers={**forged, "X-Own": "1"})
    request = server.requests[0]
    assert answer.body == b"abc"
    assert (request.header("content-length"), request.header("x-own")) == ("3", "1")
    assert request.header("baggage") is None
    assert request.header("host") == server.address.removeprefix("http://")
    assert [name for name, _ in request.headers].count("traceparent") == 1


async def test_nothing_is_remembered_between_calls() -> None:
    """Cookies that a target sets do not come back to it."""
    answer = says(response(b"", "200 OK", "set-cookie: who=ann; path=/"))
    async with serving({"/set": answer}) as server, client_of(server.address) as client:
        await client.call("/set")
        await client.call("/health")
    assert server.requests[1].header("cookie") is None


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call goes to its target and nowhere else."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving() as server, client_of(server.address) as client:
        await client.call("/health")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0x7f000001",
        "2130706433",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127。0。0。1",
    ],
)
async def test_a_guarded_transport_does_not_reach_this_machine(host: str) -> None:
    """Whatever notation an address hides behind, it is judged after it was resolved, and nothing is sent."""
    async with serving() as server:
        port = server.address.rpartition(":")[2]
        async with client_of(f"http://{host}:{port}", guarded=True) as client:
            error: Any = await client.failure("/health")
    assert type(error) is Forbidden
    assert (server.connections, server.requests) == (0, [])
