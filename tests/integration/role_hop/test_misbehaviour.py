"""What crosses badly: too large, too slow, cut off, garbage."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from autobot.adapters.roles.transport import RoleTransport
from autobot.gateway.hop.parts import HopLimits
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    AutoBotError,
    BadAnswer,
    ConfigurationError,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
    TooLarge,
)
from autobot.kernel.links.hop_door import HopRow
from autobot.kernel.links.hop_wire import CHUNK, END_FRAME, ERROR, Frames, frame
from tests.integration.http_transport.server import CHUNKED, chunk, response, says, serving
from tests.integration.role_hop.kit import (
    CONTEXT,
    PATIENCE_S,
    MovableClock,
    Role,
    operation,
    role,
    text_wires,
    transport,
)

pytestmark = pytest.mark.anyio

ECHO, LETTERS = operation("echo"), operation("letters")
WIRES = text_wires("echo", "letters")


async def echo(payload: str, context: CallContext) -> str:
    """Answer the payload."""
    return payload


async def letters(payload: str, context: CallContext) -> AsyncIterator[str]:
    """Yield the payload's lines."""
    for line in payload.split("\n"):
        yield line


async def read(made: RoleTransport, target: str, payload: str, got: list[str]) -> None:
    """Read a stream."""
    async for one in made.stream(target, LETTERS, payload, CONTEXT):
        got.append(one)


# ------------------------------------------------------------------------------------------------- sizes


async def test_a_call_over_the_limit_is_not_sent() -> None:
    """The caller's own limit is kept before anything leaves."""
    async with role({"echo": echo}) as served, transport(WIRES, payload_max=1_024) as made:
        assert await made.call(served.address, ECHO, "x" * 1_000, CONTEXT) == "x" * 1_000
        with pytest.raises(TooLarge):
            await made.call(served.address, ECHO, "x" * 1_023, CONTEXT)
    assert len(served.arrivals) == 1


async def test_a_call_over_the_callee_s_limit_is_refused() -> None:
    """The role's limit holds whatever the caller's is, and the refusal is the caller's to raise."""
    limits = HopLimits(payload_bytes=1_024)
    async with role({"echo": echo}, limits=limits) as served, transport(WIRES) as made:
        with pytest.raises(TooLarge):
            await made.call(served.address, ECHO, "x" * 1_023, CONTEXT)
        assert await made.call(served.address, ECHO, "next", CONTEXT) == "next"


async def test_an_answer_over_the_limit_is_refused_not_cut() -> None:
    """A call whose answer is too large, or a stream with such a chunk, says so; what came before it is there."""
    limits = HopLimits(answer_bytes=1_024, frame_bytes=1_024)
    async with role({"echo": echo}, {"letters": letters}, limits=limits) as served, transport(WIRES) as made:
        with pytest.raises(TooLarge):
            await made.call(served.address, ECHO, "x" * 1_023, CONTEXT)
        got: list[str] = []
        with pytest.raises(TooLarge):
            await read(made, served.address, "a\n" + "x" * 1_023, got)
    assert got == ["a"]


@pytest.mark.parametrize(
    "broken",
    [{"payload_bytes": 1_023}, {"answer_bytes": 1 << 31}, {"deadline_s": 0.5}, {"disconnect_after_s": 0}],
)
def test_limits_are_checked_when_built(broken: dict[str, Any]) -> None:
    """A limit outside its range refuses to start."""
    with pytest.raises(ConfigurationError):
        HopLimits(**broken)


@pytest.mark.parametrize(
    "broken",
    [
        {"wires": {}, "calls": {"echo": echo}},
        {"wires": WIRES, "calls": {"letters": echo}, "streams": {"letters": letters}},
    ],
)
def test_rows_are_checked_when_built(broken: dict[str, Any]) -> None:
    """A handler without a wire, or of both kinds, refuses to start."""
    with pytest.raises(ConfigurationError):
        HopRow(row="gateway-backend", **broken)


# -------------------------------------------------------------------------------------------------- time


async def test_the_callee_ends_with_its_time() -> None:
    """When the role's own limit is over, the handler is cancelled and the caller hears why: also in a stream."""
    ended = asyncio.Semaphore(0)

    async def hang(payload: str, context: CallContext) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.release()
        raise AssertionError

    async def hanging(payload: str, context: CallContext) -> AsyncIterator[str]:
        yield "a"
        yield await hang(payload, context)

    limits = HopLimits(deadline_s=1)
    async with role({"echo": hang}, {"letters": hanging}, limits=limits) as served, transport(WIRES) as made:
        got: list[str] = []
        both = await asyncio.gather(
            made.call(served.address, ECHO, "", CONTEXT),
            read(made, served.address, "", got),
            return_exceptions=True,
        )
        async with asyncio.timeout(PATIENCE_S):
            await ended.acquire()
            await ended.acquire()
    assert [type(one) for one in both] == [DeadlineExceeded, DeadlineExceeded]
    assert got == ["a"]


async def test_a_handler_s_own_timeout_is_its_own() -> None:
    """A TimeoutError of the handler is a fault like any other, not the end of the caller's time."""

    async def late(payload: str, context: CallContext) -> str:
        raise TimeoutError

    async def later(payload: str, context: CallContext) -> AsyncIterator[str]:
        yield "a"
        raise TimeoutError

    async with role({"echo": late}, {"letters": later}) as served, transport(WIRES) as made:
        for work in (made.call(served.address, ECHO, "", CONTEXT), read(made, served.address, "", [])):
            with pytest.raises(AutoBotError) as raised:
                await work
            assert type(raised.value) is AutoBotError


# ----------------------------------------------------------------------------------------------- cut off


async def test_a_role_killed_in_the_middle_is_a_lost_connection() -> None:
    """A stream that a killed role did not end is broken, never finished, and so is a call."""
    async with role() as empty:
        served: Role = empty

        async def dies(payload: str, context: CallContext) -> str:
            other.kill()
            return payload

        async def stops(payload: str, context: CallContext) -> AsyncIterator[str]:
            yield "a"
            other.kill()
            yield "b"

        async with role({"echo": dies}, {"letters": stops}) as other, transport(WIRES) as made:
            with pytest.raises(ConnectionLost):
                await made.call(other.address, ECHO, "", CONTEXT)
            got: list[str] = []
            with pytest.raises(ConnectionLost):
                await read(made, other.address, "", got)
            assert got in (["a"], [])
        assert served.arrivals == []


@pytest.mark.parametrize(
    ("pieces", "kind", "got"),
    [
        ([frame(CHUNK, b'"a"')], ConnectionLost, ["a"]),
        ([frame(CHUNK, b'"a"'), b"c\x00\x00"], ConnectionLost, ["a"]),
        ([], ConnectionLost, []),
        ([frame(CHUNK, b"{")], BadAnswer, []),
        ([frame(CHUNK, b"5")], BadAnswer, []),
        ([b"<html>"], BadAnswer, []),
        ([frame(b"q", b"")], BadAnswer, []),
        ([b"c\xff\xff\xff\xff"], BadAnswer, []),
        ([frame(CHUNK, b'"a"'), END_FRAME, frame(CHUNK, b'"b"')], BadAnswer, ["a"]),
        ([END_FRAME, b"x"], BadAnswer, []),
        ([frame(ERROR, b"garbage")], BadAnswer, []),
        ([frame(CHUNK, b'"a"'), END_FRAME], None, ["a"]),
    ],
)
async def test_frames_that_break_their_form(
    pieces: list[bytes], kind: type[Exception] | None, got: list[str]
) -> None:
    """A stream that was cut, is garbage or goes on after its end raises; it never ends silently."""
    whole = b"".join(map(chunk, pieces)) + chunk(b"")
    async with serving({"/hop/letters": says(CHUNKED + whole)}) as server, transport(WIRES) as made:
        found: list[str] = []
        if kind is None:
            await read(made, server.address, "", found)
        else:
            with pytest.raises(kind) as raised:
                await read(made, server.address, "", found)
            assert getattr(raised.value, "link", "") == "gateway-backend"
    assert found == got


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1_000])
def test_frames_are_read_however_they_were_cut(size: int) -> None:
    """The pieces that a network makes of frames do not matter."""
    whole = frame(CHUNK, b'"ab"') + frame(CHUNK, b"") + frame(CHUNK, b"x" * 50) + END_FRAME
    frames = Frames()
    found = [one for at in range(0, len(whole), size) for one in frames.feed(whole[at : at + size])]
    assert [body for _, body in found] == [b'"ab"', b"", b"x" * 50, b""]
    frames.check_whole()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (response(b""), BadAnswer),
        (response(b"{"), BadAnswer),
        (response(b"5"), BadAnswer),
        (response(b"<html>", "500 Internal Server Error"), RemoteError),
        (response(b"", "503 Service Unavailable", "retry-after: 7"), RemoteError),
        (response(b'{"raised": 5}', "502 Bad Gateway"), RemoteError),
        (response(b'{"raised": {"code": "not-found"}}', "404 Not Found"), RemoteError),
        (response(b'{"status": 404}', "404 Not Found"), RemoteError),
    ],
)
async def test_answers_that_are_no_role_s(answer: bytes, kind: type[Exception]) -> None:
    """What another program answers, or a proxy between, is a failure of the hop and never a value or a refusal."""
    async with serving({"/hop/echo": says(answer)}) as server, transport(WIRES) as made:
        with pytest.raises(kind) as raised:
            await made.call(server.address, ECHO, "", CONTEXT)
    assert (type(raised.value), getattr(raised.value, "link", "")) == (kind, "gateway-backend")


async def test_it_sends_what_it_says() -> None:
    """A call is a POST of JSON with its token and context; the token is in no other place."""
    clock = MovableClock()
    async with serving({"/hop/echo": says(response(b'"x"'))}) as server, transport(WIRES, clock) as made:
        assert await made.call(server.address, ECHO, "hé", CONTEXT) == "x"
    (sent,) = server.requests
    assert (sent.method, sent.path, sent.body) == ("POST", "/hop/echo", '"hé"'.encode())
    assert sent.header("content-type") == "application/json"
    assert (sent.header("authorization") or "").startswith("Bearer s1.")
    assert (sent.header("x-correlation-id"), sent.header("baggage")) == ("c-1", "user_id=ann")
    assert ANN_NOWHERE not in str([one for one in sent.headers if one[0] != "authorization"])


ANN_NOWHERE = "key-1"
"""The principal's own id: it crosses in the token alone."""
