"""Outermost: makes the exchange, with the time of arrival."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import SCOPE_KEY, Exchange
from autobot.kernel.core.clock import Clock


class Arrival:
    """Gives each request and WebSocket its `Exchange`; lifespan passes by."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app, self._now = app, clock.monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the exchange in the scope and its `send`."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange = scope[SCOPE_KEY] = Exchange(scope, send, self._now())
        try:
            await self._app(scope, receive, exchange.send)
        finally:
            # The server's own objects hold the scope: without this each request would be a cycle.
            del scope[SCOPE_KEY]
        go_on = exchange.continuation
        if go_on is not None:
            del exchange
            await go_on(receive, send)
