"""Entity tags of JSON reads, and conditional requests (RFC 9110 §13).

A tag is strong: a hash of the very bytes. A route that knows better (a revision) sets its own ETag. `If-Match`
is compared strongly, so weak tags never match it; `If-None-Match` weakly. The coding suffix that compression
adds is not part of the comparison. A write under either is held against what a GET of the same address would
answer; such writes to one address wait for one another, so of two that hold the same tag one is done. A read
under `If-Match` is 412 when what it would get is something else.
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
from autobot.gateway.middleware.compression import MINIMUM_BYTES, SUFFIXES
from autobot.gateway.problem import Refused
from autobot.kernel.core.errors import Malformed, NotFound, PreconditionFailed

_TAG: Final = re.compile(rb'[ \t,]*(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)')
_EMPTY: Final = re.compile(rb"[ \t,]*")
"""Empty elements of a list, which a recipient passes over (RFC 9110 §5.6.1.2)."""
_KEPT_ON_304: Final = frozenset(
    {b"cache-control", b"content-location", b"date", b"etag", b"expires", b"vary", b"set-cookie"}
)
_HASH: Final = blake2b(digest_size=12)
"""Copied for each body: cheaper than reading its parameters anew."""
_REVALIDATE: Final = (b"cache-control", b"private, no-cache")
_VARY: Final = (b"vary", b"Accept-Encoding")
ANY: Final = ("*",)
_UNTAGGED: Final = " "
"""Stands for the tag of an object that has none: no tag has a space in it."""
_READS: Final = frozenset({"GET", "HEAD"})
_UNCONDITIONAL: Final = frozenset({"OPTIONS", "TRACE", "CONNECT"})
"""Methods that select no representation, so conditions on it do not concern them (§13.2.1)."""


def entity_tags(field: bytes) -> list[tuple[bool, bytes]] | None:
    """Return (weak, opaque tag with quotes) of a tag list; None when the field is malformed. `*` is not a list."""
    tags, position = [], 0
    while (match := _TAG.match(field, position)) is not None:
        tags.append((match[1] is not None, match[2]))
        position = match.end()
    return tags if tags and _EMPTY.fullmatch(field, position) else None


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


def require_none_match(field: bytes, current: str | None) -> None:
    """Hold If-None-Match of a write against the object's present tag (without quotes; None: there is no object).

    Raises PreconditionFailed, and Malformed for what is no list of tags: nobody writes under a condition unread.
    """
    if field.strip() != b"*" and entity_tags(field) is None:
        raise Malformed('If-None-Match must be `*` or a list of entity tags such as "r12".')
    if current is not None and none_match(field, b'"%b"' % current.encode("latin-1")) is not None:
        raise PreconditionFailed("The object is there, as If-None-Match says that it must not be.")


class Conditional:
    """Tags JSON answers to GET and answers 304 where the client has the same; holds writes to their conditions."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._writes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with a sender that tags what it sees whole."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange: Exchange = scope[SCOPE_KEY]
        demanded, unwanted = exchange.fields.get(b"if-match"), exchange.fields.get(b"if-none-match")
        if demanded is not None and exchange.method not in _UNCONDITIONAL:
            exchange.if_match = demanded_tags(demanded)
        if exchange.method in _READS:
            send = _Tagging(send, unwanted, exchange if demanded is not None else None)
        elif (demanded is not None or unwanted is not None) and exchange.method not in _UNCONDITIONAL:
            async with self._writes.setdefault(exchange.path, asyncio.Lock()):
                present = await self._present_tag(scope, exchange)
                require_match(exchange, present)
                if unwanted is not None:
                    require_none_match(unwanted, present)
                await self._app(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _present_tag(self, scope: Scope, exchange: Exchange) -> str | None:
        """Return the tag that a GET of this address would give, without quotes; None where there is nothing.

        An object without a tag has one that equals no other.

        Raises what the GET raises: who may not read an object may not learn by If-Match how it is.
        """
        seen = _Seen()
        method, exchange.method = exchange.method, "GET"
        try:
            asked = {**scope, "method": "GET", "query_string": b""}
            await self._app(asked, _no_body, _Tagging(seen, None))
        except (NotFound, Refused):
            return None
        except _Untagged:
            return _UNTAGGED
        except BaseExceptionGroup as group:
            if group.subgroup(_Untagged) is None:
                raise
            return _UNTAGGED
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
    """Holds the start of an answer back until its first piece of body says whether it is whole.

    `demanding` is the exchange whose If-Match the answer must meet. Raises PreconditionFailed.
    """

    __slots__ = ("_demanding", "_governed", "_none_match", "_send", "_start", "_tag", "_varies")

    def __init__(self, send: Send, none_match: bytes | None, demanding: Exchange | None = None) -> None:
        self._send, self._none_match, self._demanding = send, none_match, demanding
        self._start: Message | None = None
        self._tag: bytes | None = None
        self._governed = self._varies = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == 200:
                if self._tagged(message["headers"]):
                    self._start = message
                    return
                self._demand(None)
        elif self._start is not None:
            start, self._start = self._start, None
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await self._whole(start, message)
                return
            self._demand(self._tag)
            await self._send(start)
        await self._send(message)

    def _demand(self, tag: bytes | None) -> None:
        """Hold If-Match against the tag of the answer; None: it has none."""
        if self._demanding is not None:
            strong = tag is not None and tag.startswith(b'"')
            present = without_coding(tag)[1:-1].decode("latin-1") if tag and strong else _UNTAGGED
            require_match(self._demanding, present)

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
            elif name == b"vary":
                self._varies = True
        return wanted

    async def _whole(self, start: Message, body: Message) -> None:
        tag = self._tag
        if tag is None:
            hashed = _HASH.copy()
            hashed.update(body.get("body", b""))
            tag = b'"%b"' % hashed.hexdigest().encode()
            start["headers"].append((b"etag", tag))
        self._demand(tag)
        if not self._governed:
            start["headers"].append(_REVALIDATE)
        if not self._varies and len(body.get("body", b"")) >= MINIMUM_BYTES:
            start["headers"].append(_VARY)
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
