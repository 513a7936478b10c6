"""`/api/v1/events`: CloudEvents in and out (HTTP binding 1.0.2)."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from autobot.contracts import schemas, system
from autobot.gateway.access import needs
from autobot.gateway.dialects import cloudevents_answer as answers
from autobot.gateway.dialects.cloudevents import BATCH, STRUCTURED, read_events
from autobot.gateway.exchange import Call
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import FieldError, InvalidInput
from autobot.kernel.core.message import JSON_CONTENT_TYPE

PREFIX: Final = "/api/v1/events"

_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A CloudEvent 1.0 in the JSON event format. Further members are extension attributes.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 256},
        "source": {"type": "string", "format": "uri-reference", "minLength": 1, "maxLength": 1024},
        "type": {"type": "string", "minLength": 1, "maxLength": 200},
        "subject": {"type": "string", "minLength": 1, "maxLength": 1024},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string"},
        "dataschema": {"type": "string", "format": "uri"},
        "data": {"description": "JSON, or a text for other content types."},
        "data_base64": {"type": "string", "contentEncoding": "base64"},
    },
}
_POST: Final[dict[str, Any]] = {
    "description": "In binary mode the attributes are `ce-*` header fields and the body is the data, of any content "
    "type. `202` when the events are in the log. The same (source, id) with the same content is not stored twice.",
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: {"schema": _EVENT},
            BATCH: {"schema": {"type": "array", "items": _EVENT, "maxItems": schemas.BATCH_MAX}},
        },
    },
}
_GOT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The event.", "content": {STRUCTURED: {"schema": _EVENT}}}
}
_LISTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events in log order. `Link` with `rel=next` leads on while there are more.",
        "content": {BATCH: {"schema": {"type": "array", "items": _EVENT}}},
    }
}


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router(PREFIX, "events")
    _in(routes, bus)
    _out(routes, bus)
    return routes


def _in(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post(
        "",
        status_code=202,
        response_model=schemas.Published,
        summary="Post CloudEvents: binary, structured or batch",
        openapi_extra=_POST,
    )
    @needs("events:publish")
    async def publish(request: Request, call: Call) -> Response:
        mode, events = read_events(request.scope["headers"], await request.body())
        command = schemas.PublishEvents(events=events)
        try:
            answer = await bus.dispatch(command, call.called, key=call.key)
        except InvalidInput as error:
            raise _placed(error, mode) from None
        call.settled(answer)
        return json_answer(answer.value, 202)


def _placed(error: InvalidInput, mode: str) -> InvalidInput:
    """Return the error with pointers into the request as it was sent."""
    found = []
    for one in error.errors:
        pointer = one.pointer.removeprefix("#/events")
        if mode != "batch":
            pointer = pointer.removeprefix("/0")
        if mode == "binary":
            pointer = pointer.removeprefix("/data")
        found.append(FieldError(detail=one.detail, pointer=f"#{pointer}"))
    return InvalidInput(error.detail, errors=tuple(found), hint=error.hint)


def _out(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("", summary="The log as batches of CloudEvents", response_class=Response, responses=_LISTED)
    @needs("events:read")
    async def events(
        call: Call,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
        kind: Annotated[str, Query(alias="type", max_length=200)] = "",
    ) -> Response:
        media = answers.chosen(call.fields.get(b"accept"), (BATCH, JSON_CONTENT_TYPE))
        page = await bus.ask(system.ListEvents(after=after, limit=limit, type=kind), call.called)
        fields = {"vary": "accept"}
        if page.next_cursor is not None:
            query = f"after={page.items[-1]['position']}&limit={limit}" + (f"&type={kind}" if kind else "")
            fields["link"] = f'<{call.address(PREFIX)}?{query}>; rel="next"'
        return Response(answers.batch(page.items), 200, fields, media)

    @routes.get(
        "/{event:path}",
        summary="One event, structured or binary",
        description="`event` is its position in the log, or the id that its sender gave it; `source` tells equal ids "
        "apart. `Accept` with the event's own content type asks for binary mode.",
        response_class=Response,
        responses=_GOT,
    )
    @needs("events:read")
    async def event(event: str, call: Call, source: Annotated[str, Query(max_length=1024)] = "") -> Response:
        found = await bus.ask(schemas.GetEvent(event=event, source=source), call.called)
        own = found["datacontenttype"]
        media = answers.chosen(call.fields.get(b"accept"), (STRUCTURED, own))
        if media == STRUCTURED:
            return Response(answers.structured(found), 200, {"vary": "accept"}, STRUCTURED)
        fields, body = answers.binary(found)
        return Response(body, 200, {**fields, "content-type": own, "vary": "accept"})
