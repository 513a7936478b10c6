"""zstd, br and gzip for answers that are worth it; never for event streams."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type, remove_compress_type

from autobot.gateway.exchange import exchange_of
from autobot.gateway.negotiation import IDENTITY, preferred_coding, refuses_identity
from autobot.gateway.problem import MEDIA_TYPE

MINIMUM_BYTES: Final = 1_000
CODINGS: Final = ("zstd", "br", "gzip")
"""Those that we have, best first."""
SUFFIXES: Final = tuple(b"-" + coding.encode() for coding in CODINGS)
_ASKS: Final = b"accept-encoding"

# The library keeps one registry a process. A compressor in front of an event stream delays its events.
remove_compress_type("text/event-stream")
add_compress_type(MEDIA_TYPE)


def encoded_tag(tag: bytes, coding: bytes) -> bytes:
    """Return the entity tag of an encoded form: another representation needs another strong tag (RFC 9110 §8.8.3)."""
    return tag[:-1] + b"-" + coding + b'"' if tag.endswith(b'"') else tag


def _encoded(name: bytes, value: bytes, coding: bytes) -> tuple[bytes, bytes]:
    """Return a field of an encoded answer. The library adds to a Vary that says the same already."""
    if name == b"etag":
        return name, encoded_tag(value, coding)
    if name == b"vary":
        parts = [part.strip() for part in value.split(b",")]
        return name, b", ".join({part.lower(): part for part in reversed(parts)}.values())
    return name, value


def _only(app: ASGIApp, coding: str, minimum_bytes: int) -> CompressMiddleware:
    """Return the library's middleware with one coding: of several it takes the first, whatever the weights."""
    return CompressMiddleware(
        app,
        minimum_size=minimum_bytes,
        zstd=coding == "zstd",
        brotli=coding == "br",
        gzip=coding == "gzip",
    )


class Compression:
    """Encodes bodies as `Accept-Encoding` prefers; the entity tag of an encoded body names its coding.

    Bodies below 1,000 bytes are left as they are, unless the client refuses what has no coding.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._worthwhile = {coding: _only(app, coding, MINIMUM_BYTES) for coding in CODINGS}
        self._always = {coding: _only(app, coding, 1) for coding in CODINGS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; encode what comes back."""
        asked = exchange_of(scope).fields.get(_ASKS) if scope["type"] == "http" else None
        coding = IDENTITY if asked is None else preferred_coding(asked, CODINGS)
        if asked is None or coding == IDENTITY:
            await self._app(scope, receive, send)
            return
        if b"x-" in asked:
            # The library does not know the old names.
            lines = [(name, value) for name, value in scope["headers"] if name != _ASKS]
            scope = {**scope, "headers": [*lines, (_ASKS, coding.encode())]}

        async def tagging(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = message["headers"]
                coding = next((value for name, value in fields if name == b"content-encoding"), None)
                if coding is not None:
                    message["headers"] = [_encoded(name, value, coding) for name, value in fields]
            await send(message)

        compressing = self._always if refuses_identity(asked) else self._worthwhile
        await compressing[coding](scope, receive, tagging)
