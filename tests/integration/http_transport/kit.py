"""What the tests of the HTTP transport share."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.links.ports import HttpRequest, HttpResponse
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.telemetry.listener import Change, Hop
from tests.integration.http_transport.server import Answer, Server, serving

GET = Operation(name="get", effect=Effect.FREE)
CONTEXT = CallContext(
    correlation_id="c-1",
    principal=SYSTEM,
    trace=TraceContext(trace_id="1" * 32, span_id="2" * 16, flags=1, state="congo=1"),
)
WALL = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class LoopClock:
    """The running loop's time, with a wall that stands still."""

    def now(self) -> datetime:
        return WALL

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class Counted:
    """A listener that keeps what is counted."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, float, dict[str, str]]] = []

    def started(self, hop: Hop) -> None: ...

    def completed(self, hop: Hop, duration: float) -> None: ...

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None: ...

    def changed(self, change: Change) -> None: ...

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        self.counts.append((name, value, dict(labels)))

    def of(self, name: str, **labels: str) -> float:
        """The sum of a counter over all series that carry these labels."""
        return sum(
            value for one, value, given in self.counts if one == name and labels.items() <= given.items()
        )


class Client:
    """A transport and its target."""

    def __init__(self, transport: HttpTransport, target: str, heard: Counted) -> None:
        self.transport, self.target, self.heard = transport, target, heard

    async def call(
        self, path: str, *, context: CallContext = CONTEXT, method: str = "GET", **request: Any
    ) -> HttpResponse:
        """Send a request and return the answer."""
        sent = HttpRequest(method=method, path=path, **request)
        return await self.transport.call(self.target, GET, sent, context)

    async def stream(self, path: str, **request: Any) -> AsyncIterator[bytes]:
        """Send a request and yield the answer's bytes."""
        sent = HttpRequest(method="GET", path=path, **request)
        async for chunk in self.transport.stream(self.target, GET, sent, CONTEXT):
            yield chunk

    async def failure(self, path: str, **request: Any) -> Exception:
        """Send a request that fails and return its error."""
        try:
            answer = await self.call(path, **request)
        except Exception as error:  # noqa: BLE001 - the test looks at what was raised
            return error
        raise AssertionError(f"answered {answer}")


@asynccontextmanager
async def client_of(target: str, clock: Clock | None = None, **options: Any) -> AsyncIterator[Client]:
    """A transport to `target` for the block."""
    heard = Counted()
    transport = HttpTransport(
        "backend-crm", HttpOptions(**options), clock or LoopClock(), random.Random(1), heard
    )
    try:
        yield Client(transport, target, heard)
    finally:
        await transport.close()


@asynccontextmanager
async def pair(
    answers: dict[str, Answer] | None = None, **options: Any
) -> AsyncIterator[tuple[Server, Client]]:
    """A server and a client of it."""
    async with serving(answers) as server, client_of(server.address, **options) as client:
        yield server, client


async def read(chunks: AsyncIterator[bytes], got: list[bytes]) -> None:
    """Read a stream to its end or its break."""
    async for piece in chunks:
        got.append(piece)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
