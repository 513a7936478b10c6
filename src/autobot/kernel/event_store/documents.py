"""An event as people and programs are shown it: CloudEvents JSON with its place in the log."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

import msgspec

from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.transaction import Recorded

SAID_HERE: Final = frozenset({"position", "stream", "revision", "principal", "erased"})
"""Attributes that this product adds; nobody else may send them."""


def event_document(recorded: Recorded) -> dict[str, Any]:
    """Return an event as CloudEvents JSON (structured mode) with its place in the log.

    `data` holds JSON as it was stored, or text; other bytes stand in `data_base64`. Neither is there when the
    event has none or was erased.
    """
    message = recorded.message
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": message.id,
        "source": message.source,
        "type": message.type,
        "time": rfc3339(message.time),
        "datacontenttype": message.content_type,
        "position": recorded.position,
        "stream": recorded.stream,
        "revision": recorded.revision,
    }
    # An attribute without a value is not there: CloudEvents allows none to be empty.
    optional = {
        "subject": message.subject,
        "correlationid": message.correlation_id,
        "causationid": message.causation_id,
        "partitionkey": message.partition_key,
        "traceparent": message.traceparent,
        "principal": message.principal,
        **dict(message.attributes),
    }
    document |= {name: value for name, value in optional.items() if value != "" and value is not None}
    if message.erased:
        document["erased"] = True
    elif message.data:
        document.update(_data(message))
    return document


def is_json(content_type: str) -> bool:
    """Say whether a media type declares JSON (RFC 8259, or the `+json` suffix of RFC 6839)."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def _data(message: Message) -> dict[str, Any]:
    if is_json(message.content_type):
        return {"data": msgspec.Raw(message.data)}
    if message.content_type.lower().startswith(("text/", "application/xml")):
        try:
            return {"data": message.data.decode()}
        except UnicodeDecodeError:
            pass
    return {"data_base64": b64encode(message.data).decode("ascii")}
