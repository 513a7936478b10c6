"""The same frames as server-sent events (HTML standard §9.2): one channel a stream.

`id` is the seq of a fact, so `Last-Event-ID` and `after` mean the same. The stream of a run ends after the run's
last fact; asked again from there it answers 204, which tells a browser's EventSource to stop.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autobot.gateway.access import Authenticator
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.problem import problem_document
from autobot.gateway.realtime import frames
from autobot.gateway.realtime.fanout import Fanout, Session
from autobot.gateway.realtime.protocol import SEQ_MAX, Close, channel_name
from autobot.gateway.realtime.reproof import Reproof
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.errors import FieldError, Malformed

HEARTBEAT: Final = b":\n\n"
OPENING: Final = b"retry: 2000\n\n"
_FIELDS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


def resume_point(exchange: Exchange, after: int | None) -> int | None:
    """Return the seq to go on from: the later of `after` and Last-Event-ID. Raises Malformed."""
    field = exchange.fields.get(b"last-event-id", b"").strip()
    if not field:
        return after
    if not field.isdigit() or int(field) > SEQ_MAX:
        raise Malformed(
            "Last-Event-ID must be the id of an event of this stream.",
            errors=(FieldError(detail="is no seq", pointer="#/Last-Event-ID"),),
        )
    return max(int(field), after or 0)


class EventStream(Response):
    """The answer that streams a channel. Return it from a route:

        return EventStream(fanout, authenticator, limits, f"run:{run_id}", after)

    The channel's access is checked before the answer begins, so a refusal is an ordinary problem document.
    `after` None begins now; a run's route passes 0 so that a late reader gets everything.
    """

    def __init__(
        self,
        fanout: Fanout,
        authenticator: Authenticator,
        limits: EdgeLimits,
        channel: str,
        after: int | None,
    ) -> None:
        super().__init__(media_type="text/event-stream")
        self._fanout, self._authenticator, self._limits = fanout, authenticator, limits
        self._channel, self._after = channel_name(channel), after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the channel ends, the client leaves or the server stops."""
        exchange = exchange_of(scope)
        context = replace(exchange.called, deadline=None)
        after = resume_point(exchange, self._after)
        source = self._fanout.source(self._channel)
        await source.authorize(self._channel, context)
        head = await source.head(self._channel)
        if head.ended and after is not None and after >= head.seq:
            await send({"type": "http.response.start", "status": 204, "headers": list(_FIELDS[1:])})
            await send({"type": "http.response.body", "body": b""})
            return
        if exchange.method == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": list(_FIELDS)})
            await send({"type": "http.response.body", "body": b""})
            return
        session = Session(
            self._fanout,
            context,
            frames_max=self._limits.queue_frames,
            bytes_max=self._limits.queue_bytes,
            credential=exchange.proven.credential if exchange.proven else "",
            prove=Reproof(self._authenticator, exchange),
        )
        await send({"type": "http.response.start", "status": 200, "headers": list(_FIELDS)})
        self._fanout.enter(session)
        try:
            await self._stream(session, after, receive, send)
        finally:
            self._fanout.exit(session)

    async def _stream(self, session: Session, after: int | None, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(_until_gone(receive, session))
            joining = tasks.create_task(self._join(session, after))
            await send({"type": "http.response.body", "body": OPENING, "more_body": True})
            await self._write(session, send)
            leaving.cancel()
            joining.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _join(self, session: Session, after: int | None) -> None:
        try:
            await self._fanout.subscribe(session, self._channel, after, confirm=False)
        except Exception as error:  # noqa: BLE001 - told to the client as the stream's last frame
            self._fanout.failed(session.context, error)
            document = problem_document(error, correlation_id=session.context.correlation_id)
            session.outbox.offer(frames.error(document, self._channel))
            session.outbox.close(Close.INTERNAL, "")
        else:
            if self._channel not in session.subscriptions:
                session.outbox.close(Close.TRY_LATER, "")

    async def _write(self, session: Session, send: Send) -> None:
        outbox = session.outbox
        while True:
            try:
                async with asyncio.timeout(self._limits.heartbeat_s):
                    frame = await outbox.take()
            except TimeoutError:
                if session.prove is not None and await session.prove() is None:
                    return
                await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})
                continue
            if frame is None:
                return
            await send({"type": "http.response.body", "body": frame.sse, "more_body": True})
            if frame.last or frame.type == "resync":
                return


async def _until_gone(receive: Receive, session: Session) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    session.outbox.close(Close.NORMAL, "")


def after_of(request: Request) -> int | None:
    """Return the query parameter `after`. Raises Malformed unless it is a seq."""
    text = request.query_params.get("after")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) > SEQ_MAX:
        raise Malformed("`after` must be the seq of a fact.")
    return int(text)
