"""The AsyncAPI 3.0 document: the log's events, the frames at `/ws`, and events that other programs post.

Made from contracts and channels, as the OpenAPI document is made from routes. Schemas stand in `components`, since
a reference inside an AsyncAPI document is read from its root.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from autobot.gateway.access import Access
from autobot.gateway.pages import JSON, respond
from autobot.gateway.parts import RawRoute
from autobot.gateway.realtime.frame_schemas import FROM_CLIENT, FROM_SERVER

Json = dict[str, Any]
DEFINED: Final = "#/$defs/"
COMPONENT: Final = "#/components/schemas/"

ENVELOPE: Final[Json] = {
    "type": "object",
    "description": "Attributes of CloudEvents 1.0: `ce-*` header fields in binary mode, members in structured mode.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string"},
        "source": {"type": "string", "format": "uri-reference"},
        "type": {"type": "string"},
        "subject": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string"},
        "correlationid": {"type": "string", "description": "The same on every hop of one request."},
        "causationid": {"type": "string", "description": "The id of the message that caused this one."},
        "partitionkey": {"type": "string", "description": "Events of one key are delivered in order."},
        "traceparent": {"type": "string", "description": "The trace in which the event was born."},
    },
}


def document(version: str, events: Mapping[str, Json]) -> Json:
    """Return the document. `events` are the schemas of AutoBot's own events by type. Pure."""
    schemas: Json = {"Envelope": ENVELOPE}
    messages: Json = {}
    for event_type, schema in events.items():
        schemas |= _hoisted(event_type, schema)
        messages[event_type] = _event_message(event_type, schema)
    messages["outside"] = {
        "name": "outside",
        "title": "An event of another program",
        "summary": "Any type that does not begin with `autobot.`; the data of a registered type is held to its schema.",
        "headers": {"$ref": f"{COMPONENT}Envelope"},
        "payload": {},
    }
    for frames in (FROM_CLIENT, FROM_SERVER):
        for name, schema in frames.items():
            schemas[f"frame.{name}"] = schema
            messages[f"frame.{name}"] = {
                "name": name,
                "title": f"Frame: {name}",
                "summary": schema["description"],
                "contentType": JSON,
                "payload": {"$ref": f"{COMPONENT}frame.{name}"},
            }
    return {
        "asyncapi": "3.0.0",
        "id": "urn:autobot",
        "info": _info(version),
        "defaultContentType": JSON,
        "channels": _channels(list(events)),
        "operations": _operations(list(events)),
        "components": {"schemas": schemas, "messages": messages},
    }


def _info(version: str) -> Json:
    return {
        "title": "AutoBot",
        "version": version,
        "description": "What AutoBot says and hears as messages: its log of events, the frames of its WebSocket, and "
        "the events that other programs post. The HTTP interface is described by `/openapi.json`.",
        "license": {"name": "Apache-2.0"},
    }


def _event_message(event_type: str, schema: Json) -> Json:
    return {
        "name": event_type,
        "title": schema.get("title", event_type),
        "summary": schema.get("description", ""),
        "contentType": JSON,
        "headers": {"$ref": f"{COMPONENT}Envelope"},
        "payload": {"$ref": f"{COMPONENT}{event_type}"},
    }


def _hoisted(event_type: str, schema: Json) -> Json:
    """Return a schema and its definitions as components, with references that lead there."""
    parts = {
        event_type: {word: value for word, value in schema.items() if word not in ("$schema", "$id", "$defs")}
    }
    parts |= {f"{event_type}.{name}": one for name, one in schema.get("$defs", {}).items()}
    found: Json = _led(parts, event_type)
    return found


def _led(value: Any, event_type: str) -> Any:
    if isinstance(value, list):
        return [_led(one, event_type) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        word: f"{COMPONENT}{event_type}.{one.removeprefix(DEFINED)}"
        if word == "$ref" and isinstance(one, str)
        else _led(one, event_type)
        for word, one in value.items()
    }


def _channels(types: list[str]) -> Json:
    def messages(*names: str) -> Json:
        return {name: {"$ref": f"#/components/messages/{name}"} for name in names}

    return {
        "log": {
            "address": "/api/v1/events",
            "title": "The log",
            "description": "Every change of state, in order: read in batches with `after`, or followed on the channel "
            "`events` of the WebSocket.",
            "messages": messages(*types, "outside"),
            "bindings": {"http": {}},
        },
        "realtime": {
            "address": "/ws",
            "title": "The WebSocket",
            "description": "One JSON object a frame; the same frames as server-sent events.",
            "messages": messages(*(f"frame.{name}" for name in (*FROM_CLIENT, *FROM_SERVER))),
            "bindings": {"ws": {"method": "GET"}},
        },
    }


def _operations(types: list[str]) -> Json:
    def operation(action: str, channel: str, summary: str, names: list[str]) -> Json:
        return {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": summary,
            "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
        }

    return {
        "tellEvents": operation("send", "log", "AutoBot writes its events.", types),
        "takeEvents": operation("receive", "log", "AutoBot takes events of other programs.", ["outside"]),
        "tellFrames": operation(
            "send", "realtime", "AutoBot tells what happens.", [f"frame.{one}" for one in FROM_SERVER]
        ),
        "takeFrames": operation(
            "receive",
            "realtime",
            "AutoBot hears what a client wants.",
            [f"frame.{one}" for one in FROM_CLIENT],
        ),
    }


def asyncapi_route(version: str, events: Callable[[], Mapping[str, Json]]) -> RawRoute:
    """Return the public route of the document, which is made when it is first asked for."""
    made: list[bytes] = []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if not made:
            made.append(orjson.dumps(document(version, events())))
        await respond(send, made[0], JSON, fields=((b"cache-control", b"no-cache"),))

    return RawRoute(path="/asyncapi.json", methods=("GET",), app=answer, access=Access(public=True))
