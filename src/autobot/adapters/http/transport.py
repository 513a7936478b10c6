"""The HTTP transport: pooled connections, streamed bytes, errors of the tree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from autobot.adapters.http.guard import require_public
from autobot.adapters.http.options import HttpOptions
from autobot.adapters.http.pool import PoolSize
from autobot.adapters.http.retry_after import read_retry_after
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    BadAnswer,
    ConfigurationError,
    ConnectFailed,
    RemoteError,
    RemoteThrottled,
)
from autobot.kernel.links.leaving import leaving
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

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

    from autobot.adapters.http.client import FittingConnector

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


class HttpTransport:
    """Implements `Transport` for HttpRequest → HttpResponse, one link a transport.

    A target is a base address (`http://host:port`, `https://host/below`) or `unix:/path`. Redirects are
    answers, not followed. Each target has its own pool.
    """

    def __init__(
        self, link: str, options: HttpOptions, clock: Clock, chance: Chance, listener: Listener | None = None
    ) -> None:
        self._link, self._options = link, options
        self._clock, self._chance, self._listener = clock, chance, listener
        self._targets: dict[str, _Target] = {}
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
            response = await self._send(reached, payload, self._fields(payload, context))
            try:
                body = await self._body(response, payload.max_bytes, target)
            finally:
                response.release()
        except reached.errors as error:
            raise reached.mapped(error, self._link, target) from error
        finally:
            reached.in_flight -= 1
        self._received(len(body))
        return HttpResponse(status=response.status, headers=_plain(response.headers), body=body)

    async def stream(
        self, target: str, operation: Operation, payload: HttpRequest, context: CallContext
    ) -> AsyncIterator[bytes]:
        reached = self._targets.get(target) or await self._open(target)
        # An encoded answer would come in the encoder's chunks, not in the target's.
        fields = {"accept-encoding": "identity", **self._fields(payload, context)}
        reached.enter(self._clock.monotonic())
        received = 0
        try:
            response = await self._send(reached, payload, fields)
            try:
                while chunk := await response.content.readany():
                    received += len(chunk)
                    if received > payload.max_bytes:
                        raise self._too_large(target, payload.max_bytes)
                    yield chunk
            finally:
                response.release()
        except reached.errors as error:
            raise reached.mapped(error, self._link, target) from error
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
                with leaving(self._link):
                    response = await reached.session.request(
                        "GET", reached.base + path, allow_redirects=False
                    )
                response.release()
        except reached.errors:
            return False
        return response.status < SERVER_ERROR

    async def close(self) -> None:
        self._closed = True
        targets, self._targets = self._targets, {}
        for one in targets.values():
            await one.session.close()

    # -------------------------------------------------------------------------------------- one exchange

    async def _open(self, target: str) -> _Target:
        """Open a session for a target. aiohttp is imported with the first one, off the loop: it takes a while."""
        base = _base(target, guarded=self._options.guarded)
        await asyncio.to_thread(import_module, "autobot.adapters.http.client")
        await asyncio.to_thread(import_module, "autobot.adapters.http.mapping")
        if self._closed:
            raise ConnectFailed("This connection is shut down.", link=self._link, target=target)
        reached = self._targets.get(target)
        if reached is None:
            count = None if self._listener is None else self._connected
            now = self._clock.monotonic()
            reached = self._targets[target] = _Target(target, base, self._options, count, now)
        return reached

    def _fields(self, request: HttpRequest, context: CallContext) -> dict[str, str]:
        """Return the header fields of a request: context wins, framing stays with the connection."""
        fields = {
            name: value
            for name, value in ((name.lower(), value) for name, value in request.headers.items())
            if name not in CONTEXT_FIELDS and name not in _FRAMING
        }
        fields.setdefault("user-agent", AGENT)
        carried = inject(context, now=self._clock.monotonic(), chance=self._chance)
        if self._options.internal:
            fields.update(carried)
        else:
            fields.update((name, value) for name, value in carried.items() if name in FOREIGN_FIELDS)
        return fields

    async def _send(
        self, reached: _Target, request: HttpRequest, fields: Mapping[str, str]
    ) -> ClientResponse:
        """Return a response below 400 whose body is unread. Raises RemoteError for the others."""
        with leaving(self._link):
            response = await reached.session.request(
                request.method,
                reached.base + request.path,
                data=request.body or None,
                headers=fields,
                allow_redirects=False,
            )
        if response.status < ERROR_STATUS:
            return response
        try:
            body = await _first(response, ERROR_BODY_MAX, reached.errors)
        finally:
            response.release()
        kind = RemoteThrottled if response.status == THROTTLED else RemoteError
        raise kind(
            f"{reached.name} answered {response.status}.",
            status=response.status,
            link=self._link,
            target=reached.name,
            retry_after=read_retry_after(response.headers.get("Retry-After"), self._clock.now()),
            body=body,
        )

    async def _body(self, response: ClientResponse, limit: int, target: str) -> bytes:
        if (response.content_length or 0) > limit:
            raise self._too_large(target, limit)
        parts: list[bytes] = []
        received = 0
        while chunk := await response.content.readany():
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
    """One target's session and pool."""

    __slots__ = ("base", "connector", "errors", "in_flight", "mapped", "name", "session", "size")

    def __init__(self, target: str, base: str, options: HttpOptions, count: Any, now: float) -> None:
        self.name, self.base = target, base
        from autobot.adapters.http.client import open_session
        from autobot.adapters.http.mapping import ERRORS, mapped

        self.errors, self.mapped = ERRORS, mapped
        self.session: ClientSession
        self.connector: FittingConnector
        self.session, self.connector = open_session(target, options, count)
        self.size = PoolSize(options.connections_min, options.connections_max, now)
        self.in_flight = 0

    def enter(self, now: float) -> None:
        """Count a call in and let the pool follow."""
        self.in_flight += 1
        self.connector.fit(self.size.seen(self.in_flight, now))


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


async def _first(response: ClientResponse, most: int, errors: tuple[type[BaseException], ...]) -> bytes:
    """Return the first bytes of an error's body; what broke on the way says less than the status does."""
    parts: list[bytes] = []
    received = 0
    try:
        while received < most and (chunk := await response.content.readany()):
            parts.append(chunk)
            received += len(chunk)
    except errors:
        pass
    return b"".join(parts)[:most]


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Return header fields by lower-case name, lines of one name joined (RFC 9110 §5.3)."""
    fields: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        fields[lower] = f"{fields[lower]}, {value}" if lower in fields else value
    return fields
