"""The WebSocket shell around the session protocol: one task reads, one writes, joins run beside them.

Ping and pong frames, fragmentation and UTF-8 are the server's (uvicorn, every 20 s); what stands here is ours:
size, pace, credentials, close codes. A pure ASGI endpoint: `Sockets(...)` is the app of the route `/ws`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from autobot.gateway.access import Authenticator, Proven
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.problem import problem_document
from autobot.gateway.realtime import frames
from autobot.gateway.realtime.fanout import Fanout, Session
from autobot.gateway.realtime.protocol import (
    Close,
    Complain,
    Hangup,
    Ping,
    SessionProtocol,
    Subscribe,
    Unsubscribe,
)
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.telemetry.listener import Listener


class Reproof:
    """Proves the credential of an open session again."""

    __slots__ = ("_authenticator", "_context", "_credential")

    def __init__(self, authenticator: Authenticator, exchange: Exchange) -> None:
        self._authenticator, self._credential = authenticator, exchange.credential
        self._context = replace(exchange.called, deadline=None)

    async def __call__(self) -> CallContext | None:
        """Return the session's context with the principal as it is now, None when the credential has ended."""
        if self._credential is None:
            return None
        kind, token = self._credential
        proven = await (self._authenticator.key if kind == "key" else self._authenticator.session)(token)
        return None if proven is None else replace(self._context, principal=proven.principal)


class Sockets:
    """The endpoint `/ws`. Expects an authenticated exchange (the route guard saw to it)."""

    def __init__(
        self,
        fanout: Fanout,
        authenticator: Authenticator,
        limits: EdgeLimits,
        clock: Clock,
        listener: Listener | None = None,
    ) -> None:
        self._fanout, self._authenticator, self._limits = fanout, authenticator, limits
        self._clock, self._listener = clock, listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until either side closes it."""
        exchange = exchange_of(scope)
        await receive()
        send = exchange.send_out
        await send({"type": "websocket.accept", "headers": exchange.answer_fields})
        exchange.status = 101
        began = self._clock.monotonic()
        self._count("websocket_handshake_seconds", began - exchange.arrived)
        session = Session(
            self._fanout,
            replace(exchange.called, deadline=None),
            frames_max=self._limits.queue_frames,
            bytes_max=self._limits.queue_bytes,
            credential=exchange.proven.credential if exchange.proven else "",
            prove=Reproof(self._authenticator, exchange),
        )
        self._fanout.enter(session)
        ending = self._expiry(session, exchange.proven)
        try:
            code = await _Socket(session, self._fanout, self._limits, receive, send).run()
        finally:
            self._fanout.exit(session)
            if ending is not None:
                ending.cancel()
        self._count("websocket_duration_seconds", self._clock.monotonic() - began, ("code", str(code)))

    def _count(self, name: str, value: float, *labels: tuple[str, str]) -> None:
        if self._listener is not None:
            self._listener.counted(name, value, labels)

    def _expiry(self, session: Session, proven: Proven | None) -> asyncio.TimerHandle | None:
        """Close the session when its credential ends by itself."""
        if proven is None or proven.expires is None:
            return None
        loop = asyncio.get_running_loop()
        return loop.call_at(proven.expires, session.outbox.close, Close.POLICY, "the credential has expired")


class _Socket:
    """One open socket."""

    __slots__ = ("_fanout", "_protocol", "_receive", "_send", "_session", "_tasks")

    def __init__(
        self, session: Session, fanout: Fanout, limits: EdgeLimits, receive: Receive, send: Send
    ) -> None:
        self._session, self._fanout, self._receive, self._send = session, fanout, receive, send
        self._protocol = SessionProtocol(limits.frame_bytes, limits.channels_per_session)
        self._tasks: asyncio.TaskGroup

    async def run(self) -> int:
        """Return the code that the socket was closed with."""
        code = int(Close.NORMAL)
        async with asyncio.TaskGroup() as self._tasks:
            writer = self._tasks.create_task(self._write())
            code = await self._read()
            self._session.leave_all()
            self._session.outbox.close(Close.NORMAL, "")
            await writer
        return code

    async def _write(self) -> None:
        outbox, send = self._session.outbox, self._send
        try:
            while (frame := await outbox.take()) is not None:
                await send({"type": "websocket.send", "text": frame.text})
            code, reason = outbox.closing or (Close.NORMAL, "")
            await send({"type": "websocket.close", "code": int(code), "reason": reason})
        except (OSError, RuntimeError):
            # The peer is gone; the reader hears of it and ends the session.
            outbox.close(Close.NORMAL, "")

    async def _read(self) -> int:
        while True:
            message: Message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or 1005)
            if self._session.outbox.closing is None:
                self._act(message)

    def _act(self, message: dict[str, Any] | Message) -> None:
        session = self._session
        match self._protocol.received(message.get("text"), session.subscriptions):
            case Subscribe(channel=channel, after=after):
                self._tasks.create_task(self._join(channel, after))
            case Unsubscribe(channel=channel):
                session.leave(channel)
            case Ping():
                session.outbox.offer(frames.PONG)
            case Complain(error=error, channel=channel):
                self._complain(error, channel)
            case Hangup(code=code, reason=reason):
                session.leave_all()
                session.outbox.close(code, reason)

    async def _join(self, channel: str, after: int | None) -> None:
        try:
            await self._fanout.subscribe(self._session, channel, after)
        except Exception as error:  # noqa: BLE001 - told to the client, and to the listener by the source's link
            # A source that fails must not take the other channels of this socket with it.
            self._complain(error, channel)

    def _complain(self, error: BaseException, channel: str | None) -> None:
        correlation_id = self._session.context.correlation_id
        document = problem_document(error, correlation_id=correlation_id)
        self._session.outbox.offer(frames.error(document, channel))
