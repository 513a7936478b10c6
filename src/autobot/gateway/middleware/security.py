"""Header fields that every answer carries, so that a browser does nothing with it that we did not mean."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import exchange_of

API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of answers that are no pages."""

PAGE_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of our own pages: nothing from elsewhere, no inline script, no style element.

Style attributes stay allowed: positions of menus and heights of virtual lists are written there by script.
"""

COMMON: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")
_API: Final = (*COMMON, (b"content-security-policy", API_POLICY.encode()))
_PAGE: Final = (
    *COMMON,
    (b"content-security-policy", PAGE_POLICY.encode()),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
NOT_PAGES: Final = ("/api/", "/v1/", "/v2/", "/metrics", "/openapi.json", "/ws")


class Security:
    """Adds the fields by the kind of address; Strict-Transport-Security where the client speaks TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the fields set."""
        if scope["type"] == "http":
            exchange = exchange_of(scope)
            exchange.answer_fields += _API if exchange.path.startswith(NOT_PAGES) else _PAGE
            if exchange.scheme == "https":
                exchange.answer_fields.append(_STRICT_TRANSPORT)
        await self._app(scope, receive, send)
