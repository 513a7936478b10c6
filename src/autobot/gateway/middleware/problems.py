"""Every error that leaves an inner layer becomes a problem document, once, here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.problem import problem_of, send_problem

_CLOSE_CODES: Final = {401: 1008, 403: 1008, 404: 1008, 429: 1013, 503: 1013}
"""RFC 6455 §7.4: what a WebSocket is closed with when the handshake has no HTTP answer any more."""

OnError = Callable[[Exchange, BaseException], None]


class Problems:
    """Answers with the problem of what was raised. After the answer has begun nothing can be said in band:
    the error goes to the server, which breaks the connection, so that a cut answer never looks whole."""

    def __init__(self, app: ASGIApp, on_error: OnError) -> None:
        self._app, self._on_error = app, on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; map what comes back."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            exchange = exchange_of(scope)
            self._on_error(exchange, error)
            if scope["type"] == "websocket":
                await self._refuse_socket(scope, exchange, error, send)
            elif exchange.status:
                raise
            else:
                await send_problem(exchange, error, send)

    async def _refuse_socket(self, scope: Scope, exchange: Exchange, error: Exception, send: Send) -> None:
        """Refuse a handshake with the problem as its HTTP answer, or close a socket that is open already."""
        accepted = exchange.status == 101
        if not accepted and "websocket.http.response" in scope.get("extensions", {}):

            async def as_handshake(message: Message) -> None:
                await send({**message, "type": "websocket." + message["type"]})

            await send_problem(exchange, error, as_handshake)
            return
        await send({"type": "websocket.close", "code": _CLOSE_CODES.get(problem_of(error).status, 1011)})
