"""Tells the listener of each request: the browser's rows of the matrix are counted here, on arrival.

HTTP calls belong to the row `frontend-gateway`, sockets and event streams to `frontend-backend`. What was
refused before anybody was identified counts in the HTTP metrics only.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import WEBSOCKET, Exchange, exchange_of
from autobot.gateway.problem import problem_of
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import ANONYMOUS, CallContext
from autobot.kernel.telemetry.listener import Hop, Listener

CALLS: Final = "frontend-gateway"
STREAMS: Final = "frontend-backend"
TARGET: Final = "gateway"
KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that become a label of their own; a client can invent any number of others."""
PEERS_MAX: Final = 4_096
"""Connections that are remembered at once, to tell reused ones from new ones."""
STREAM_SUFFIXES: Final = ("/events", "/events/stream", "/ws")


class Measure:
    """Reports started / completed / failed, durations and sizes. Does nothing when nobody listens."""

    def __init__(self, clock: Clock, listener: Listener | None) -> None:
        self._now, self._listener = clock.monotonic, listener
        self._app: ASGIApp
        self._peers: dict[tuple[str, int], None] = {}

    def around(self, app: ASGIApp) -> ASGIApp:
        """Stand around `app`, which may already tell this object of contexts and errors; without a listener
        there is nothing to stand there for."""
        self._app = app
        return app if self._listener is None else self

    def admitted(self, exchange: Exchange) -> None:
        """Report the start of a call whose context is known."""
        if self._listener is None:
            return
        streams = exchange.method == WEBSOCKET or exchange.path.endswith(STREAM_SUFFIXES)
        hop = exchange.hop = Hop(
            STREAMS if streams else CALLS,
            TARGET,
            exchange.method,
            0,
            exchange.called,
        )
        self._listener.started(hop)

    def stream_failed(self, context: CallContext, error: BaseException) -> None:
        """Report what failed on a stream that goes on or has ended; a refusal is no failure."""
        if self._listener is not None and problem_of(error).status >= 500:
            self._listener.failed(Hop(STREAMS, TARGET, "subscribe", 0, context), 0.0, error)

    def error(self, exchange: Exchange, error: BaseException) -> None:
        """Keep what was raised for the report at the end."""
        exchange.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; report when it is over."""
        exchange = exchange_of(scope)
        try:
            await self._app(scope, receive, send)
        except BaseException as error:
            exchange.error = error
            raise
        finally:
            self._report(exchange)

    def _report(self, exchange: Exchange) -> None:
        listener = self._listener
        if listener is None:
            return
        duration, error, hop = self._now() - exchange.arrived, exchange.error, exchange.hop
        if error is not None and (exchange.status >= 500 or not exchange.status):
            # What failed before anybody was identified must be seen too.
            listener.failed(hop or self._unknown(exchange), duration, error)
        elif hop is not None:
            listener.completed(hop, duration)
        if exchange.method == WEBSOCKET:
            return
        method = exchange.method if exchange.method in KNOWN_METHODS else "other"
        labels = (("method", method), ("route", exchange.route), ("status", str(exchange.status)))
        listener.counted("http_server_request_duration_seconds", duration, labels)
        listener.counted("http_server_response_body_bytes", exchange.sent_bytes, labels)
        if exchange.body_bytes:
            listener.counted("http_server_request_body_bytes", exchange.body_bytes, labels)
        reused = "yes" if self._seen_before(exchange.peer) else "no"
        listener.counted("http_server_connection_requests_total", 1, (("reused", reused),))

    def _unknown(self, exchange: Exchange) -> Hop:
        context = CallContext(
            correlation_id=exchange.correlation_id, principal=ANONYMOUS, trace=exchange.trace
        )
        return Hop(CALLS, TARGET, exchange.method, 0, context)

    def _seen_before(self, peer: tuple[str, int] | None) -> bool:
        """Say whether this connection (the peer's address and port) brought a request before."""
        if peer is None:
            return False
        if peer in self._peers:
            return True
        if len(self._peers) >= PEERS_MAX:
            del self._peers[next(iter(self._peers))]
        self._peers[peer] = None
        return False
