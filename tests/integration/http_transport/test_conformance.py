"""The HTTP transport keeps the promise of `Transport`: over TCP, over a unix socket, and with the client for TLS."""

import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from autobot.adapters.http.client import LibraryClient
from autobot.adapters.http.transport import HttpOptions, HttpTransport, MakeClient
from autobot.kernel.links.ports import HttpRequest, HttpResponse
from autobot.kernel.resilience.operation import Operation
from autobot.testing.conformance.transport import Served, TransportSuite
from tests.integration.http_transport.kit import LoopClock
from tests.integration.http_transport.server import Server, serving


class HttpSuite(TransportSuite):
    def payload(self, operation: Operation, text: str) -> Any:
        return HttpRequest(method="POST", path=f"/{operation.name}", body=text.encode())

    def text(self, answer: Any) -> str:
        return (answer.body if isinstance(answer, HttpResponse) else bytes(answer)).decode()


@asynccontextmanager
async def transport_to(server: Server, client: MakeClient | None = None) -> AsyncIterator[Served]:
    """A transport whose other side is this server."""
    options = HttpOptions(health_path="/health")
    transport = HttpTransport("backend-crm", options, LoopClock(), random.Random(1), client=client)
    try:
        yield Served(transport=transport, target=server.address, other=server.other)
    finally:
        await transport.close()


class TestOverTcp(HttpSuite):
    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Served]:
        async with serving() as server, transport_to(server) as served:
            yield served


class TestByTheClientForTls(HttpSuite):
    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Served]:
        async with serving() as server, transport_to(server, LibraryClient) as served:
            yield served


class TestOverUnixSocket(HttpSuite):
    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Served]:
        with tempfile.TemporaryDirectory() as folder:
            async with serving(path=Path(folder) / "s") as server, transport_to(server) as served:
                yield served
