"""The hop of a role as one ASGI application: `POST /hop/<operation>`, `GET /hop/health`, and nothing else.

It stands on a port of its own, for the other roles alone. Who asks is said by a service token, and by nothing
beside it; nothing runs without one. Serve it with its lifespan on: that is what watches for callers that leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.hop.answers import answer, begin_frames, error_body, refuse
from autobot.gateway.hop.parts import HopParts
from autobot.gateway.middleware.arrival import Arrival
from autobot.gateway.middleware.body import BodyRules
from autobot.gateway.middleware.disconnect import CLIENT_GONE, Disconnect, Watchers
from autobot.gateway.problem import Refused
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.errors import DeadlineExceeded, Overloaded
from autobot.kernel.links.hop_door import SPENT, Admitted, fitting
from autobot.kernel.links.hop_wire import CHUNK, END_FRAME, ERROR, HEALTH, PREFIX, frame
from autobot.kernel.links.service_token import body_mark
from autobot.kernel.links.wire import Wire
from autobot.kernel.telemetry.listener import Hop

Beside = Mapping[tuple[str, str], ASGIApp]
YIELD_EVERY: Final = 16
"""Chunks after which a stream lets others run: who reads may be gone, and only the loop can tell."""


class RoleHop:
    """The application. Raises nothing: what fails is answered.

    `beside` are further answers by method and path, for callers that are no roles: who may ask them is theirs to judge.
    """

    def __init__(self, parts: HopParts, beside: Beside | None = None) -> None:
        self._parts = parts
        self._watchers = Watchers(parts.limits.disconnect_after_s)
        endpoint = _Endpoint(parts, beside or {})
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

    def __init__(self, parts: HopParts, beside: Beside) -> None:
        limits = parts.limits
        self._beside = beside
        self._parts, self._limits = parts, limits
        self._now, self._door = parts.clock.monotonic, parts.door()
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
        admitted: Admitted | None = None
        try:
            if (other := self._beside.get((exchange.method, exchange.path))) is not None:
                await other(scope, self._bodies.guarded(exchange, receive), send)
                return
            admitted = self._admit(exchange)
            hop = self._door.begin(exchange.fields, exchange.arrived, admitted)
            await self._serve(exchange, hop, admitted, receive, send)
        except Exception as error:
            self._door.failed(hop, exchange.arrived, error)
            if exchange.status:
                raise
            told = admitted is not None
            unready = not told and isinstance(error, Overloaded)
            await refuse(exchange, error, send, now=self._now(), told=told, unready=unready)
        except BaseException as error:
            self._door.failed(hop, exchange.arrived, error)
            raise

    async def _health(self, send: Send) -> None:
        phase = self._parts.lifecycle.phase
        body = {"role": self._parts.role, "version": self._parts.version, "phase": phase}
        await answer(send, msgspec.json.encode(body), status=200 if phase == "ready" else 503)

    # -------------------------------------------------------------------------------------- who calls

    def _admit(self, exchange: Exchange) -> Admitted:
        """Return what a request may reach. Raises for one that is not admitted; nothing has begun."""
        if not exchange.path.startswith(PREFIX):
            raise self._nothing(exchange)
        if exchange.method != "POST":
            raise Refused(kinds.METHOD_NOT_ALLOWED, "A call is a POST.", fields={"Allow": "POST"})
        admitted = self._door.admit(exchange.fields, exchange.path[len(PREFIX) :])
        exchange.correlation_id = admitted.call.correlation_id
        return admitted

    def _nothing(self, exchange: Exchange) -> Refused:
        """Return the refusal of what is neither a call nor beside the calls, with what there is."""
        methods = sorted(method for method, path in self._beside if path == exchange.path)
        if methods:
            allow = ", ".join(methods)
            detail = f"{exchange.method} is not allowed here."
            return Refused(kinds.METHOD_NOT_ALLOWED, detail, fields={"Allow": allow})
        others = sorted({path for _, path in self._beside})
        return Refused(
            kinds.NOT_FOUND,
            "There is nothing at this address.",
            hint=f"Other roles call {PREFIX}" + (f"; programs {', '.join(others)}." if others else "."),
        )

    # --------------------------------------------------------------------------------------- answering

    async def _serve(
        self, exchange: Exchange, hop: Hop, admitted: Admitted, receive: Receive, send: Send
    ) -> None:
        context, (call, row) = hop.context, admitted
        deadline = self._door.in_time(context)
        body = await _body(self._bodies.guarded(exchange, receive))
        if body is None:
            exchange.status = CLIENT_GONE
            return
        exchange.body_whole = True
        if body_mark(body) != call.body:
            # Of the wire alone: the caller's own principal has nothing to do with it.
            unproven = Refused(
                kinds.UNAUTHENTICATED, "The body is not the one that the service token vouches for."
            )
            self._door.unproven(unproven)
            raise unproven
        wire, handler, streamer = row.served(call.operation)
        payload = wire.payload_of(body)
        if handler is not None:
            found = await self._door.within(handler(payload, context), deadline)
            await answer(send, fitting(wire.answer_bytes(found), self._limits.answer_bytes, "The answer"))
            self._door.completed(hop, exchange.arrived)
        elif streamer is not None:
            await self._stream(exchange, hop, streamer(payload, context), wire, send)

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
            self._door.failed(hop, exchange.arrived, error)
            last = frame(ERROR, error_body(error, self._now()))
        else:
            self._door.completed(hop, exchange.arrived)
            last = END_FRAME
        await send({"type": "http.response.body", "body": last})

    async def _chunks(self, exchange: Exchange, chunks: AsyncIterator[Any], wire: Wire, send: Send) -> None:
        number = 0
        try:
            async for chunk in chunks:
                body = fitting(wire.answer_bytes(chunk), self._limits.frame_bytes, "A chunk")
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
