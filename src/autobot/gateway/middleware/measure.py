"""Tells the listener of each request: the browser's rows of the matrix are counted here, on arrival.

HTTP calls belong to the row `frontend-gateway`, sockets and event streams to `frontend-backend`. What was
refused before anybody was identified counts in the HTTP metrics only.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import WEBSOCKET, Exchange, exchange_of
from autobot.kernel.core.clock import Clock
from autobot.kernel.telemetry.listener import Hop, Listener

CALLS: Final = "frontend-gateway"
STREAMS: Final = "frontend-backend"
TARGET: Final = "gateway"
STREAM_SUFFIXES: Final = ("/events", "/events/stream", "/ws")


class Measure:
    """Reports started / completed / failed, durations and sizes. Does nothing when nobody listens."""

    def __init__(self, clock: Clock, listener: Listener | None) -> None:
        self._now, self._listener = clock.monotonic, listener
        self._app: ASGIApp

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
        duration = self._now() - exchange.arrived
        failed = exchange.error is not None and (exchange.status >= 500 or not exchange.status)
        if exchange.hop is not None:
            if failed and exchange.error is not None:
                listener.failed(exchange.hop, duration, exchange.error)
            else:
                listener.completed(exchange.hop, duration)
        if exchange.method == WEBSOCKET:
            return
        labels = (("method", exchange.method), ("route", exchange.route), ("status", str(exchange.status)))
        listener.counted("http_server_request_duration_seconds", duration, labels)
        listener.counted("http_server_response_body_bytes", exchange.sent_bytes, labels)
        if exchange.body_bytes:
            listener.counted("http_server_request_body_bytes", exchange.body_bytes, labels)
