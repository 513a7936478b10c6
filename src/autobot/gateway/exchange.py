"""One request as the edge knows it. Made on arrival, filled by the middleware, read by routes.

It stands in the ASGI scope under `autobot.exchange`. Typed slots instead of a dozen scope keys: a middleware
costs an attribute, not a dictionary look-up and a cast.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Final, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from autobot.gateway.access import Proven
from autobot.kernel.core.context import CallContext, TraceContext
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.telemetry.listener import Hop

SCOPE_KEY: Final = "autobot.exchange"
WEBSOCKET: Final = "WEBSOCKET"
"""Stands for the method of a request that opens a WebSocket."""

UNKNOWN_TRACE = TraceContext(trace_id="0" * 32, span_id="0" * 16)


class Settled(Protocol):
    """What a command bus answers with, as far as headers tell of it."""

    @property
    def position(self) -> int:
        """Log position that contains the effect."""
        ...

    @property
    def replayed(self) -> bool:
        """Whether a stored answer was given again."""
        ...


class Exchange:
    """State of one request or WebSocket at the edge.

    Attributes that routes read:
        context: who calls and until when; set after authentication.
        key: the idempotency key of a write, or None.
        wait: seconds of `Prefer: wait=N`, or None.
        if_match: the entity tags of `If-Match`, without weak ones; None when the header is absent.
        client: the caller's address after trusted proxies.
        base: path that the product is mounted under, `` or `/tools/autobot`.
        proven: the credential that was proven, None for nobody.
        continuation: what goes on after the middleware has let go: an open WebSocket would hold all of it.

    It holds no reference to the scope that holds it: a cycle a request is work for the garbage collector. What a
    request does not set is a class attribute, so that making one costs little.
    """

    arrived: float
    client = ""
    peer: tuple[str, int] | None = None
    base = ""
    trusted_peer = False
    new_id: Callable[[], str] = str
    made_id = ""
    correlation_id = ""
    trace = UNKNOWN_TRACE
    deadline: float | None = None
    proven: Proven | None = None
    credential: tuple[str, str] | None = None
    refusal: AutoBotError | None = None
    error: BaseException | None = None
    hop: Hop | None = None
    context: CallContext | None = None
    key: str | None = None
    wait: float | None = None
    if_match: tuple[str, ...] | None = None
    route = ""
    continuation: Callable[[Receive, Send], Awaitable[None]] | None = None
    status = 0
    sent_bytes = 0
    body_bytes = 0
    body_whole = False

    def __init__(self, scope: Scope, send: Send, arrived: float) -> None:
        lines = scope["headers"]
        fields: dict[bytes, bytes] = dict(lines)
        self.fields = fields if len(fields) == len(lines) else joined_fields(lines)
        self.path: str = scope["path"]
        self.method: str = scope.get("method", WEBSOCKET)
        self.send_out, self.arrived = send, arrived
        self.scheme: str = scope.get("scheme", "http")
        self.host: str = fields.get(b"host", b"").decode("latin-1")
        self.answer_fields: list[tuple[bytes, bytes]] = []

    async def send(self, message: Message) -> None:
        """Send to the server, with the fields that the middleware wants on every answer."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.answer_fields]
        elif kind == "http.response.body":
            if self.method == "HEAD":
                message["body"] = b""
            else:
                self.sent_bytes += len(message.get("body", b""))
        elif kind == "websocket.http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.answer_fields]
        await self.send_out(message)

    @property
    def request_id(self) -> str:
        """The id of this request, made when first asked for: most requests that bring a correlation id need none."""
        if not self.made_id:
            self.made_id = self.new_id()
        return self.made_id

    def answer_field(self, name: str, value: str) -> None:
        """Add a header field to the answer, whatever it will be."""
        self.answer_fields.append((name.lower().encode("latin-1"), value.encode("latin-1")))

    def settled(self, answer: Settled) -> None:
        """Tell the client what the command bus says of its answer: replayed or not, and the log position."""
        if answer.replayed:
            self.answer_fields.append((b"idempotent-replayed", b"true"))
        self.answer_fields.append((b"x-log-position", b"%d" % answer.position))

    def address(self, path: str) -> str:
        """Return `path` of this product as the client must ask for it (mount path in front)."""
        return self.base + path

    @property
    def called(self) -> CallContext:
        """The call context. Raises RuntimeError before authentication has run: that is a wiring mistake."""
        if self.context is None:
            raise RuntimeError("the call context is asked for before authentication made it")
        return self.context


def joined_fields(lines: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return header fields by lower-case name; repeated lines are joined as RFC 9110 §5.3 says.

    A field that must be single and was sent twice thereby becomes a list, which its own parser refuses.
    """
    fields: dict[bytes, bytes] = {}
    for name, value in lines:
        before = fields.get(name)
        glue = b"; " if name == b"cookie" else b", "
        fields[name] = value if before is None else before + glue + value
    return fields


def exchange_of(scope: Scope) -> Exchange:
    """Return the exchange of a scope that passed the edge."""
    exchange: Exchange = scope[SCOPE_KEY]
    return exchange


async def _exchange(connection: HTTPConnection) -> Exchange:
    return exchange_of(connection.scope)


async def _context(connection: HTTPConnection) -> CallContext:
    return exchange_of(connection.scope).called


async def _key(connection: HTTPConnection) -> str | None:
    return exchange_of(connection.scope).key


Call = Annotated[Exchange, Depends(_exchange)]
"""Dependency of a route: the whole exchange (context, key, wait, answer fields)."""

Context = Annotated[CallContext, Depends(_context)]
"""Dependency of a route: the call context alone."""

IdempotencyKey = Annotated[str | None, Depends(_key)]
"""Dependency of a route: the idempotency key (`str | None`)."""
