"""JSON Schemas of the frames at `/ws`, both ways: what `protocol` reads and `frames` writes."""

from __future__ import annotations

from typing import Any, Final

from autobot.gateway.realtime.protocol import CHANNEL, SEQ_MAX

Schema = dict[str, Any]

_CHANNEL: Final[Schema] = {
    "type": "string",
    "pattern": f"^{CHANNEL.pattern}$",
    "description": "`chat.session:<id>`, `run:<id>`, `document:<id>`, `system` or `events`.",
}
_SEQ: Final[Schema] = {
    "type": "integer",
    "minimum": 0,
    "maximum": SEQ_MAX,
    "description": "Number of a fact in its channel, kept over restarts.",
}
_TEXT: Final[Schema] = {"type": "string"}


def _frame(kind: str, description: str, required: dict[str, Schema], optional: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": ["type", *required],
        "properties": {"type": {"const": kind}, **required, **optional},
    }


FROM_CLIENT: Final[dict[str, Schema]] = {
    "subscribe": _frame(
        "subscribe", "Follow a channel: after a fact, or from now on.", {"channel": _CHANNEL}, {"after": _SEQ}
    ),
    "unsubscribe": _frame("unsubscribe", "Follow a channel no longer.", {"channel": _CHANNEL}, {}),
    "ping": _frame("ping", "Ask for a pong.", {}, {}),
}
"""Frames of a client, by type. Members that are not known are ignored."""

FROM_SERVER: Final[dict[str, Schema]] = {
    "subscribed": _frame(
        "subscribed",
        "The subscription holds; `seq` is the newest fact now.",
        {"channel": _CHANNEL, "seq": _SEQ},
        {},
    ),
    "event": _frame(
        "event",
        "A fact, as CloudEvents JSON.",
        {"channel": _CHANNEL, "seq": _SEQ, "event": {"type": "object"}},
        {},
    ),
    "delta": _frame(
        "delta",
        "New text of a run; `offset` characters came before it.",
        {"channel": _CHANNEL, "run_id": _TEXT, "offset": {"type": "integer", "minimum": 0}, "text": _TEXT},
        {},
    ),
    "snapshot": _frame(
        "snapshot", "The text of a run so far.", {"channel": _CHANNEL, "run_id": _TEXT, "text": _TEXT}, {}
    ),
    "progress": _frame(
        "progress",
        "How far the work on a document's version is; it may be lost.",
        {
            "channel": _CHANNEL,
            "version": {"type": "integer", "minimum": 1},
            "status": _TEXT,
            "done": {"type": "integer", "minimum": 0},
            "total": {"type": "integer", "minimum": 0},
            "unit": _TEXT,
        },
        {},
    ),
    "resync": _frame(
        "resync",
        "What was missed cannot be given: read again, then subscribe again.",
        {"channel": _CHANNEL, "reason": _TEXT},
        {},
    ),
    "error": _frame(
        "error",
        "A problem document (RFC 9457), of one channel or of the session.",
        {"problem": {"type": "object"}},
        {"channel": _CHANNEL},
    ),
    "pong": _frame("pong", "The answer to a ping.", {}, {}),
}
"""Frames of the server, by type. Members may be added; readers ignore those that they do not know."""
