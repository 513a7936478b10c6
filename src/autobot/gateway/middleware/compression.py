"""zstd, br and gzip for answers that are worth it; never for event streams."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type, remove_compress_type

from autobot.gateway.exchange import exchange_of
from autobot.gateway.problem import MEDIA_TYPE

MINIMUM_BYTES: Final = 1_000
SUFFIXES: Final = (b"-zstd", b"-br", b"-gzip")

# The library keeps one registry a process. A compressor in front of an event stream delays its events.
remove_compress_type("text/event-stream")
add_compress_type(MEDIA_TYPE)


def encoded_tag(tag: bytes, coding: bytes) -> bytes:
    """Return the entity tag of an encoded form: another representation needs another strong tag (RFC 9110 §8.8.3)."""
    return tag[:-1] + b"-" + coding + b'"' if tag.endswith(b'"') else tag


class Compression:
    """Encodes bodies as `Accept-Encoding` allows; the entity tag of an encoded body names its coding."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = CompressMiddleware(app, minimum_size=MINIMUM_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; encode what comes back."""
        if scope["type"] != "http" or b"accept-encoding" not in exchange_of(scope).fields:
            await self._app(scope, receive, send)
            return

        async def tagging(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = message["headers"]
                coding = next((value for name, value in fields if name == b"content-encoding"), None)
                if coding is not None:
                    message["headers"] = [
                        (name, encoded_tag(value, coding) if name == b"etag" else value)
                        for name, value in fields
                    ]
            await send(message)

        await self._compressing(scope, receive, tagging)
