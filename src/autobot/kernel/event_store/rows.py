"""Between values of the port and rows of tables, the same for every store that keeps rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

import msgspec

from autobot.kernel.core.errors import InvalidInput
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.transaction import Committed, Document, Recorded

Row = tuple[Any, ...]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_unjson = msgspec.json.Decoder().decode

EVENT_COLUMNS: Final = "position, stream, revision, id, type, correlation, hash, meta, data"
DOCUMENT_COLUMNS: Final = "key, owner, grp, sort, version, body"


def micros(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware time. Raises InvalidInput for a naive one."""
    try:
        return (moment - EPOCH) // _MICROSECOND
    except TypeError:
        raise InvalidInput(f"{moment} has no UTC offset.") from None


def moment_of(value: int) -> datetime:
    """Return the UTC time of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


def event_row(message: Message, stream: str) -> Row:
    """Return an event's column values: id, type, correlation, time, hash, meta, data."""
    subject, partition = message.subject, message.partition_key
    time = message.time
    meta = (
        time,
        message.source,
        None if subject == stream else subject,
        message.causation_id,
        None if partition == stream else partition,
        message.traceparent,
        message.principal,
        message.tenant,
        message.content_type,
        *((message.attributes,) if message.attributes else ()),
    )
    data = message.data
    return (
        message.id,
        message.type,
        message.correlation_id,
        micros(time),
        blake2b(data, digest_size=32).digest(),
        _pack(meta),
        None if message.erased else data,
    )


# The frozen dataclasses' slots are filled directly: replay is bound by how fast these two are made, and a
# frozen dataclass's own constructor takes three times as long.

_Setter = Callable[[Any, Any], None]


def _setters(kind: type[Any], names: Sequence[str]) -> tuple[_Setter, ...]:
    return tuple(getattr(kind, name).__set__ for name in names)


(
    _id,
    _source,
    _type,
    _time,
    _subject,
    _data,
    _correlation,
    _causation,
    _partition,
    _traceparent,
    _principal,
    _tenant,
    _content,
    _erased,
    _attributes,
) = _setters(Message, tuple(Message.__slots__))
_message, _stream, _revision, _position, _hash = _setters(Recorded, tuple(Recorded.__slots__))
_at, _revisions, _repeated = _setters(Committed, tuple(Committed.__slots__))
_new_message, _new_recorded, _new_committed = Message.__new__, Recorded.__new__, Committed.__new__


def recorded(row: Row) -> Recorded:
    """Return the event of a row of EVENT_COLUMNS."""
    position, stream, revision, id_, type_, correlation, hashed, meta, data = row
    time, source, subject, causation, partition, traceparent, principal, tenant, content, *more = _unpack(
        meta
    )
    message = _new_message(Message)
    _id(message, id_)
    _source(message, source)
    _type(message, type_)
    _time(message, time)
    _subject(message, stream if subject is None else subject)
    _data(message, b"" if data is None else data)
    _correlation(message, correlation)
    _causation(message, causation)
    _partition(message, stream if partition is None else partition)
    _traceparent(message, traceparent)
    _principal(message, principal)
    _tenant(message, tenant)
    _content(message, content)
    _erased(message, data is None)
    _attributes(message, tuple([(name, value) for name, value in more[0]]) if more else ())
    made = _new_recorded(Recorded)
    _message(made, message)
    _stream(made, stream)
    _revision(made, revision)
    _position(made, position)
    _hash(made, hashed.hex())
    return made


def committed(position: int, revisions: tuple[int, ...]) -> Committed:
    """Return what a commit did that was no repeat."""
    made = _new_committed(Committed)
    _at(made, position)
    _revisions(made, revisions)
    _repeated(made, False)
    return made


def document(row: Row) -> Document:
    """Return the document of a row of DOCUMENT_COLUMNS."""
    key, owner, group, sort, version, stored = row
    return Document(key=key, document=_unjson(stored), owner=owner, group=group, sort=sort, version=version)
