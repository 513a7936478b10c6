"""A real HTTP server over raw sockets that behaves, or misbehaves, by path."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autobot.testing.conformance.transport import Other


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire; header names in lower case, repeated ones in order."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """The value of a field, None when it was not sent."""
        return next((value for key, value in self.headers if key == name), None)


Answer = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """What the server saw. `open` counts connections now, `most` at once, `connections` ever."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    other: Other = field(default_factory=Other)
    connections: int = 0
    open: int = 0
    most: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    address: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests of one connection until it ends."""
        self.connections += 1
        number = self.connections
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            while (request := await _read(reader, number)) is not None:
                self.requests.append(request)
                answer = self.answers.get(request.path.partition("?")[0])
                if answer is None:
                    writer.write(response(b"no such path", "404 Not Found"))
                else:
                    await answer(request, reader, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            self.closed.set()
            writer.close()


async def _read(reader: asyncio.StreamReader, number: int) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [
        (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines if line)
    ]
    method, path, _ = first.split(" ", 2)
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    return Request(method, path, headers, await reader.readexactly(length), number)


def response(body: bytes = b"ok", status: str = "200 OK", *fields: str) -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def says(data: bytes, *, then: str = "keep") -> Answer:
    """Write bytes as they are; then keep the connection, close it, or reset it."""

    async def answer(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if then == "reset":
            reset(writer)
        elif then == "close":
            writer.close()
            raise ConnectionResetError

    return answer


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    connected = writer.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError


def conforming(server: Server) -> dict[str, Answer]:
    """The operations of the transport's conformance suite, by path."""

    async def echo(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(request.body))

    async def hang(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.other.hanging.set()
        await reader.read(1)
        server.other.left.set()
        raise ConnectionResetError

    async def count(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.other.begins("count")
        writer.write(CHUNKED + chunk(b"a") + chunk(b"b") + chunk(b"c") + chunk(b""))

    async def endless(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        try:
            while not reader.at_eof():
                writer.write(chunk(b"." * 1024))
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            server.other.left.set()
        raise ConnectionResetError

    return {
        "/echo": echo,
        "/fail": says(response(b"broken", "500 Internal Server Error")),
        "/hang": hang,
        "/count": count,
        "/endless": endless,
        "/break": says(CHUNKED + chunk(b"a"), then="close"),
        "/health": says(response(b"")),
    }


@asynccontextmanager
async def serving(
    answers: dict[str, Answer] | None = None, *, path: Path | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Serve on a free port of 127.0.0.1, or on a unix socket, for the block."""
    server = Server()
    server.answers = {**conforming(server), **(answers or {})}
    if path is not None:
        listening = await asyncio.start_unix_server(server.serve, path)
        server.address = f"unix:{path}"
    else:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
        port = listening.sockets[0].getsockname()[1]
        server.address = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listening.close()
        with contextlib.suppress(asyncio.CancelledError):
            await listening.wait_closed()
