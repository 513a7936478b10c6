"""Small answers of plain ASGI routes: JSON, pages, and which of the two a client wants."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, Final

import orjson
from starlette.types import Send

from autobot.gateway.exchange import Exchange
from autobot.gateway.negotiation import prefers

HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"


async def respond(
    send: Send,
    body: bytes,
    content_type: str,
    *,
    status: int = 200,
    fields: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Send a whole answer."""
    head = [
        (b"content-type", content_type.encode()),
        (b"content-length", b"%d" % len(body)),
        *fields,
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def respond_json(send: Send, value: Any) -> None:
    """Send `value` as JSON."""
    await respond(send, orjson.dumps(value), JSON)


async def tell_methods(send: Send, allow: str) -> None:
    """Answer OPTIONS (RFC 9110 §9.3.7)."""
    await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", allow.encode())]})
    await send({"type": "http.response.body", "body": b""})


def wants_page(exchange: Exchange) -> bool:
    """Say whether the client asks for a page rather than data: browsers name text/html."""
    return prefers(exchange.fields.get(b"accept", b""), "text/html", JSON)


def page(exchange: Exchange, title: str, body: str) -> bytes:
    """Return a small page of ours. `body` is HTML already; `title` is text."""
    style = escape(exchange.address("/docs/page.css"))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n'
        f'<title>{escape(title)} · AutoBot</title>\n<link rel="icon" href="data:,">\n'
        f'<link rel="stylesheet" href="{style}">\n</head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    ).encode()
