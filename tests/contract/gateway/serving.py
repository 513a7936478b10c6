"""The edge on a real server and a real socket, as the product runs it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import uvicorn

from autobot.bootstrap.protocols import protocols
from autobot.gateway.access import Proven
from autobot.gateway.app import create_app
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.resilience.rate_limit.limiter import MemoryLimiter
from tests.unit.gateway.channels import Source, world
from tests.unit.gateway.edge import ALICE, Credentials, TestClock, credentials, parts

LIMITS = EdgeLimits(frame_bytes=2048, heartbeat_s=0.2, reproof_s=0.1, queue_frames=64)


@dataclass
class Served:
    """A running server and the hands that reach into it."""

    port: int
    source: Source
    credentials: Credentials
    server: uvicorn.Server
    lifecycle: Lifecycle

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def expire_key(self, token: str, *, after_s: float) -> None:
        """Make a key of alice that ends by itself."""
        ends = asyncio.get_running_loop().time() + after_s
        self.credentials.keys[token] = Proven(principal=ALICE, credential=token, expires=ends)


@contextlib.asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[Served]:
    """Serve the test edge on a free port until the block ends."""
    clock = TestClock()
    given = credentials()
    fanout, source = world()
    made = replace(
        parts(),
        clock=clock,
        ids=Uuid7Source(clock, parts().chance),
        limiter=MemoryLimiter(clock),
        authenticator=given,
        fanout=fanout,
        limits=LIMITS,
        lifecycle=Lifecycle("ready"),
        **changes,
    )
    config = uvicorn.Config(
        create_app(made),
        **protocols(made.ids),
        ws_max_size=LIMITS.frame_bytes,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        lifespan="on",
        log_config=None,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listening]))
            await server.up.wait()
            try:
                yield Served(listening.getsockname()[1], source, given, server, made.lifecycle)
            finally:
                server.should_exit = True
                made.lifecycle.drain()


class _Server(uvicorn.Server):
    """A server that says when it is up, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


# ------------------------------------------------------------------------------------- raw WebSocket frames

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


class RawSocket:
    """A WebSocket client that may break every rule."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def frame(
        self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
    ) -> None:
        """Send one frame."""
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        mask = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([mask | len(payload)])
        else:
            head += bytes([mask | 126]) + struct.pack("!H", len(payload))
        if masked:
            key = b"\x01\x02\x03\x04"
            head += key
            payload = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
        self.writer.write(head + payload)
        await self.writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """Return the next frame's opcode and payload. Raises IncompleteReadError at the end."""
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        assert not second & 0x80, "a server does not mask"
        return first & 0x0F, await self.reader.readexactly(length)

    async def close_code(self) -> int:
        """Return the code that the server closes with, passing over anything before it."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0] if payload else 1005

    async def ended(self) -> bool:
        """Say whether the server has closed the connection."""
        return await self.reader.read(1) == b""


@contextlib.asynccontextmanager
async def raw_socket(served: Served, token: str = "alice-key") -> AsyncIterator[RawSocket]:
    """Open a WebSocket by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: 127.0.0.1:{served.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {token}",
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), head
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # RFC 6455 §1.3
    try:
        yield RawSocket(reader, writer)
    finally:
        writer.close()
