"""A transaction as rows of this store's tables. Pure, runs on the caller's side of the writer thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import msgspec

from autobot.kernel.core.errors import AlreadyExists, InvalidInput
from autobot.kernel.event_store.audit_chain import body
from autobot.kernel.event_store.rows import Row, event_row, micros, moment_of
from autobot.kernel.event_store.transaction import ANY, Checkpoint, Put, StoredAnswer, Transaction

_json: Final = msgspec.json.Encoder().encode


def place_of(scope: str, key: str) -> int:
    """Return the 64-bit place of an idempotency key; equal places are told apart by the texts themselves.

    CRC-32 of the scope, then of the key: who makes keys collide on purpose slows only its own scope.
    """
    return (crc32(scope.encode()) << 32 | crc32(key.encode())) - (1 << 63)


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


def prepare(transaction: Transaction) -> Prepared:
    """Encode a transaction. Raises InvalidInput for values that cannot be stored, AlreadyExists for a doubled id."""
    appends, answer, writes = transaction.appends, transaction.answer, transaction.writes
    audit, checkpoints = transaction.audit, transaction.checkpoints
    events: list[list[Row]] = []
    ids: list[str] = []
    hashes: list[bytes] = []
    try:
        for append in appends:
            stream, rows = append.stream, []
            for message in append.events:
                row = event_row(message, stream)
                rows.append(row)
                ids.append(row[0])
                hashes.append(row[4])
            events.append(rows)
        if len(ids) > 1 and len(set(ids)) < len(ids):
            raise AlreadyExists("Two events of one transaction carry the same id.")
        hashed = tuple(hashes)
        plain = len(appends) == 1 and not (
            writes
            or transaction.handled
            or transaction.conditions
            or transaction.erase
            or transaction.snapshots
            or transaction.aliases
            or transaction.drops
        )
        for checkpoint in checkpoints:
            if checkpoint.expected is not None:
                plain = False
        return Prepared(
            transaction,
            events,
            ids,
            hashed,
            [body(entry, hashed) for entry in audit] if audit else [],
            None if answer is None else answer_row(answer),
            [_json(write.document) for write in writes if isinstance(write, Put)] if writes else [],
            checkpoints,
            plain,
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


def answer_of(row: Row) -> StoredAnswer:
    """Return the answer of a row: expires, scope, key, fingerprint, status, body."""
    expires, scope, key, fingerprint, status, stored = row
    return StoredAnswer(
        scope=scope, key=key, fingerprint=fingerprint, status=status, body=stored, expires=moment_of(expires)
    )
