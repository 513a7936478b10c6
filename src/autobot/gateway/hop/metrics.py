"""`GET /metrics` of a role that is no gateway: at its own address, for who has an API key with `metrics:read`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.access import Authenticator
from autobot.gateway.exchange import exchange_of
from autobot.gateway.hop.answers import answer, refuse
from autobot.gateway.middleware.arrival import Arrival
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import Unauthenticated
from autobot.kernel.core.ids import IdSource

PATH: Final = "/metrics"
ACTION: Final = "metrics:read"
BEARER: Final = b"Bearer "


class RoleMetrics:
    """Answers `GET /metrics`, and gives everything else to `app`.

    `authorize` raises unless a principal may do an action; `render` returns content type and text for what a scraper
    accepts.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        authorize: Callable[[Principal, str], None],
        render: Callable[[str], tuple[str, bytes]],
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._app, self._authenticator, self._authorize = app, authenticator, authorize
        self._render, self._clock, self._ids = render, clock, ids
        self._metrics = Arrival(self._answer, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's scope."""
        mine = scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "GET"
        await (self._metrics if mine else self._app)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        exchange.new_id = self._ids.new
        try:
            self._authorize(await self._proven(exchange.fields.get(b"authorization", b"")), ACTION)
            kind, body = self._render(exchange.fields.get(b"accept", b"").decode("latin-1"))
        except Exception as error:  # noqa: BLE001 - this is the edge: whatever it is, it is answered
            await refuse(exchange, error, send, now=self._clock.monotonic(), told=False)
        else:
            await answer(send, body, kind=kind, fields=((b"cache-control", b"no-store"),))

    async def _proven(self, field: bytes) -> Principal:
        """Return whose key it is. Raises Unauthenticated."""
        if field.startswith(BEARER):
            found = await self._authenticator.key(field[len(BEARER) :].decode("latin-1"))
            if found is not None:
                return found.principal
        raise Unauthenticated("The metrics of a role need an API key that holds.")
