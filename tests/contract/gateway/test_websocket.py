"""RFC 6455 and the session protocol over a real server, with a real client and with one that breaks rules."""

import asyncio
import json
import struct
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.contract.gateway.serving import (
    BINARY,
    CLOSE,
    CONTINUATION,
    LIMITS,
    PING,
    PONG,
    TEXT,
    Served,
    raw_socket,
    serving,
)
from tests.unit.gateway.channels import RUN, seqs, text_of

pytestmark = pytest.mark.anyio

KEY = {"Authorization": "Bearer alice-key"}


def socket(served: Served, headers: dict[str, str] | None = None, **options: Any) -> connect:
    """Dial `/ws` as alice."""
    return connect(
        f"ws://127.0.0.1:{served.port}/ws", additional_headers=KEY if headers is None else headers, **options
    )


async def ask(connection: ClientConnection, **frame: Any) -> None:
    """Send a frame."""
    await connection.send(json.dumps(frame))


async def hear(connection: ClientConnection) -> dict[str, Any]:
    """Receive a frame."""
    async with asyncio.timeout(5):
        found: dict[str, Any] = json.loads(await connection.recv())
    return found


async def until(connection: ClientConnection, kind: str, count: int = 1) -> list[dict[str, Any]]:
    """Receive until the frame of this type came so often."""
    received: list[dict[str, Any]] = []
    while sum(one["type"] == kind for one in received) < count:
        received.append(await hear(connection))
    return received


async def closed(connection: ClientConnection) -> int:
    """Return the code that the server closes with."""
    async with asyncio.timeout(5):
        try:
            while True:
                await connection.recv()
        except ConnectionClosed as ended:
            return ended.rcvd.code if ended.rcvd is not None else 1006


# ------------------------------------------------------------------------------------------------ sessions


async def test_a_session_follows_resumes_and_pings() -> None:
    """Subscribe, history, live facts, text, ping and unsubscribe work over one socket."""
    async with serving() as served, socket(served) as client:
        served.source.fact(RUN)
        await ask(client, type="subscribe", channel=RUN, after=0)
        received = await until(client, "event")
        assert received[0] == {"type": "subscribed", "channel": RUN, "seq": 1}
        served.source.write(RUN, "Hi 🙂")
        served.source.fact(RUN)
        received += await until(client, "event")
        assert seqs(received) == [1, 2]
        assert text_of(received) == "Hi 🙂"
        await ask(client, type="unsubscribe", channel=RUN)
        await ask(client, type="ping")
        assert await hear(client) == {"type": "pong"}
        served.source.fact(RUN)
        await ask(client, type="ping")
        assert await hear(client) == {"type": "pong"}


async def test_a_reconnect_misses_nothing() -> None:
    """What happens between two sockets is given to the second one by `after`."""
    async with serving() as served:
        async with socket(served) as client:
            await ask(client, type="subscribe", channel=RUN)
            await until(client, "subscribed")
            served.source.fact(RUN)
            assert seqs(await until(client, "event")) == [1]
        served.source.fact(RUN)
        served.source.fact(RUN)
        async with socket(served) as client:
            await ask(client, type="subscribe", channel=RUN, after=1)
            assert seqs(await until(client, "event", 2)) == [2, 3]


async def test_broken_frames_are_told_and_borne() -> None:
    """A frame that is no JSON gets a problem; the session goes on."""
    async with serving() as served, socket(served) as client:
        for text in ("{", "[]", '{"type":"subscribe","channel":"../x"}'):
            await client.send(text)
            told = await hear(client)
            assert told["type"] == "error"
            assert told["problem"]["code"] in ("malformed", "validation")
            assert told["problem"]["correlation_id"]
        await ask(client, type="ping")
        assert (await hear(client))["type"] == "pong"


async def test_foreign_channels_are_refused_by_name() -> None:
    """A channel that is not the caller's is told as not found; the socket stays."""
    async with serving() as served, socket(served) as client:
        served.source.owner = "bea"
        await ask(client, type="subscribe", channel=RUN, after=0)
        told = await hear(client)
        assert (told["type"], told["channel"], told["problem"]["status"]) == ("error", RUN, 404)


# ----------------------------------------------------------------------------------------------- handshake


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Cookie": "autobot_session=ended"}, 401),
        ({"Cookie": "autobot_session=alice-session", "Origin": "https://evil.test"}, 403),
        ({"Cookie": "autobot_session=alice-session", "Origin": "null"}, 403),
    ],
)
async def test_the_handshake_is_refused_with_a_problem(headers: dict[str, str], status: int) -> None:
    """Without a credential, or from another site's page, no socket opens; the answer is a problem document."""
    async with serving() as served:
        with pytest.raises(InvalidStatus) as refused:
            async with socket(served, headers):
                pass
        response = refused.value.response
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert json.loads(response.body)["status"] == status


async def test_our_own_page_opens_a_socket_by_cookie() -> None:
    """A browser session with our own Origin needs nothing else."""
    async with serving() as served:
        headers = {"Cookie": "autobot_session=alice-session", "Origin": served.origin}
        async with socket(served, headers) as client:
            await ask(client, type="ping")
            assert (await hear(client))["type"] == "pong"
            assert client.response is not None
            assert client.response.headers["x-correlation-id"]


async def test_other_addresses_have_no_socket() -> None:
    """A WebSocket to an address of HTTP is 404."""
    async with serving() as served:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://127.0.0.1:{served.port}/api/v1/chat/mine", additional_headers=KEY):
                pass
        assert refused.value.response.status_code == 404


# --------------------------------------------------------------------------------------------- close codes


async def test_a_socket_ends_with_its_credential() -> None:
    """A key that expires, is revoked, or is signed out takes its sockets with it (1008)."""
    async with serving() as served:
        served.expire_key("short", after_s=0.1)
        async with socket(served, {"Authorization": "Bearer short"}) as client:
            assert await closed(client) == 1008
        served.credentials.keys["soon"] = served.credentials.keys["alice-key"]
        async with socket(served, {"Authorization": "Bearer soon"}) as client:
            del served.credentials.keys["soon"]
            assert await closed(client) == 1008
        async with socket(served) as client:
            await ask(client, type="ping")
            await hear(client)
            served.source.fanout.sign_out(user_id="alice")
            assert await closed(client) == 1008


async def test_stopping_says_come_again() -> None:
    """A server that is about to stop closes its sockets with 1012."""
    async with serving() as served:
        client = await socket(served)
        await ask(client, type="ping")
        await hear(client)
        served.lifecycle.drain()
        assert await closed(client) == 1012


async def test_a_client_may_close_and_is_forgotten() -> None:
    """After a close nothing is kept of the session."""
    async with serving() as served:
        async with socket(served) as client:
            await ask(client, type="subscribe", channel=RUN)
            await until(client, "subscribed")
            assert served.source.fanout.sessions == 1
        async with asyncio.timeout(5):
            while served.source.fanout.sessions:
                await asyncio.sleep(0)
        assert not served.source.fanout.listens(RUN)


async def test_a_slow_client_is_told_to_resync_and_the_others_go_on() -> None:
    """A client that does not read gets a resync when it does, and no other client waits for it."""
    async with serving() as served, socket(served) as quick, raw_socket(served) as slow:
        await slow.frame(TEXT, b'{"type":"subscribe","channel":"system"}')
        await slow.receive()
        await ask(quick, type="subscribe", channel="system")
        await until(quick, "subscribed")
        channel, sent = served.source.channel("system"), 0
        while served.source.fanout.followers("system") == 2:
            sent += 1
            assert sent < 3_000, "the slow client was never told"
            served.source.fact("system", "x" * 60_000)
            assert seqs(await until(quick, "event")) == [len(channel.facts)]
        async with asyncio.timeout(20):
            while True:
                _, payload = await slow.receive()
                if b"resync" in payload[:20]:
                    break
        assert json.loads(payload) == {"type": "resync", "channel": "system", "reason": "slow"}


# ------------------------------------------------------------------------------------------------- RFC 6455


async def test_binary_is_1003_oversize_1009() -> None:
    """A message of another type, or too long, ends the session with its own code."""
    async with serving() as served:
        async with raw_socket(served) as client:
            await client.frame(BINARY, b"{}")
            assert await client.close_code() == 1003
        async with raw_socket(served) as client:
            await client.frame(TEXT, b" " * (LIMITS.frame_bytes + 1))
            assert await client.close_code() == 1009


async def test_an_oversize_message_in_fragments_is_1009() -> None:
    """The limit holds for the message, however it is cut."""
    async with serving() as served, raw_socket(served) as client:
        await client.frame(TEXT, b" " * 1500, fin=False)
        await client.frame(CONTINUATION, b" " * 1500)
        assert await client.close_code() == 1009


@pytest.mark.parametrize(
    "payload", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b'{"type":"\xc3']
)
async def test_bad_utf8_is_1007(payload: bytes) -> None:
    """A text message that is no UTF-8 ends the session with 1007."""
    async with serving() as served, raw_socket(served) as client:
        await client.frame(TEXT, payload)
        assert await client.close_code() == 1007


async def test_a_character_may_be_cut_by_fragments() -> None:
    """UTF-8 is judged over the whole message; control frames may come between its fragments."""
    async with serving() as served, raw_socket(served) as client:
        text = '{"type":"ping","note":"ü"}'.encode()
        cut = text.index(b"\xc3") + 1
        await client.frame(TEXT, text[:cut], fin=False)
        await client.frame(PING, b"between")
        await client.frame(CONTINUATION, text[cut:])
        assert await client.receive() == (PONG, b"between")
        opcode, payload = await client.receive()
        assert (opcode, json.loads(payload)) == (TEXT, {"type": "pong"})


async def broken(client: Any, kind: str) -> None:
    """Break one rule of RFC 6455."""
    match kind:
        case "unmasked":
            await client.frame(TEXT, b"{}", masked=False)
        case "reserved bits":
            await client.frame(TEXT, b"{}", rsv=3)
        case "reserved opcode":
            await client.frame(3, b"x")
        case "reserved control opcode":
            await client.frame(11, b"x")
        case "fragmented ping":
            await client.frame(PING, b"x", fin=False)
        case "long ping":
            await client.frame(PING, b"x" * 126)
        case "continuation of nothing":
            await client.frame(CONTINUATION, b"x")
        case "text inside text":
            await client.frame(TEXT, b"a", fin=False)
            await client.frame(TEXT, b"b")
        case "close with one byte":
            await client.frame(CLOSE, b"\x03")
        case "close with a code that is none":
            await client.frame(CLOSE, struct.pack("!H", 1005))
        case "close with a low code":
            await client.frame(CLOSE, struct.pack("!H", 999))


@pytest.mark.parametrize(
    "kind",
    [
        "unmasked",
        "reserved bits",
        "reserved opcode",
        "reserved control opcode",
        "fragmented ping",
        "long ping",
        "continuation of nothing",
        "text inside text",
        "close with one byte",
        "close with a code that is none",
        "close with a low code",
    ],
)
async def test_broken_frames_end_with_1002(kind: str) -> None:
    """Each rule of the framing that is broken is a protocol error, and the connection ends."""
    async with serving() as served, raw_socket(served) as client:
        await broken(client, kind)
        async with asyncio.timeout(5):
            assert await client.close_code() == 1002


async def test_pings_are_answered_with_their_payload() -> None:
    """A pong carries what the ping carried."""
    async with serving() as served, raw_socket(served) as client:
        for payload in (b"", b"x" * 125, b"\x00\xff"):
            await client.frame(PING, payload)
            assert await client.receive() == (PONG, payload)
        await client.frame(PONG, b"nobody asked")
        await client.frame(PING, b"still there")
        assert await client.receive() == (PONG, b"still there")


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_a_close_is_answered_by_a_close(code: int) -> None:
    """The closing handshake is completed with the client's code, then the connection ends."""
    async with serving() as served, raw_socket(served) as client:
        await client.frame(CLOSE, struct.pack("!H", code) + "tschüß".encode())
        assert await client.close_code() == code
        async with asyncio.timeout(5):
            assert await client.ended()


async def test_a_connection_that_breaks_is_forgotten() -> None:
    """A peer that vanishes without a close leaves nothing behind."""
    async with serving() as served:
        async with raw_socket(served) as client:
            await client.frame(TEXT, b'{"type":"subscribe","channel":"system"}')
            await client.receive()
            client.writer.transport.abort()
        async with asyncio.timeout(5):
            while served.source.fanout.sessions:
                await asyncio.sleep(0)
