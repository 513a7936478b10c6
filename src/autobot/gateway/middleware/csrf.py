"""Writes of a browser session carry a proof that our own page sent them; sockets open from our own pages only."""

from __future__ import annotations

import hmac
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.problem import Refused
from autobot.gateway.site import Site

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""


class CrossSite:
    """Raises Refused (403 `csrf`) for a write or a handshake that another site's page caused.

    A request with an `Authorization` field is left alone: browsers never attach one by themselves.
    """

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app, self._origin = app, site.origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is proven to come from our own pages, or from no browser."""
        kind = scope["type"]
        if (kind == "http" and scope["method"] not in SAFE) or kind == "websocket":
            exchange = exchange_of(scope)
            if b"authorization" not in exchange.fields:
                self._check_origin(exchange)
                if kind == "http":
                    self._check_proof(exchange)
        await self._app(scope, receive, send)

    def _check_origin(self, exchange: Exchange) -> None:
        origin = exchange.fields.get(b"origin")
        if origin is None:
            return
        text = origin.decode("latin-1").lower()
        if text == self._origin:
            return
        # Scheme is left out: behind a TLS proxy that is not declared we cannot know ours.
        scheme, _, authority = text.partition("://")
        if scheme in ("http", "https") and authority and authority == exchange.host.lower():
            return
        raise Refused(
            kinds.CSRF,
            "This request comes from a page of another site.",
            hint="Open AutoBot under the address in AUTOBOT_PUBLIC_URL, or set it to the one that you use.",
        )

    def _check_proof(self, exchange: Exchange) -> None:
        proven = exchange.proven
        if proven is None or proven.csrf is None:
            return
        sent = exchange.fields.get(b"x-csrf-token", b"")
        if not hmac.compare_digest(sent, proven.csrf.encode()):
            raise Refused(
                kinds.CSRF,
                "A write of a browser session needs the session's X-CSRF-Token.",
                hint="GET /api/v1/auth/me tells it as `csrf_token`.",
            )
