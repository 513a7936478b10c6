"""One HTTP/1.1 connection of our own: an asyncio protocol around the llhttp parser, one exchange at a time.

aiohttp spends 90 µs of CPU on an exchange, this about 25. It speaks plain HTTP only (decision 0018).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools

from autobot.kernel.core.errors import AutoBotError, BadAnswer, ConnectionLost

HEAD_MAX: Final = 64 * 1024
"""Bytes of an answer's status line and header fields together."""
UNREAD_MAX: Final = 256 * 1024
"""Bytes of a body that wait for their reader before the connection is read no further."""
INTERIM_BELOW: Final = 200
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


class Connection(asyncio.Protocol):
    """The parser's callbacks fill the answer; one task reads it. `lost` hears once that the connection is gone."""

    __slots__ = (
        "_broken",
        "_busy",
        "_gone",
        "_headless",
        "_keep",
        "_lost",
        "_parser",
        "_parts",
        "_paused",
        "_stray",
        "_target",
        "_transport",
        "_unread",
        "_waiter",
        "_whole",
        "fields",
        "idle_since",
        "status",
    )

    def __init__(self, link: str, target: str, lost: Callable[[Connection], None]) -> None:
        self._target, self._lost = (link, target), lost
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._busy = self._paused = self._stray = False
        self._gone = True
        self._waiter: asyncio.Future[None] | None = None
        self._parts: list[bytes] = []
        self.idle_since = 0.0
        self._begin(headless=False)

    def _begin(self, *, headless: bool) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self._whole = self._keep = False
        self._headless = headless
        self._unread = 0
        self._broken: AutoBotError | None = None

    # ------------------------------------------------------------------------------------- its one exchange

    async def exchange(self, request: bytes, *, headless: bool) -> None:
        """Send a request and wait for the head of its answer; a headless one has no body, whatever it says.

        Raises ConnectionLost and BadAnswer. Whoever began an exchange calls `ended`.
        """
        self._begin(headless=headless)
        self._busy = True
        if self._gone:
            raise self._cut()
        self._transport.write(request)
        while not self.status:
            if self._broken is not None:
                raise self._broken
            await self._news()

    async def read(self) -> bytes:
        """Return what of the body has come, waiting until something has; empty at its end."""
        parts = self._parts
        while not parts:
            if self._whole:
                return b""
            if self._broken is not None:
                raise self._broken
            await self._news()
        piece = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._unread = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return piece

    def ended(self) -> bool:
        """End the exchange; say whether the connection may serve another one, else it is closed."""
        self._busy = False
        self._parts.clear()
        self._broken = None
        if self._whole and self._keep and not (self._stray or self._gone or self._paused):
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close at once."""
        if not self._gone:
            self._transport.abort()

    @property
    def usable(self) -> bool:
        """Whether a request may be sent: it is open and nothing came that was not asked for."""
        return not (self._gone or self._stray or self._transport.is_closing())

    async def _news(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _cut(self) -> ConnectionLost:
        link, target = self._target
        return ConnectionLost(
            f"{target} closed the connection before its answer was whole.", link=link, target=target
        )

    # ----------------------------------------------------------------------------- asyncio's side of it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport, self._gone = cast("asyncio.Transport", transport), False

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if not self._busy or self._stray:
            # Nobody asked for it: the next answer could be mistaken for another one's.
            self._stray = True
            self._transport.abort()
            return
        waited = not self.status
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._bad(
                "does not answer as HTTP demands" if not self.status else "sent a body that breaks HTTP"
            )
        if not self.status:
            self._unread += len(data)
            if self._unread > HEAD_MAX:
                self._bad("sent a head without end")
        elif waited and len(data) > HEAD_MAX and sum(len(n) + len(v) for n, v in self.fields) > HEAD_MAX:
            self.status, self._whole = 0, False
            self._bad("sent a head without end")
        elif self._unread > UNREAD_MAX and not self._paused and not self._whole:
            self._paused = True
            self._transport.pause_reading()
        if self.status or self._broken is not None:
            self._wake()

    def _bad(self, what: str) -> None:
        self._stray = True
        if not self._whole:
            link, target = self._target
            self._broken = BadAnswer(f"{target} {what}.", link=link, target=target)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End the answer: well, where only the end of the connection could end it."""
        self._gone = True
        if self._busy and not self._whole and self._broken is None:
            if self.status and exc is None and not any(name.lower() in _FRAMING for name, _ in self.fields):
                self._whole = True
            else:
                self._broken = self._cut()
        self._wake()
        # It knows this object, and this object it: a cycle a connection.
        del self._parser
        self._lost(self)

    # ----------------------------------------------------------------------------- the parser's side of it

    def on_message_begin(self) -> None:
        """Notice an answer that nobody asked for."""
        if self._whole:
            self._stray = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field; what looks like one after the body is a trailer, which nobody reads."""
        if not self.status:
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand over the head, unless it is an interim one (RFC 9110 §15.2)."""
        status = self._parser.get_status_code()
        if self._stray or self.status:
            return
        if status < INTERIM_BELOW:
            self.fields.clear()
            return
        self._unread = 0
        self.status = status
        self._whole = self._headless

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if not self._whole and not self._stray:
            self._parts.append(body)
            self._unread += len(body)

    def on_message_complete(self) -> None:
        """Mark the end."""
        if self.status and not self._whole:
            self._whole, self._keep = True, self._parser.should_keep_alive()
