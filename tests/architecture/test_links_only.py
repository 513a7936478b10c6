"""No call leaves the process except through a link: shown by walking the modules, and by refusing sockets at run time."""

import ast
import asyncio
import http.client
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.ports import HttpRequest
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.testing.socket_guard import SocketRefused, no_sockets_but_links
from tests.architecture.sources import below, name, tree

LIBRARIES = {
    "aiohttp", "asyncpg", "asyncssh", "ftplib", "grpc", "h11", "h2", "hiredis", "http.client", "httpx", "httpx2", "imaplib",
    "niquests", "openai", "paramiko", "poplib", "psycopg", "pycurl", "redis", "requests", "smtplib", "socket",
    "socketserver", "ssl", "telnetlib", "urllib.request", "urllib3", "websockets", "xmlrpc", "xmlrpc.client",
}  # fmt: skip
"""What speaks to other machines. Adapters that need one stand below with their reason."""

CALLS = {
    "open_connection", "open_unix_connection", "create_connection", "create_unix_connection", "sock_connect",
    "create_datagram_endpoint", "start_server", "start_unix_server", "create_server", "create_unix_server",
}  # fmt: skip
"""What opens a socket without any library."""

EXCEPTIONS = {
    "src/autobot/adapters/http": "the HTTP transport: the one place that calls out",
    "src/autobot/adapters/grpc": "the gRPC transport of links, and the server of a role's rows",
    "src/autobot/adapters/postgres": "the database driver; the product calls the store over services→repositories",
    "src/autobot/adapters/redis": "the driver of Redis: backend→redis carries what is sent; reading waits for messages",
    "src/autobot/bootstrap/dialling.py": "dials the control socket in the data folder; calls nobody",
    "src/autobot/bootstrap/serving.py": "binds the control socket in the data folder; calls nobody",
    "src/autobot/bootstrap/cluster.py": "binds the public address for its children; calls nobody",
    "src/autobot/bootstrap/server.py": "binds the address that the product listens on; calls nobody",
    "src/autobot/bootstrap/protocols.py": "framing on connections that the server accepted; calls nobody",
    "src/autobot/gateway/control.py": "listens on the control socket in the data folder; calls nobody",
    "src/autobot/adapters/system/sockets.py": "unix sockets in the data folder: the control socket of this machine",
    "src/autobot/testing": "the test kit: servers and clients of tests",
}
"""Files and folders that open sockets, each with the reason."""

CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)
GET = Operation(name="get", effect=Effect.FREE)


def opens(nodes: ast.AST) -> Iterator[tuple[int, str]]:
    """What in a module speaks to other machines: line and word."""
    for node in ast.walk(nodes):
        if isinstance(node, ast.Import):
            words = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            words = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module or ""]
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            yield node.lineno, node.attr
            continue
        elif isinstance(node, ast.Name) and node.id in CALLS:
            yield node.lineno, node.id
            continue
        else:
            continue
        for word in words:
            if not {word, word.partition(".")[0]}.isdisjoint(LIBRARIES):
                yield node.lineno, word
                break


def excepted(path: Path) -> str | None:
    """The exception that a file falls under."""
    shown = name(path)
    return next((key for key in EXCEPTIONS if shown == key or shown.startswith(f"{key}/")), None)


def test_no_module_opens_sockets_by_itself() -> None:
    """Outside the exceptions nothing imports a client library or opens a socket."""
    found = [
        f"{name(path)}:{line} {word}"
        for path in below("src")
        if excepted(path) is None
        for line, word in opens(tree(path))
    ]
    assert found == [], "call through a Link, or list a server in EXCEPTIONS with its reason"


def test_the_exceptions_are_still_true() -> None:
    """Each exception names a file that does open sockets, so the list does not outlive its reasons."""
    used = {excepted(path) for path in below("src") if any(opens(tree(path)))}
    assert set(EXCEPTIONS) == used


@pytest.mark.parametrize(
    "planted",
    [
        "import aiohttp",
        "from urllib import request",
        "import urllib.request",
        "from http.client import HTTPConnection",
        "from http import client",
        "import asyncio\nasyncio.open_connection('x', 1)",
        "from asyncio import open_connection\nopen_connection('x', 1)",
        "loop.create_datagram_endpoint(object)",
        "import socket as harmless",
        "def later():\n    import httpx",
    ],
)
def test_a_planted_socket_is_seen(planted: str) -> None:
    """The walk finds imports of every form, inside functions too, and calls that need no import."""
    assert list(opens(ast.parse(planted)))


@pytest.mark.parametrize(
    "harmless", ["import http", "from urllib.parse import quote", "import asyncio", "x.connect()"]
)
def test_harmless_words_are_not_seen(harmless: str) -> None:
    """Parsing addresses and connecting rows is no call."""
    assert list(opens(ast.parse(harmless))) == []


# ----------------------------------------------------------------------------------------------- at run time


class Listening:
    """A server of raw sockets that answers one request a connection."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer and close."""
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def start(self) -> tuple[asyncio.Server, int]:
        """Listen on a free port."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]


@pytest.mark.anyio
async def test_only_a_links_connection_passes() -> None:
    """A call on an HTTP row connects; the same address by hand is refused, sync and async, and told."""
    server, port = await Listening().start()
    clock = SystemClock()
    transport = HttpTransport("backend-crm", HttpOptions(health_path="/"), clock, random.Random(1))
    row = {"pattern": "request-response", "transport": "http", "error_handling": "propagate", "timeout": 10.0}
    registry = LinkRegistry(Matrix({"backend-crm": row}), clock, random.Random(1))
    target = f"http://127.0.0.1:{port}"
    registry.wire("backend-crm", Wired(transport=transport, targets=(target,)))
    async with server:
        with no_sockets_but_links() as guard:
            request = HttpRequest(method="GET", path="/")
            answer = await registry.link("backend-crm").call(GET, request, CONTEXT)
            assert answer.body == b"ok"
            chunks = registry.link("backend-crm").stream(GET, request, CONTEXT)
            assert b"".join([chunk async for chunk in chunks]) == b"ok"
            assert await transport.probe(target) is True
            with pytest.raises(SocketRefused):
                await asyncio.open_connection("127.0.0.1", port)
            with pytest.raises(SocketRefused):
                http.client.HTTPConnection("127.0.0.1", port).request("GET", "/")
            with guard.exempt():
                socket.create_connection(("127.0.0.1", port)).close()
        assert guard.rows == ["backend-crm"] * 3
        assert len(guard.refused) == 2
        socket.create_connection(("127.0.0.1", port)).close()
    await transport.close()


def test_a_datagram_is_refused_too() -> None:
    """What needs no connect is heard as well."""
    with no_sockets_but_links() as guard, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(SocketRefused):
            datagrams.sendto(b"x", ("127.0.0.1", 9))
    assert len(guard.refused) == 1
