"""An event as an entry of a stream: CloudEvents attributes as fields, after the model of its Kafka binding.

There is no official binding to Redis. `ce_<attribute>`, `content-type` and `data` are the event; `stream`,
`revision`, `hash`, `principal` and `tenant` say what the log knows of it besides, and `attributes` holds what
its sender added, as JSON, because the types of values would be lost in fields. The entry's id is the
position in the log, and `prev` (written with it) the position of the entry before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.errors import BadAnswer
from autobot.kernel.core.message import JSON_CONTENT_TYPE, Attribute, Message
from autobot.kernel.event_store.transaction import Recorded

OPTIONAL: Final = (
    ("ce_subject", "subject"),
    ("ce_correlationid", "correlation_id"),
    ("ce_causationid", "causation_id"),
    ("ce_partitionkey", "partition_key"),
    ("ce_traceparent", "traceparent"),
    ("principal", "principal"),
)
Attributes = tuple[tuple[str, Attribute], ...]
Fields = list[bytes]


def written(recorded: Recorded) -> list[Any]:
    """Return an event's fields and values, one after the other."""
    message = recorded.message
    fields: list[Any] = [
        "ce_specversion", "1.0", "ce_id", message.id, "ce_source", message.source, "ce_type", message.type,
        "ce_time", rfc3339(message.time), "stream", recorded.stream, "revision", recorded.revision,
        "hash", recorded.payload_hash, "data", message.data,
    ]  # fmt: skip
    for name, attribute in OPTIONAL:
        value = getattr(message, attribute)
        if value:
            fields += (name, value)
    if message.content_type != JSON_CONTENT_TYPE:
        fields += ("content-type", message.content_type)
    if message.tenant != "default":
        fields += ("tenant", message.tenant)
    if message.erased:
        fields += ("erased", "1")
    if message.attributes:
        fields += ("attributes", msgspec.json.encode(message.attributes))
    return fields


def position_of(entry_id: bytes) -> int:
    """Return the log position of an entry. Raises BadAnswer for an id that is none of ours."""
    position, _, rest = entry_id.partition(b"-")
    if rest not in (b"0", b"1") or not position.isdigit():
        raise BadAnswer("An entry of the stream has an id that is no position.")
    return int(position)


def as_dict(fields: Fields) -> dict[bytes, bytes]:
    """Return fields by name."""
    return dict(zip(fields[::2], fields[1::2], strict=True))


def read(position: int, found: dict[bytes, bytes]) -> Recorded:
    """Return the event of an entry. Raises BadAnswer when the fields are no event."""
    try:
        values: dict[str, Any] = {
            attribute: found[name].decode() for name, attribute in _OPTIONAL_BYTES if name in found
        }
        if b"attributes" in found:
            values["attributes"] = msgspec.json.decode(found[b"attributes"], type=Attributes)
        if b"tenant" in found:
            values["tenant"] = found[b"tenant"].decode()
        if b"content-type" in found:
            values["content_type"] = found[b"content-type"].decode()
        values.setdefault("subject", "")
        values.setdefault("correlation_id", "")
        message = Message(
            id=found[b"ce_id"].decode(),
            source=found[b"ce_source"].decode(),
            type=found[b"ce_type"].decode(),
            time=datetime.fromisoformat(found[b"ce_time"].decode()),
            data=found[b"data"],
            erased=b"erased" in found,
            **values,
        )
        return Recorded(
            message=message,
            stream=found[b"stream"].decode(),
            revision=int(found[b"revision"]),
            position=position,
            payload_hash=found[b"hash"].decode(),
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise BadAnswer("An entry of the stream is no event of ours.") from error


_OPTIONAL_BYTES: Final[Sequence[tuple[bytes, str]]] = tuple(
    (name.encode(), attribute) for name, attribute in OPTIONAL
)
