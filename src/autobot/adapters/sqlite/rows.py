"""Between values of the port and rows of the tables. Pure, runs on the caller's side of the writer thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from zlib import crc32

import msgspec

from autobot.kernel.core.errors import AlreadyExists, InvalidInput
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.audit_chain import body
from autobot.kernel.event_store.transaction import (
    ANY,
    Checkpoint,
    Committed,
    Document,
    Put,
    Recorded,
    StoredAnswer,
    Transaction,
)

Row = tuple[Any, ...]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_json = msgspec.json.Encoder().encode
_unjson = msgspec.json.Decoder().decode

EVENT_COLUMNS: Final = "position, stream, revision, id, type, correlation, hash, meta, data"
DOCUMENT_COLUMNS: Final = "key, owner, grp, sort, version, body"


def micros(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware time. Raises InvalidInput for a naive one."""
    try:
        since = moment - EPOCH
    except TypeError:
        raise InvalidInput(f"{moment} has no UTC offset.") from None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment_of(value: int) -> datetime:
    """Return the UTC time of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


def place_of(scope: str, key: str) -> int:
    """Return the 64-bit place of an idempotency key; equal places are told apart by the texts themselves.

    CRC-32 of the scope, then of the key: who makes keys collide on purpose slows only its own scope.
    """
    return (crc32(scope.encode()) << 32 | crc32(key.encode())) - (1 << 63)


# ------------------------------------------------------------------------------------------------ writing


@dataclass(slots=True)
class Prepared:
    """A transaction with all that can be encoded before its turn comes.

    `events` holds per append the column values from `id` on. `plain`: one append (to `stream`, at
    `expected`), and beside it at most an answer, audit entries and checkpoints without condition. `placed`
    is filled by the writer: per append (stream, first revision, first position, count); so is `numbered`,
    the number of the answer.
    """

    transaction: Transaction
    events: list[list[Row]]
    ids: list[str]
    hashes: tuple[bytes, ...]
    audit: list[bytes]
    answer: tuple[int, Row] | None
    bodies: list[bytes]
    checkpoints: tuple[Checkpoint, ...]
    plain: bool
    stream: str = ""
    expected: int = ANY
    placed: list[tuple[str, int, int, int]] = field(default_factory=list)
    numbered: int = 0


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


def prepare(transaction: Transaction) -> Prepared:
    """Encode a transaction. Raises InvalidInput for values that cannot be stored, AlreadyExists for a doubled id."""
    events: list[list[Row]] = []
    ids: list[str] = []
    hashes: list[bytes] = []
    try:
        for append in transaction.appends:
            rows = [event_row(message, append.stream) for message in append.events]
            events.append(rows)
            for row in rows:
                ids.append(row[0])
                hashes.append(row[4])
        if len(ids) > 1 and len(set(ids)) < len(ids):
            raise AlreadyExists("Two events of one transaction carry the same id.")
        hashed, answer, writes = tuple(hashes), transaction.answer, transaction.writes
        appends, checkpoints = transaction.appends, transaction.checkpoints
        plain = len(appends) == 1 and not (
            writes
            or transaction.handled
            or transaction.conditions
            or transaction.erase
            or transaction.snapshots
            or transaction.aliases
            or transaction.drops
        )
        return Prepared(
            transaction,
            events,
            ids,
            hashed,
            [body(entry, hashed) for entry in transaction.audit],
            None if answer is None else answer_row(answer),
            [_json(write.document) for write in writes if isinstance(write, Put)] if writes else [],
            checkpoints,
            plain and all(one.expected is None for one in checkpoints),
            appends[0].stream if appends else "",
            appends[0].expected if appends else ANY,
        )
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise InvalidInput("This cannot be stored: a value has no JSON or UTF-8 form.") from error


def answer_row(answer: StoredAnswer) -> tuple[int, Row]:
    """Return an answer's place and column values from `place` on."""
    place = place_of(answer.scope, answer.key)
    return place, (
        place,
        micros(answer.expires),
        answer.scope,
        answer.key,
        answer.fingerprint,
        answer.status,
        answer.body,
    )


# ------------------------------------------------------------------------------------------------ reading
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
) = _setters(Message, tuple(Message.__slots__))
_message, _stream, _revision, _position, _hash = _setters(Recorded, tuple(Recorded.__slots__))
_at, _revisions, _repeated = _setters(Committed, tuple(Committed.__slots__))
_new_message, _new_recorded, _new_committed = Message.__new__, Recorded.__new__, Committed.__new__


def recorded(row: Row) -> Recorded:
    """Return the event of a row of EVENT_COLUMNS."""
    position, stream, revision, id_, type_, correlation, hashed, meta, data = row
    time, source, subject, causation, partition, traceparent, principal, tenant, content = _unpack(meta)
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


def answer_of(row: Row) -> StoredAnswer:
    """Return the answer of a row: expires, scope, key, fingerprint, status, body."""
    expires, scope, key, fingerprint, status, stored = row
    return StoredAnswer(
        scope=scope, key=key, fingerprint=fingerprint, status=status, body=stored, expires=moment_of(expires)
    )
