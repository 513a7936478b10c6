"""An event as an entry of a stream: a CloudEvent in the structured mode of its Kafka binding, as Redis has no own.

The fields are `content-type` and `data`, which is the event as JSON. Its attributes `stream`, `revision`, `hash`,
`principal`, `tenant` and `erased` say what the log knows of it besides; `attributes`, a string of JSON, holds what
its sender added. The entry's id is the position in the log, and the field `prev` the position of the entry before
it. `data` stands in `data_base64` where it is no JSON, byte for byte.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from autobot.kernel.core.errors import BadAnswer
from autobot.kernel.core.message import JSON_CONTENT_TYPE, Attribute, Message
from autobot.kernel.event_store.transaction import Recorded

Fields = list[bytes]
Attributes = tuple[tuple[str, Attribute], ...]
NOTHING: Final = msgspec.Raw(b"")
PLACES: Final = {b"prev": 0, b"content-type": 2, b"data": 4}
"""Where a field stands in an entry of ours; those of others are looked for."""


class Structured(msgspec.Struct, omit_defaults=True, frozen=True, gc=False, kw_only=True):
    """The JSON of an event."""

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    stream: str
    revision: int
    hash: str
    subject: str = ""
    datacontenttype: str = JSON_CONTENT_TYPE
    correlationid: str = ""
    causationid: str | None = None
    partitionkey: str = ""
    traceparent: str = ""
    principal: str = ""
    tenant: str = "default"
    erased: bool = False
    attributes: str = ""
    data_base64: bytes = b""
    data: msgspec.Raw = NOTHING


_WRITE: Final = msgspec.json.Encoder()
_READ: Final = msgspec.json.Decoder(Structured)
_PLAIN: Final = msgspec.json.Decoder(msgspec.Raw)
_ATTRIBUTES: Final = msgspec.json.Decoder(Attributes)


def written(recorded: Recorded) -> bytes:
    """Return an event as the field `data` of its entry."""
    message = recorded.message
    plain = _is_plain(message.data)
    return _WRITE.encode(
        Structured(
            specversion="1.0",
            id=message.id,
            source=message.source,
            type=message.type,
            time=message.time,
            stream=recorded.stream,
            revision=recorded.revision,
            hash=recorded.payload_hash,
            subject=message.subject,
            datacontenttype=message.content_type,
            correlationid=message.correlation_id,
            causationid=message.causation_id,
            partitionkey=message.partition_key,
            traceparent=message.traceparent,
            principal=message.principal,
            tenant=message.tenant,
            erased=message.erased,
            attributes=_WRITE.encode(message.attributes).decode() if message.attributes else "",
            data_base64=b"" if plain else message.data,
            data=msgspec.Raw(message.data) if plain else NOTHING,
        )
    )


def _is_plain(data: bytes) -> bool:
    """Say whether bytes can stand in JSON as they are, and come out as they were."""
    if data[:1] not in (b"{", b"[") or data[-1:] not in (b"}", b"]"):
        return False
    try:
        _PLAIN.decode(data)
    except msgspec.DecodeError:
        return False
    return True


def position_of(entry_id: bytes) -> int:
    """Return the log position of an entry. Raises BadAnswer for an id that is none of ours."""
    position, _, rest = entry_id.partition(b"-")
    if rest not in (b"0", b"1") or not position.isdigit():
        raise BadAnswer("An entry of the stream has an id that is no position.")
    return int(position)


def field(fields: Fields, name: bytes) -> bytes:
    """Return a field of an entry; empty when there is none."""
    place = PLACES.get(name, 0)
    if len(fields) > place and fields[place] == name:
        return fields[place + 1]
    for index in range(0, len(fields) - 1, 2):
        if fields[index] == name:
            return fields[index + 1]
    return b""


def read(position: int, fields: Fields) -> Recorded:
    """Return the event of an entry. Raises BadAnswer when the fields are no event."""
    try:
        found = _READ.decode(field(fields, b"data"))
        attributes: dict[str, Any] = (
            {"attributes": _ATTRIBUTES.decode(found.attributes)} if found.attributes else {}
        )
    except msgspec.MsgspecError as error:
        raise BadAnswer("An entry of the stream is no event of ours.") from error
    message = Message(
        id=found.id,
        source=found.source,
        type=found.type,
        time=found.time,
        subject=found.subject,
        data=bytes(found.data) or found.data_base64,
        correlation_id=found.correlationid,
        causation_id=found.causationid,
        partition_key=found.partitionkey,
        traceparent=found.traceparent,
        principal=found.principal,
        tenant=found.tenant,
        content_type=found.datacontenttype,
        erased=found.erased,
        **attributes,
    )
    return Recorded(
        message=message,
        stream=found.stream,
        revision=found.revision,
        position=position,
        payload_hash=found.hash,
    )
