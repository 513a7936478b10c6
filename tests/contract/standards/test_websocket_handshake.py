"""The opening handshake of RFC 6455 (§4.2) at a real server: what opens a socket, and what a flawed one is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.contract.gateway.serving import Served, serving

pytestmark = pytest.mark.anyio

GOOD = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Authorization": "Bearer alice-key",
}


@contextlib.asynccontextmanager
async def asked(
    served: Served, line: str, fields: Sequence[tuple[str, str]]
) -> AsyncIterator[tuple[int, Any]]:
    """Send a handshake by hand; give the status, and the header fields of the answer in lower case."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        head = [line, f"Host: 127.0.0.1:{served.port}", *(f"{name}: {value}" for name, value in fields)]
        writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
        async with asyncio.timeout(5):
            raw = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = raw.strip().split("\r\n")
        told = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        yield int(first.split()[1]), told
    finally:
        writer.close()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"Upgrade": "WebSocket"},
        {"Connection": "keep-alive, UPGRADE"},
        {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"},
        {"Sec-WebSocket-Extensions": "x-unknown; a=1"},
        {"Sec-WebSocket-Protocol": "chat, superchat"},
    ],
)
async def test_a_whole_handshake_opens_a_socket(changed: dict[str, str]) -> None:
    """§4.2.2: the accept value is that of the RFC; no extension and no subprotocol is claimed that is not spoken."""
    async with (
        serving() as served,
        asked(served, "GET /ws HTTP/1.1", [*(GOOD | changed).items()]) as (
            status,
            told,
        ),
    ):
        assert status == 101
        assert told["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert not told.keys() & {"sec-websocket-extensions", "sec-websocket-protocol"}


@pytest.mark.parametrize(
    ("line", "changed", "status"),
    [
        ("GET /ws HTTP/1.1", {"Sec-WebSocket-Version": "12"}, 426),
        ("GET /ws HTTP/1.1", {"Sec-WebSocket-Version": "13, 8"}, 426),
        ("GET /ws HTTP/1.1", {"Sec-WebSocket-Version": None}, 426),
        ("GET /ws HTTP/1.1", {"Sec-WebSocket-Key": None}, 426),
        ("GET /ws HTTP/1.1", {"Sec-WebSocket-Key": "dG9vIHNob3J0"}, 426),
        ("GET /ws HTTP/1.1", {"Sec-WebSocket-Key": "this is not base64 at all"}, 426),
        ("GET /ws HTTP/1.1", {"Upgrade": "h2c"}, 426),
        ("GET /ws HTTP/1.1", {"Upgrade": None}, 426),
        ("GET /ws HTTP/1.1", {"Connection": None}, 426),
        ("GET /ws HTTP/1.0", {}, 426),
        ("POST /ws HTTP/1.1", {}, 405),
    ],
)
async def test_a_handshake_with_a_flaw_is_told_what_is_spoken(
    line: str, changed: dict[str, str | None], status: int
) -> None:
    """§4.2.1, §4.4: another version, no key, another method: a problem that names version 13, or the methods."""
    fields = [(name, value) for name, value in (GOOD | changed).items() if value is not None]
    async with serving() as served, asked(served, line, fields) as (found, told):
        assert found == status
        assert told["content-type"] == "application/problem+json"
        if status == 426:
            assert (told["upgrade"], told["sec-websocket-version"]) == ("websocket", "13")
        else:
            assert told["allow"] == "GET, OPTIONS"


async def test_two_keys_open_nothing() -> None:
    """§11.3.1: the key must not stand twice."""
    fields = [*GOOD.items(), ("Sec-WebSocket-Key", GOOD["Sec-WebSocket-Key"])]
    async with serving() as served, asked(served, "GET /ws HTTP/1.1", fields) as (status, _):
        assert status == 426
