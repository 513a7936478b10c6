"""The HTTP transport: pooled connections, streamed bytes, errors of the tree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from autobot.adapters.http.exchange import Answer, Client, Count
from autobot.adapters.http.guard import require_public
from autobot.adapters.http.options import HttpOptions
from autobot.adapters.http.plain import PlainClient, speaks_plainly
from autobot.adapters.http.pool import PoolSize
from autobot.adapters.http.retry_after import read_retry_after
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    AutoBotError,
    BadAnswer,
    ConfigurationError,
    ConnectFailed,
    RemoteError,
    RemoteThrottled,
)
from autobot.kernel.links.ports import HttpRequest, HttpResponse
from autobot.kernel.links.propagation import (
    CONTEXT_FIELDS,
    CORRELATION,
    DEADLINE,
    TRACEPARENT,
    TRACESTATE,
    inject,
)
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.telemetry.listener import Listener

__all__ = ["HttpOptions", "HttpTransport"]

ERROR_BODY_MAX: Final = 64 * 1024
ERROR_STATUS: Final = 400
AGENT: Final = "autobot"
THROTTLED: Final = 429
SERVER_ERROR: Final = 500
FOREIGN_FIELDS: Final = frozenset({TRACEPARENT, TRACESTATE, CORRELATION, DEADLINE})
"""Context that a target outside this installation gets: no identity."""

_FRAMING: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "upgrade"})
"""Fields that belong to the connection, never to a caller."""

_OWN: Final = CONTEXT_FIELDS | _FRAMING

MakeClient = Callable[[str, str, str, HttpOptions, Count | None], Client]
"""Makes the client of a target: link, target, what stands before every path, options, who hears of connections."""


class HttpTransport:
    """Implements `Transport` for HttpRequest → HttpResponse, one link a transport.

    A target is a base address (`http://host:port`, `https://host/below`) or `unix:/path`. Redirects are
    answers, not followed. Each target has its own pool, of the client that fits it unless one is given.
    """

    def __init__(
        self,
        link: str,
        options: HttpOptions,
        clock: Clock,
        chance: Chance,
        listener: Listener | None = None,
        client: MakeClient | None = None,
    ) -> None:
        self._link, self._options = link, options
        self._clock, self._chance, self._listener = clock, chance, listener
        self._targets: dict[str, _Target] = {}
        self._client = client
        self._closed = False
        self._received_labels = (("link", link),)
        self._connection_labels = {state: (("link", link), ("state", state)) for state in ("new", "reused")}

    # ----------------------------------------------------------------------------------------- the port

    async def call(
        self, target: str, operation: Operation, payload: HttpRequest, context: CallContext
    ) -> HttpResponse:
        reached = self._targets.get(target) or await self._open(target)
        reached.enter(self._clock.monotonic())
        try:
            answer = await self._send(reached, payload, self._fields(payload, context, "gzip"))
            try:
                body = await self._body(answer, payload.max_bytes, target)
            finally:
                answer.release()
        finally:
            reached.in_flight -= 1
        self._received(len(body))
        return HttpResponse(status=answer.status, headers=answer.headers(), body=body)

    async def stream(
        self, target: str, operation: Operation, payload: HttpRequest, context: CallContext
    ) -> AsyncIterator[bytes]:
        reached = self._targets.get(target) or await self._open(target)
        # A packed answer would come in the packer's chunks, not in the target's.
        fields = self._fields(payload, context, "identity")
        reached.enter(self._clock.monotonic())
        received = 0
        try:
            answer = await self._send(reached, payload, fields)
            try:
                while chunk := await answer.read():
                    received += len(chunk)
                    if received > payload.max_bytes:
                        raise self._too_large(target, payload.max_bytes)
                    yield chunk
            finally:
                answer.release()
        finally:
            reached.in_flight -= 1
            self._received(received)

    async def probe(self, target: str) -> bool | None:
        path = self._options.health_path
        if path is None:
            return None
        reached = self._targets.get(target) or await self._open(target)
        try:
            async with asyncio.timeout(self._options.connect_s):
                answer = await reached.client.send("GET", path, {"user-agent": AGENT}, b"")
                answer.release()
        except (AutoBotError, TimeoutError):
            return False
        return answer.status < SERVER_ERROR

    async def close(self) -> None:
        self._closed = True
        targets, self._targets = self._targets, {}
        for one in targets.values():
            await one.client.close()

    # -------------------------------------------------------------------------------------- one exchange

    async def _open(self, target: str) -> _Target:
        """Open the client of a target."""
        options = self._options
        base = _base(target, guarded=options.guarded)
        made = self._client or PlainClient
        if self._client is None and not speaks_plainly(target, options):
            # aiohttp is imported with the first target that needs it, off the loop: it takes a while.
            library = await asyncio.to_thread(import_module, "autobot.adapters.http.client")
            made = library.LibraryClient
        if self._closed:
            raise ConnectFailed("This connection is shut down.", link=self._link, target=target)
        reached = self._targets.get(target)
        if reached is None:
            count = None if self._listener is None else self._connected
            size = PoolSize(options.connections_min, options.connections_max, self._clock.monotonic())
            reached = self._targets[target] = _Target(
                target, made(self._link, target, base, options, count), size
            )
        return reached

    def _fields(self, request: HttpRequest, context: CallContext, encoding: str) -> dict[str, str]:
        """Return the header fields of a request: context wins, framing stays with the connection."""
        fields = {"accept": "*/*", "accept-encoding": encoding, "user-agent": AGENT}
        for name, value in request.headers.items():
            lower = name.lower()
            if lower not in _OWN:
                fields[lower] = value
        carried = inject(context, now=self._clock.monotonic(), chance=self._chance)
        internal = self._options.internal
        fields.update(
            carried if internal else {name: carried[name] for name in FOREIGN_FIELDS if name in carried}
        )
        return fields

    async def _send(self, reached: _Target, request: HttpRequest, fields: Mapping[str, str]) -> Answer:
        """Return an answer below 400 whose body is unread. Raises RemoteError for the others."""
        answer = await reached.client.send(request.method, request.path, fields, request.body)
        if answer.status < ERROR_STATUS:
            return answer
        try:
            body = await _first(answer, ERROR_BODY_MAX)
        finally:
            answer.release()
        kind = RemoteThrottled if answer.status == THROTTLED else RemoteError
        raise kind(
            f"{reached.name} answered {answer.status}.",
            status=answer.status,
            link=self._link,
            target=reached.name,
            retry_after=read_retry_after(answer.headers().get("retry-after"), self._clock.now()),
            body=body,
        )

    async def _body(self, answer: Answer, limit: int, target: str) -> bytes:
        if (answer.length or 0) > limit:
            raise self._too_large(target, limit)
        parts: list[bytes] = []
        received = 0
        while chunk := await answer.read():
            received += len(chunk)
            if received > limit:
                raise self._too_large(target, limit)
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _too_large(self, target: str, limit: int) -> BadAnswer:
        return BadAnswer(f"{target} sent more than {limit} bytes.", link=self._link, target=target)

    # ------------------------------------------------------------------------------------------- reports

    def _received(self, size: int) -> None:
        if self._listener is not None:
            self._listener.counted("http_client_response_body_bytes", size, self._received_labels)

    def _connected(self, state: str) -> None:
        if self._listener is not None:
            self._listener.counted("http_client_connections_total", 1.0, self._connection_labels[state])


class _Target:
    """One target's client and the size of its pool."""

    __slots__ = ("client", "in_flight", "name", "size")

    def __init__(self, target: str, client: Client, size: PoolSize) -> None:
        self.name, self.client, self.size = target, client, size
        self.in_flight = 0

    def enter(self, now: float) -> None:
        """Count a call in and let the pool follow."""
        self.in_flight += 1
        self.client.fit(self.size.seen(self.in_flight, now))


def _base(target: str, *, guarded: bool) -> str:
    """Return what paths are put after. Raises ConfigurationError for what is no address, Forbidden for a guarded one."""
    if target.startswith("unix:"):
        if guarded:
            raise ConfigurationError("A guarded transport does not reach unix sockets.")
        return "http://localhost"
    parts = urlsplit(target)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.username
        or parts.query
        or parts.fragment
    ):
        raise ConfigurationError(
            f"{target!r} is no address of a target.",
            hint="Write http://host:port, https://host or unix:/path.",
        )
    if guarded and (parts.hostname.replace(".", "").isdigit() or ":" in parts.hostname):
        # A name is judged when it is resolved; a literal address never is.
        require_public(parts.hostname, parts.hostname)
    return target.rstrip("/")


async def _first(answer: Answer, most: int) -> bytes:
    """Return the first bytes of an error's body; what broke on the way says less than the status does."""
    parts: list[bytes] = []
    received = 0
    try:
        while received < most and (chunk := await answer.read()):
            parts.append(chunk)
            received += len(chunk)
    except AutoBotError:
        pass
    return b"".join(parts)[:most]
