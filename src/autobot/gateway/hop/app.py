"""The hop of a role as one ASGI application: `POST /hop/<operation>`, `GET /hop/health`, and nothing else.

It stands on a port of its own, for the other roles alone. Who asks is said by a service token, and by nothing
beside it; nothing runs without one. Serve it with its lifespan on: that is what watches for callers that leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.hop.answers import answer, begin_frames, error_body, refuse
from autobot.gateway.hop.parts import HopParts, HopRow
from autobot.gateway.middleware.arrival import Arrival
from autobot.gateway.middleware.body import BodyRules
from autobot.gateway.middleware.disconnect import CLIENT_GONE, Disconnect, Watchers
from autobot.gateway.middleware.lifecycle import RETRY_AFTER_S
from autobot.gateway.problem import Refused, problem_of
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    DeadlineExceeded,
    Overloaded,
    TooLarge,
    Unauthenticated,
)
from autobot.kernel.core.stepping import Late, at_most
from autobot.kernel.links.hop_wire import CHUNK, END_FRAME, ERROR, HEALTH, PREFIX, frame
from autobot.kernel.links.propagation import extract
from autobot.kernel.links.service_token import ServiceCall, body_mark
from autobot.kernel.links.wire import Wire
from autobot.kernel.telemetry.listener import Hop

BEARER: Final = b"Bearer "
SPENT: Final = "The time that the caller gave is spent."
YIELD_EVERY: Final = 16
"""Chunks after which a stream lets others run: who reads may be gone, and only the loop can tell."""


class RoleHop:
    """The application. Raises nothing: what fails is answered."""

    def __init__(self, parts: HopParts) -> None:
        self._parts = parts
        self._watchers = Watchers(parts.limits.disconnect_after_s)
        endpoint = _Endpoint(parts)
        self._app: ASGIApp = Arrival(Disconnect(endpoint, self._watchers), parts.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Own the watch over long calls from start-up to shutdown."""
        await receive()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watchers.run())
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._parts.lifecycle.drain()
            watching.cancel()
        await send({"type": "lifespan.shutdown.complete"})


class _Endpoint:
    """Answers one request."""

    def __init__(self, parts: HopParts) -> None:
        limits = parts.limits
        self._parts, self._limits = parts, limits
        self._now, self._listener = parts.clock.monotonic, parts.listener
        self._bodies = BodyRules(
            EdgeLimits(
                body_bytes=limits.payload_bytes,
                body_gap_s=limits.body_gap_s,
                body_total_s=limits.body_total_s,
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        exchange = exchange_of(scope)
        exchange.new_id = self._parts.ids.new
        if exchange.path == HEALTH and exchange.method == "GET":
            await self._health(send)
            return
        hop: Hop | None = None
        admitted = False
        try:
            call, row = self._admit(exchange)
            admitted = True
            hop = self._hop(exchange, call, row)
            await self._serve(exchange, hop, row, call, receive, send)
        except Exception as error:
            self._failed(exchange, hop, error)
            if exchange.status:
                raise
            unready = not admitted and isinstance(error, Overloaded)
            await refuse(exchange, error, send, now=self._now(), told=admitted, unready=unready)
        except BaseException as error:
            self._failed(exchange, hop, error)
            raise

    async def _health(self, send: Send) -> None:
        phase = self._parts.lifecycle.phase
        body = {"role": self._parts.role, "version": self._parts.version, "phase": phase}
        await answer(send, msgspec.json.encode(body), status=200 if phase == "ready" else 503)

    # -------------------------------------------------------------------------------------- who calls

    def _admit(self, exchange: Exchange) -> tuple[ServiceCall, HopRow]:
        """Return what the token vouches for. Raises Refused, Overloaded and Unauthenticated; nothing has begun."""
        if not exchange.path.startswith(PREFIX):
            raise Refused(kinds.NOT_FOUND, "Other roles call /hop/ here; there is nothing else.")
        if exchange.method != "POST":
            raise Refused(kinds.METHOD_NOT_ALLOWED, "A call is a POST.", fields={"Allow": "POST"})
        phase = self._parts.lifecycle.phase
        if phase != "ready":
            word = "starting" if phase == "starting" else "stopping"
            raise Overloaded(f"This role is {word}.", link="", retry_after=RETRY_AFTER_S)
        operation = exchange.path[len(PREFIX) :]
        try:
            call = self._proven(exchange, operation)
            row = self._parts.rows.get(call.issuer)
            if row is None:
                raise Unauthenticated(f"The role {call.issuer} calls nothing here.")
        except Unauthenticated:
            if self._listener is not None:
                self._listener.counted("hop_unauthenticated_total", 1.0, (("role", self._parts.role),))
            raise
        return call, row

    def _proven(self, exchange: Exchange, operation: str) -> ServiceCall:
        field = exchange.fields.get(b"authorization", b"")
        if not field.startswith(BEARER):
            raise Unauthenticated("A call between roles needs a service token.")
        token = field[len(BEARER) :].decode("latin-1")
        call = self._parts.tokens.read(token, audience=self._parts.role, operation=operation)
        beside = exchange.fields.get(b"x-correlation-id")
        if beside is not None and beside.decode("latin-1") != call.correlation_id:
            raise Unauthenticated("The correlation id is not the one that the service token vouches for.")
        exchange.correlation_id = call.correlation_id
        return call

    def _hop(self, exchange: Exchange, call: ServiceCall, row: HopRow) -> Hop:
        """Return the call as listeners hear of it, with the context that the caller sent."""
        arrived = extract(
            exchange.fields,
            now=exchange.arrived,
            chance=self._parts.chance,
            new_correlation_id=self._parts.ids.new,
            trusted=True,
        )
        own = exchange.arrived + self._limits.deadline_s
        context = CallContext(
            correlation_id=call.correlation_id,
            principal=call.principal,
            trace=arrived.trace,
            causation_id=call.causation_id,
            deadline=own if arrived.deadline is None else min(own, arrived.deadline),
            baggage=arrived.baggage,
            attempt=arrived.attempt,
            client=call.client,
        )
        if self._parts.arrived is not None:
            self._parts.arrived(row.row)
        hop = Hop(row.row, self._parts.role, call.operation, arrived.attempt, context)
        if self._listener is not None:
            self._listener.started(hop)
        return hop

    def _completed(self, exchange: Exchange, hop: Hop) -> None:
        if self._listener is not None:
            self._listener.completed(hop, self._now() - exchange.arrived)

    def _failed(self, exchange: Exchange, hop: Hop | None, error: BaseException) -> None:
        """Tell of what ended a call; a refusal that is the handler's answer is no failure of the hop."""
        if self._listener is None or hop is None:
            return
        duration = self._now() - exchange.arrived
        if isinstance(error, AutoBotError) and problem_of(error).status < 500:
            self._listener.completed(hop, duration)
        else:
            self._listener.failed(hop, duration, error)

    # --------------------------------------------------------------------------------------- answering

    async def _serve(
        self, exchange: Exchange, hop: Hop, row: HopRow, call: ServiceCall, receive: Receive, send: Send
    ) -> None:
        context = hop.context
        assert context.deadline is not None
        if context.deadline <= self._now():
            raise DeadlineExceeded("The time that the caller gave was spent before work began.")
        body = await _body(self._bodies.guarded(exchange, receive))
        if body is None:
            exchange.status = CLIENT_GONE
            return
        exchange.body_whole = True
        if body_mark(body) != call.body:
            # Of the wire alone: the caller's own principal has nothing to do with it.
            raise Refused(
                kinds.UNAUTHENTICATED, "The body is not the one that the service token vouches for."
            )
        wire = row.wires.get(call.operation)
        handler, streamer = row.calls.get(call.operation), row.streams.get(call.operation)
        if wire is None or (handler is None and streamer is None):
            raise Absent(
                "handler",
                f"Nothing in this role handles {call.operation} on {row.row}.",
                hint="autobot doctor",
            )
        payload = wire.payload_of(body)
        if handler is not None:
            await answer(send, await self._answer(handler(payload, context), context.deadline, wire))
            self._completed(exchange, hop)
        elif streamer is not None:
            await self._stream(exchange, hop, streamer(payload, context), wire, send)

    async def _answer(self, work: Coroutine[Any, Any, Any], deadline: float, wire: Wire) -> bytes:
        """Return the answer of a handler. Raises DeadlineExceeded, with the handler cancelled, when time is up."""
        try:
            found = await at_most(work, deadline - self._now())
        except Late:
            raise DeadlineExceeded(SPENT) from None
        body = wire.answer_bytes(found)
        if len(body) > self._limits.answer_bytes:
            raise TooLarge(
                f"The answer has {len(body)} bytes; at most {self._limits.answer_bytes} cross a hop."
            )
        return body

    async def _stream(
        self, exchange: Exchange, hop: Hop, chunks: AsyncIterator[Any], wire: Wire, send: Send
    ) -> None:
        """Send what the handler yields. What it raises before its first chunk is answered as of a call."""
        limit = asyncio.timeout_at(hop.context.deadline)
        try:
            async with limit:
                await self._chunks(exchange, chunks, wire, send)
        except Exception as raised:  # noqa: BLE001 - this is the edge: what ends a stream is told in it
            error = DeadlineExceeded(SPENT) if limit.expired() else raised
            if not exchange.status:
                raise error from None
            self._failed(exchange, hop, error)
            last = frame(ERROR, error_body(error, self._now()))
        else:
            self._completed(exchange, hop)
            last = END_FRAME
        await send({"type": "http.response.body", "body": last})

    async def _chunks(self, exchange: Exchange, chunks: AsyncIterator[Any], wire: Wire, send: Send) -> None:
        number = 0
        try:
            async for chunk in chunks:
                body = wire.answer_bytes(chunk)
                if len(body) > self._limits.frame_bytes:
                    raise TooLarge(
                        f"A chunk has {len(body)} bytes; at most {self._limits.frame_bytes} cross a hop."
                    )
                if not number:
                    await begin_frames(send)
                number += 1
                await send({"type": "http.response.body", "body": frame(CHUNK, body), "more_body": True})
                if not number % YIELD_EVERY:
                    await asyncio.sleep(0)
            if not number:
                await begin_frames(send)
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, None when the caller left before it was there."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
