"""The trace that a request belongs to: W3C Trace Context level 2, gone on with or begun here."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import SCOPE_KEY, Exchange
from autobot.kernel.core.chance import Chance
from autobot.kernel.links.propagation import continue_trace


class Trace:
    """Sets the trace; its span id names the work of this process."""

    def __init__(self, app: ASGIApp, chance: Chance) -> None:
        self._app, self._chance = app, chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the trace set."""
        if scope["type"] != "lifespan":
            exchange: Exchange = scope[SCOPE_KEY]
            exchange.trace, _ = continue_trace(exchange.fields, self._chance)
        await self._app(scope, receive, send)
