"""The HTTP transport: pooled connections whose number follows the concurrency that is seen, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from autobot.adapters.http.retry_after import read_retry_after
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    AttemptTimeout,
    BadAnswer,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    RemoteError,
    RemoteThrottled,
)
from autobot.kernel.links.ports import HttpRequest, HttpResponse
from autobot.kernel.links.propagation import inject, new_span_id
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.telemetry.listener import Listener

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

ERROR_BODY_MAX: Final = 64 * 1024
TRACED: Final = ("traceparent", "tracestate", "baggage", "x-correlation-id", "x-deadline-ms", "x-attempt")
THROTTLED: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How a link's connections are kept.

    `connections_min` (1–1,000) and `connections_max` (1–10,000) bound the pool of one target; `idle_s`
    (1–3,600 s) is how long a connection waits for its next call; `connect_s` (0.01–300 s) bounds the
    connect; `health_path` is asked by probes, None when the target has no cheap health call. `internal`
    targets get all context fields; others only the trace and the correlation id.
    """

    connections_min: int = 4
    connections_max: int = 256
    idle_s: float = 15.0
    connect_s: float = 5.0
    health_path: str | None = None
    internal: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        if not 1 <= self.connections_min <= self.connections_max <= 10_000:
            raise ConfigurationError("connections_min and connections_max must be 1 ≤ min ≤ max ≤ 10000.")
        if not 1 <= self.idle_s <= 3600 or not 0.01 <= self.connect_s <= 300:
            raise ConfigurationError("idle_s must be 1–3600 and connect_s 0.01–300 seconds.")


class HttpTransport:
    """Implements `Transport` for HttpRequest → HttpResponse. `target` is a base address or `unix:/path`."""

    def __init__(
        self, link: str, options: HttpOptions, clock: Clock, chance: Chance, listener: Listener | None = None
    ) -> None:
        self._link, self._options = link, options
        self._clock, self._chance, self._listener = clock, chance, listener
        self._sessions: dict[str, ClientSession] = {}
        self._in_flight = 0
        self._closed = False

    # ----------------------------------------------------------------------------------------- the port

    async def call(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> HttpResponse:
        async with self._request(target, payload, context) as response:
            body = await self._body(response, payload.max_bytes, target)
            return HttpResponse(status=response.status, headers=dict(response.headers), body=body)

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[bytes]:
        received = 0
        async with self._request(target, payload, context) as response:
            async for chunk in response.content.iter_any():
                received += len(chunk)
                if received > payload.max_bytes:
                    raise BadAnswer(
                        f"{target} sent more than {payload.max_bytes} bytes.", link=self._link, target=target
                    )
                yield chunk

    async def probe(self, target: str) -> bool | None:
        path = self._options.health_path
        if path is None:
            return None
        from aiohttp import ClientError

        try:
            base, session = self._session(target)
            async with (
                asyncio.timeout(self._options.connect_s),
                session.get(base + path, allow_redirects=False) as answer,
            ):
                return answer.status < 500
        except (ClientError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        self._closed = True
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    # ----------------------------------------------------------------------------------------- the pool

    def _session(self, target: str) -> tuple[str, ClientSession]:
        """Return base address and session of a target. aiohttp is imported when first needed."""
        if self._closed:
            raise ConnectFailed("The transport is closed.", link=self._link, target=target)
        session = self._sessions.get(target)
        socket_path = target.removeprefix("unix:") if target.startswith("unix:") else None
        base = "http://localhost" if socket_path else target.rstrip("/")
        if session is None:
            session = self._sessions[target] = self._open(socket_path)
        return base, session

    def _open(self, socket_path: str | None) -> ClientSession:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, UnixConnector

        limits = {"limit": self._options.connections_min, "keepalive_timeout": self._options.idle_s}
        connector = (
            UnixConnector(path=socket_path, **limits)  # type: ignore[arg-type]
            if socket_path
            else TCPConnector(**limits)  # type: ignore[arg-type]
        )
        return ClientSession(
            connector=connector,
            timeout=ClientTimeout(total=None, sock_connect=self._options.connect_s),
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            auto_decompress=True,
            max_line_size=16_384,
            trace_configs=[self._reuse_trace()] if self._listener else None,
        )

    def _reuse_trace(self) -> Any:
        from aiohttp import TraceConfig

        trace = TraceConfig()

        async def made(*_: Any) -> None:
            self._count("http_client_connections_total", "new")

        async def reused(*_: Any) -> None:
            self._count("http_client_connections_total", "reused")

        trace.on_connection_create_end.append(made)
        trace.on_connection_reuseconn.append(reused)
        return trace

    def _count(self, name: str, state: str) -> None:
        if self._listener is not None:
            self._listener.counted(name, 1, (("link", self._link), ("state", state)))

    def _fit(self, session: ClientSession) -> None:
        """Let the pool follow what is in flight: it grows at once and never beyond its bound."""
        connector = session.connector
        options = self._options
        if connector is not None and self._in_flight > connector._limit < options.connections_max:
            connector._limit = min(max(self._in_flight, connector._limit * 2), options.connections_max)

    # -------------------------------------------------------------------------------------- one exchange

    def _fields(self, request: HttpRequest, context: CallContext) -> Mapping[str, str]:
        fields = inject(context, new_span_id(self._chance), self._clock.monotonic())
        if not self._options.internal:
            fields = {name: fields[name] for name in ("traceparent", "x-correlation-id")}
        return {**fields, **request.headers}

    @asynccontextmanager
    async def _request(
        self, target: str, request: HttpRequest, context: CallContext
    ) -> AsyncIterator[ClientResponse]:
        base, session = self._session(target)
        from aiohttp import (
            ClientConnectorError,
            ClientError,
            ClientPayloadError,
            ConnectionTimeoutError,
            ServerDisconnectedError,
        )

        self._in_flight += 1
        self._fit(session)
        try:
            async with session.request(
                request.method,
                base + request.path,
                data=request.body or None,
                headers=self._fields(request, context),
                allow_redirects=False,
            ) as response:
                if response.status >= 400:
                    raise await self._refusal(response, target)
                yield response
        except ConnectionTimeoutError as error:
            raise AttemptTimeout(
                f"{target} did not take the connection.", phase="connect", link=self._link, target=target
            ) from error
        except ClientConnectorError as error:
            raise ConnectFailed(f"{target} cannot be reached.", link=self._link, target=target) from error
        except (ServerDisconnectedError, ClientPayloadError, ConnectionError) as error:
            raise ConnectionLost(
                f"{target} closed the connection before its answer was whole.", link=self._link, target=target
            ) from error
        except ClientError as error:
            raise BadAnswer(
                f"{target} does not speak HTTP as expected.", link=self._link, target=target
            ) from error
        finally:
            self._in_flight -= 1

    async def _refusal(self, response: ClientResponse, target: str) -> RemoteError:
        body = await response.content.read(ERROR_BODY_MAX)
        kind = RemoteThrottled if response.status == THROTTLED else RemoteError
        return kind(
            f"{target} answered {response.status}.",
            status=response.status,
            link=self._link,
            target=target,
            retry_after=read_retry_after(response.headers.get("Retry-After"), self._clock.now()),
            body=body,
        )

    async def _body(self, response: ClientResponse, limit: int, target: str) -> bytes:
        parts: list[bytes] = []
        received = 0
        async for chunk in response.content.iter_any():
            received += len(chunk)
            if received > limit:
                raise BadAnswer(f"{target} sent more than {limit} bytes.", link=self._link, target=target)
            parts.append(chunk)
        return b"".join(parts)
