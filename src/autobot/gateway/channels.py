"""`/ws` and `/api/v1/events/stream`: the same channels over both."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from autobot.gateway.access import Access
from autobot.gateway.parts import GatewayParts, RawRoute
from autobot.gateway.realtime.endpoint import Sockets
from autobot.gateway.realtime.sse import EventStream, after_of

_STREAM: Final[dict[str, Any]] = {
    "get": {
        "operationId": "events_stream",
        "tags": ["realtime"],
        "summary": "Follow a channel as server-sent events",
        "description": "The frames of `/ws` for one channel: `event` is the frame's type, `data` the frame, `id` the "
        "`seq` of a fact. `after` and `Last-Event-ID` are that `seq`. A channel that has ended answers 204.",
        "parameters": [
            {
                "name": "channel",
                "in": "query",
                "required": True,
                "description": "`chat.session:<id>`, `run:<id>`, `document:<id>`, `system` or `events`.",
                "schema": {
                    "type": "string",
                    "maxLength": 97,
                    "pattern": "^[a-z][a-z._]{0,31}(:[A-Za-z0-9_-]{1,64})?$",
                },
                "example": "system",
            },
            {
                "name": "after",
                "in": "query",
                "description": "Begin after this fact; left out, begin now.",
                "schema": {"type": "integer", "minimum": 0, "maximum": 9007199254740991},
            },
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "What a browser sends when it reconnects; the later of it and `after` counts.",
                "schema": {"type": "string", "pattern": "^[0-9]{1,16}$"},
            },
        ],
        "responses": {
            "200": {
                "description": "The frames as they happen.",
                "content": {
                    "text/event-stream": {
                        "schema": {"type": "string"},
                        "example": 'id: 7\nevent: event\ndata: {"type":"event","channel":"system","seq":7,"event":{}}\n\n',
                    }
                },
            },
            "204": {"description": "The channel has ended and there is nothing after this `seq`."},
        },
    }
}


def realtime_routes(parts: GatewayParts) -> tuple[RawRoute, ...]:
    """Return the routes of the realtime surface."""

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        channel = request.query_params.get("channel")
        answer = EventStream(
            parts.fanout, parts.authenticator, parts.limits, channel or "", after_of(request)
        )
        await answer(scope, receive, send)

    sockets = Sockets(parts.fanout, parts.authenticator, parts.limits, parts.clock, parts.listener)
    return (
        RawRoute(path="/ws", methods=("WEBSOCKET",), app=sockets, access=Access()),
        RawRoute(
            path="/api/v1/events/stream", methods=("GET",), app=stream, access=Access(), openapi=_STREAM
        ),
    )
