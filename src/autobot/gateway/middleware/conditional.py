"""Entity tags of JSON reads, and conditional requests (RFC 9110 §13).

A tag is strong: a hash of the very bytes. A route that knows better (a revision) sets its own ETag. `If-Match`
is compared strongly, so weak tags never match it; `If-None-Match` weakly. The coding suffix that compression
adds is not part of the comparison. A write under `If-Match` is held against what a GET of the same address would
answer; such writes to one address wait for one another, so of two that hold the same tag one is done.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final
from weakref import WeakValueDictionary

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autobot.gateway.exchange import SCOPE_KEY, Exchange
from autobot.gateway.middleware.compression import SUFFIXES
from autobot.gateway.problem import Refused
from autobot.kernel.core.errors import Malformed, NotFound, PreconditionFailed

_TAG: Final = re.compile(rb'\s*(W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')
_KEPT_ON_304: Final = frozenset(
    {b"cache-control", b"content-location", b"date", b"etag", b"expires", b"vary", b"set-cookie"}
)
_HASH: Final = blake2b(digest_size=12)
"""Copied for each body: cheaper than reading its parameters anew."""
_REVALIDATE: Final = (b"cache-control", b"private, no-cache")
ANY: Final = ("*",)
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def entity_tags(field: bytes) -> list[tuple[bool, bytes]] | None:
    """Return (weak, opaque tag with quotes) of a tag list; None when the field is malformed. `*` is not a list."""
    tags, position = [], 0
    while position < len(field):
        match = _TAG.match(field, position)
        if match is None:
            return None
        tags.append((match[1] is not None, match[2]))
        position = match.end()
    return tags or None


def without_coding(tag: bytes) -> bytes:
    """Return an opaque tag without the coding suffix that compression gave it."""
    for suffix in SUFFIXES:
        if tag.endswith(suffix + b'"'):
            return tag[: -len(suffix) - 1] + b'"'
    return tag


def none_match(field: bytes, tag: bytes) -> bytes | None:
    """Return the tag of If-None-Match that equals `tag` by weak comparison; `tag` itself for `*`; else None."""
    if field.strip() == b"*":
        return tag
    opaque = tag.removeprefix(b"W/")
    for weak, sent in entity_tags(field) or ():
        if without_coding(sent) == opaque:
            return b"W/" + sent if weak else sent
    return None


def demanded_tags(field: bytes) -> tuple[str, ...]:
    """Return the strong tags of If-Match without quotes and coding, or ANY for `*`. Raises Malformed."""
    if field.strip() == b"*":
        return ANY
    tags = entity_tags(field)
    if tags is None:
        raise Malformed('If-Match must be `*` or a list of entity tags such as "r12".')
    return tuple(without_coding(tag)[1:-1].decode("latin-1") for weak, tag in tags if not weak)


def require_match(call: Exchange, current: str | None) -> None:
    """Hold If-Match against the object's present tag (without quotes; None: there is no object).

    Raises PreconditionFailed. Without the field everything matches.
    """
    wanted = call.if_match
    if wanted is None:
        return
    if current is None or (wanted != ANY and current not in wanted):
        raise PreconditionFailed("The object is not what If-Match says; it was changed meanwhile.")


class Conditional:
    """Tags JSON answers to GET and answers 304 where the client has the same; holds writes to their If-Match."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._writes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with a sender that tags what it sees whole."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange: Exchange = scope[SCOPE_KEY]
        demanded = exchange.fields.get(b"if-match")
        if demanded is not None:
            exchange.if_match = demanded_tags(demanded)
            if exchange.method not in _READS:
                async with self._writes.setdefault(exchange.path, asyncio.Lock()):
                    require_match(exchange, await self._present_tag(scope, exchange))
                    await self._app(scope, receive, send)
                return
        if scope["method"] == "GET" or scope["method"] == "HEAD":
            send = _Tagging(send, exchange.fields.get(b"if-none-match"))
        await self._app(scope, receive, send)

    async def _present_tag(self, scope: Scope, exchange: Exchange) -> str | None:
        """Return the tag that a GET of this address would give, without quotes; None where there is nothing.

        Raises what the GET raises: who may not read an object may not learn by If-Match how it is.
        """
        seen = _Seen()
        method, exchange.method = exchange.method, "GET"
        try:
            asked = {**scope, "method": "GET", "query_string": b""}
            await self._app(asked, _no_body, _Tagging(seen, None))
        except (NotFound, Refused, _Untagged):
            return None
        except BaseExceptionGroup as group:
            if group.subgroup(_Untagged) is None:
                raise
            return None
        finally:
            exchange.method = method
        return seen.tag


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


class _Untagged(Exception):
    """Ends a read whose answer has no tag: it may be a stream that never ends."""


class _Seen:
    """A sender that keeps nothing of an answer but its entity tag."""

    __slots__ = ("tag",)

    def __init__(self) -> None:
        self.tag: str | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            fields: dict[Any, Any] = dict(message["headers"])
            tag: bytes = fields.get(b"etag", b"")
            if not tag.startswith(b'"'):
                raise _Untagged
            self.tag = tag[1:-1].decode("latin-1")


class _Tagging:
    """Holds the start of an answer back until its first piece of body says whether it is whole."""

    __slots__ = ("_governed", "_none_match", "_send", "_start", "_tag")

    def __init__(self, send: Send, none_match: bytes | None) -> None:
        self._send, self._none_match = send, none_match
        self._start: Message | None = None
        self._tag: bytes | None = None
        self._governed = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == 200 and self._tagged(message["headers"]):
                self._start = message
                return
        elif self._start is not None:
            start, self._start = self._start, None
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await self._whole(start, message)
                return
            await self._send(start)
        await self._send(message)

    def _tagged(self, fields: Iterable[tuple[bytes, bytes]]) -> bool:
        """Read what an answer says of itself; say whether it has a tag or gets one."""
        wanted = False
        for name, value in fields:
            if name == b"content-type":
                wanted = wanted or value.startswith(b"application/json")
            elif name == b"etag":
                self._tag, wanted = value, True
            elif name == b"cache-control":
                self._governed = True
        return wanted

    async def _whole(self, start: Message, body: Message) -> None:
        tag = self._tag
        if tag is None:
            hashed = _HASH.copy()
            hashed.update(body.get("body", b""))
            tag = b'"%b"' % hashed.hexdigest().encode()
            start["headers"].append((b"etag", tag))
        if not self._governed:
            start["headers"].append(_REVALIDATE)
        if self._none_match is not None:
            same = none_match(self._none_match, tag)
            if same is not None:
                kept = [
                    (name, same if name == b"etag" else value)
                    for name, value in start["headers"]
                    if name in _KEPT_ON_304
                ]
                await self._send({"type": "http.response.start", "status": 304, "headers": kept})
                await self._send({"type": "http.response.body", "body": b""})
                return
        await self._send(start)
        await self._send(body)
