"""Bodies: declared, of a known type, within their size, and arriving in time."""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.problem import Refused
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.errors import Malformed, TooLarge
from autobot.kernel.core.stepping import Late, at_most

JSON_PATHS: Final = ("/api/", "/v1/", "/v2/", "/hop/")
"""Below these a body must be JSON unless the route's prefix says otherwise."""


def is_json(content_type: bytes) -> bool:
    """Say whether a media type is JSON (RFC 8259, RFC 6839 `+json`) and in the only charset that JSON has."""
    if content_type == b"application/json":
        return True
    kind, _, params = content_type.decode("latin-1").lower().partition(";")
    kind = kind.strip()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        return False
    for param in params.split(";"):
        name, _, value = param.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8", "us-ascii"):
            return False
    return True


class BodyRules:
    """What a body must be. Checks what is declared before a byte is read, then counts and times what arrives."""

    def __init__(
        self, limits: EdgeLimits, media_types: tuple[tuple[str, tuple[bytes, ...]], ...] = ()
    ) -> None:
        self._limits, self._media_types = limits, media_types

    def guarded(self, exchange: Exchange, receive: Receive) -> Receive:
        """Return a `receive` that keeps to the rules; the same one for a request without a body.

        Raises at once, and from that `receive` later: TooLarge (413), Refused (415 type or coding, 408 too slow),
        Malformed (400 lengths that contradict).
        """
        fields = exchange.fields
        length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
        if (length is None and coding is None) or length == b"0":
            return receive
        limit = self._limit(exchange.path)
        self._check_declared(exchange, length, limit)
        return _Guarded(receive, exchange, limit, self._limits)

    def _limit(self, path: str) -> int:
        for prefix, limit in self._limits.body_bytes_by_prefix:
            if path.startswith(prefix):
                return limit
        return self._limits.body_bytes

    def _check_declared(self, exchange: Exchange, length: bytes | None, limit: int) -> None:
        if length is not None:
            if not length.isdigit():
                raise Malformed("Content-Length must be one whole number.")
            if int(length) > limit:
                raise TooLarge(f"The body has {int(length)} bytes; at most {limit} are accepted here.")
        encoding = exchange.fields.get(b"content-encoding", b"identity").strip().lower()
        if encoding not in (b"identity", b""):
            raise Refused(
                kinds.UNSUPPORTED_MEDIA_TYPE,
                "Encoded bodies are not accepted.",
                fields={"Accept-Encoding": "identity"},
            )
        if not exchange.path.startswith(JSON_PATHS):
            return
        content_type = exchange.fields.get(b"content-type", b"")
        if is_json(content_type):
            return
        others = [
            one
            for begins, types in self._media_types
            if fnmatchcase(exchange.path, f"{begins}*")
            for one in types
        ]
        if content_type.lower().startswith(tuple(others)):
            return
        named = ["application/json", *(one.decode() for one in others)]
        raise Refused(
            kinds.UNSUPPORTED_MEDIA_TYPE,
            f"The body must be declared as Content-Type: {' or '.join(named)}.",
            fields={"Accept": ", ".join(named)},
        )


class Body:
    """Holds every request's body to the rules. Raises as `BodyRules`."""

    def __init__(
        self, app: ASGIApp, limits: EdgeLimits, media_types: tuple[tuple[str, tuple[bytes, ...]], ...] = ()
    ) -> None:
        self._app, self._rules = app, BodyRules(limits, media_types)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with a guarded `receive`."""
        if scope["type"] == "http":
            receive = self._rules.guarded(exchange_of(scope), receive)
        await self._app(scope, receive, send)


class _Guarded:
    """A `receive` that counts bytes and bounds each wait, and the whole."""

    __slots__ = ("_ends", "_exchange", "_limit", "_limits", "_receive", "_whole")

    def __init__(self, receive: Receive, exchange: Exchange, limit: int, limits: EdgeLimits) -> None:
        self._receive, self._exchange, self._limit, self._limits = receive, exchange, limit, limits
        self._ends = exchange.arrived + limits.body_total_s
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        left = self._ends - asyncio.get_running_loop().time()
        try:
            message = await at_most(self._receive(), min(self._limits.body_gap_s, left))
        except Late:
            raise Refused(
                kinds.REQUEST_TIMEOUT, "The body stopped arriving.", fields={"Connection": "close"}
            ) from None
        if message["type"] == "http.request":
            exchange = self._exchange
            exchange.body_bytes += len(message.get("body", b""))
            if exchange.body_bytes > self._limit:
                raise TooLarge(f"The body has more than the {self._limit} bytes that are accepted here.")
            self._whole = exchange.body_whole = not message.get("more_body", False)
        return message
