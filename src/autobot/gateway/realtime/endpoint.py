"""The WebSocket shell around the session protocol: one task reads; frames are written where they are published.

Ping and pong frames, fragmentation and UTF-8 are the server's (uvicorn, every 20 s); what stands here is ours:
size, pace, credentials, close codes. A pure ASGI endpoint: `Sockets(...)` is the app of the route `/ws`.
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope, Send

from autobot.gateway.access import Authenticator
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
from autobot.gateway.realtime.reproof import Reproof
from autobot.gateway.realtime.writer import SocketWriter
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.clock import Clock
from autobot.kernel.telemetry.listener import Listener


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
        """Accept the handshake; the session itself runs when the middleware has let go of the request."""
        exchange = exchange_of(scope)
        await receive()
        await exchange.send_out({"type": "websocket.accept", "headers": exchange.answer_fields})
        exchange.status = 101
        self._count("websocket_handshake_seconds", self._clock.monotonic() - exchange.arrived)
        exchange.continuation = self._open(exchange).run

    def _open(self, exchange: Exchange) -> _Socket:
        session = Session(
            self._fanout,
            exchange.called,
            frames_max=self._limits.queue_frames,
            bytes_max=self._limits.queue_bytes,
            credential=exchange.proven.credential if exchange.proven else "",
            prove=Reproof(self._authenticator, exchange),
        )
        expires = exchange.proven.expires if exchange.proven else None
        return _Socket(self, session, expires)

    def _count(self, name: str, value: float, *labels: tuple[str, str]) -> None:
        if self._listener is not None:
            self._listener.counted(name, value, labels)


class _Socket:
    """One open socket."""

    __slots__ = ("_expires", "_home", "_protocol", "_session")

    def __init__(self, home: Sockets, session: Session, expires: float | None) -> None:
        self._home, self._session, self._expires = home, session, expires
        limits = home._limits
        self._protocol = SessionProtocol(limits.frame_bytes, limits.channels_per_session)

    async def run(self, receive: Receive, send: Send) -> None:
        """Serve until either side closes."""
        home, session = self._home, self._session
        began = home._clock.monotonic()
        writer = SocketWriter(session.outbox, send, home._fanout.spawn, home._fanout.counts)
        session.outbox.writer = writer
        home._fanout.enter(session)
        ending = self._expiry()
        code = int(Close.INTERNAL)
        try:
            code = await self._read(receive)
        finally:
            writer.peer_left()
            session.outbox.close(Close.NORMAL, "")
            home._fanout.exit(session)
            if ending is not None:
                ending.cancel()
            home._count("websocket_duration_seconds", home._clock.monotonic() - began, ("code", str(code)))

    def _expiry(self) -> asyncio.TimerHandle | None:
        """Close the session when its credential ends by itself."""
        if self._expires is None:
            return None
        loop = asyncio.get_running_loop()
        close = self._session.outbox.close
        return loop.call_at(self._expires, close, Close.POLICY, "the credential has expired")

    async def _read(self, receive: Receive) -> int:
        home = self._home._fanout
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or 1005)
            home.counts.received += 1
            if self._session.outbox.closing is None:
                self._act(message)

    def _act(self, message: Message) -> None:
        session = self._session
        match self._protocol.received(message.get("text"), session.subscriptions):
            case Subscribe(channel=channel, after=after):
                session.keep(self._home._fanout.spawn(self._join(channel, after)))
            case Unsubscribe(channel=channel):
                session.leave(channel)
            case Ping():
                self._home._fanout.counts.pings += 1
                session.outbox.offer(frames.PONG)
            case Complain(error=error, channel=channel):
                self._complain(error, channel)
            case Hangup(code=code, reason=reason):
                session.leave_all()
                session.outbox.close(code, reason)

    async def _join(self, channel: str, after: int | None) -> None:
        try:
            await self._home._fanout.subscribe(self._session, channel, after)
        except Exception as error:  # noqa: BLE001 - told to the client, and to the listener by the source's link
            # A source that fails must not take the other channels of this socket with it.
            self._home._fanout.failed(self._session.context, error)
            self._complain(error, channel)

    def _complain(self, error: BaseException, channel: str | None) -> None:
        correlation_id = self._session.context.correlation_id
        document = problem_document(error, correlation_id=correlation_id)
        self._session.outbox.offer(frames.error(document, channel))
