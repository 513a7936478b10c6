"""Between stored rows and values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from autobot.kernel.core.message import Message
from autobot.kernel.event_store.transaction import AuditEntry, AuditRecord, Document, Recorded, StoredAnswer

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

EVENT_COLUMNS: Final = (
    "position, id, stream, revision, type, time, source, correlation_id, causation_id, partition_key, "
    "traceparent, principal, tenant, content_type, data, hash, erased"
)
encode: Final = msgspec.json.Encoder().encode
_entry: Final = msgspec.json.Decoder(AuditEntry)
_hashes: Final = msgspec.json.Decoder(tuple[str, ...])
decode: Final = msgspec.json.Decoder().decode


def microseconds(moment: datetime) -> int:
    """Return microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(stored: int) -> datetime:
    """Return the time of stored microseconds."""
    return _EPOCH + timedelta(microseconds=stored)


def recorded_of(row: tuple[Any, ...]) -> Recorded:
    """Return the event of a row of EVENT_COLUMNS."""
    (position, id_, stream, revision, type_, time, source, correlation, causation, partition) = row[:10]
    (traceparent, principal, tenant, content_type, data, hash_, erased) = row[10:]
    message = Message(
        id=id_,
        source=source,
        type=type_,
        time=moment_of(time),
        subject=stream,
        data=data,
        correlation_id=correlation,
        causation_id=causation,
        partition_key=partition,
        traceparent=traceparent,
        principal=principal,
        tenant=tenant,
        content_type=content_type,
        erased=bool(erased),
    )
    return Recorded(message=message, stream=stream, revision=revision, position=position, payload_hash=hash_)


def document_of(row: tuple[Any, ...]) -> Document:
    """Return the document of (key, document, owner, grp, sort, version)."""
    key, body, owner, group, sort, version = row
    return Document(key=key, document=decode(body), owner=owner, group=group, sort=sort, version=version)


def answer_of(row: tuple[Any, ...]) -> StoredAnswer:
    """Return the answer of (scope, key, fingerprint, status, body, expires)."""
    scope, key, fingerprint, status, body, expires = row
    return StoredAnswer(
        scope=scope, key=key, fingerprint=fingerprint, status=status, body=body, expires=moment_of(expires)
    )


def audit_of(row: tuple[Any, ...]) -> AuditRecord:
    """Return the record of (sequence, entry, event_hashes, previous, hash)."""
    sequence, entry, hashes, previous, hash_ = row
    return AuditRecord(
        sequence=sequence,
        entry=_entry.decode(entry),
        event_hashes=_hashes.decode(hashes),
        previous=previous,
        hash=hash_,
    )
