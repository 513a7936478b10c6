"""Ids of a request: its own, and the correlation id that the caller gave or gets."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import exchange_of
from autobot.kernel.core.ids import IdSource
from autobot.kernel.links.propagation import parse_correlation_id


class Correlation:
    """Sets request id and correlation id, and echoes the latter on every answer.

    A correlation id that is not well formed is replaced, not refused: it never decides anything.
    """

    def __init__(self, app: ASGIApp, ids: IdSource) -> None:
        self._app, self._new = app, ids.new

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the ids set."""
        if scope["type"] != "lifespan":
            exchange = exchange_of(scope)
            exchange.new_id = self._new
            given = parse_correlation_id(exchange.fields.get(b"x-correlation-id"))
            exchange.correlation_id = known = given or exchange.request_id
            exchange.answer_fields.append((b"x-correlation-id", known.encode("ascii")))
        await self._app(scope, receive, send)
