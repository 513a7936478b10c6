"""A transaction as rows of this store's tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from autobot.kernel.core.errors import AlreadyExists, InvalidInput, TooLarge
from autobot.kernel.event_store.audit_chain import body
from autobot.kernel.event_store.rows import Row, event_row, micros, moment_of
from autobot.kernel.event_store.text import words
from autobot.kernel.event_store.transaction import Put, StoredAnswer, Transaction

NAME_BYTES: Final = 2000
"""What the texts of one index entry may have together: PostgreSQL's own limit is a third of a page."""
WORD_CHARACTERS: Final = 500
"""Words are indexed and asked for up to here; what comes after tells no two words apart."""
VECTOR_BYTES: Final = 1_000_000
"""Distinct words of one text are indexed until they take this much; PostgreSQL's own limit is 1 MiB."""
PLACES: Final = 16
"""Places of one word in one text that count for the order of hits."""
_json: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Prepared:
    """A transaction with all that can be encoded before its turn comes.

    `events` holds per append the column values from `id` on; `writes` the rows of Puts from `owner` on, None for a
    Delete. `apart`: it has parts that change what others of its group rest on, and is committed by itself.
    """

    transaction: Transaction
    events: list[list[Row]]
    ids: list[str]
    audit: list[bytes]
    answer: Row | None
    writes: list[Row | None]
    apart: bool


def prepare(transaction: Transaction) -> Prepared:
    """Encode a transaction.

    Raises InvalidInput for values that cannot be stored, TooLarge for names over NAME_BYTES, AlreadyExists for a
    doubled id.
    """
    try:
        events = [
            [event_row(message, append.stream) for message in append.events] for append in transaction.appends
        ]
        ids = [row[0] for rows in events for row in rows]
        if len(ids) > 1 and len(set(ids)) < len(ids):
            raise AlreadyExists("Two events of one transaction carry the same id.")
        hashes = tuple([row[4] for rows in events for row in rows])
        prepared = Prepared(
            transaction,
            events,
            ids,
            [body(entry, hashes) for entry in transaction.audit],
            None if transaction.answer is None else answer_row(transaction.answer),
            [_put_row(one) if isinstance(one, Put) else None for one in transaction.writes],
            bool(transaction.erase or transaction.aliases or transaction.drops),
        )
        _check_names(prepared)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise InvalidInput("This cannot be stored: a value has no JSON or UTF-8 form.") from error
    return prepared


def _check_names(one: Prepared) -> None:
    """Refuse what PostgreSQL cannot keep as text (NUL, RFC 3629 surrogates) or index (too long)."""
    transaction = one.transaction
    for append, rows in zip(transaction.appends, one.events, strict=True):
        _check((append.stream,))
        for row in rows:
            _check(row[:3])
    if transaction.answer is not None:
        _check((transaction.answer.scope, transaction.answer.key))
        _check((transaction.answer.fingerprint, transaction.answer.status))
    for write in transaction.writes:
        if isinstance(write, Put):
            _check((write.table, write.key, write.owner, write.sort))
            _check((write.group,))
        else:
            _check((write.table, write.key))
    for handled in transaction.handled:
        _check((handled.consumer, handled.source, handled.message_id))
    names = [condition.stream for condition in transaction.conditions]
    names += [checkpoint.consumer for checkpoint in transaction.checkpoints]
    names += [text for alias in transaction.aliases for text in (alias.table, alias.target)]
    names += [text for saved in transaction.snapshots for text in (saved.stream, saved.schema)]
    for name in names:
        _check((name,))


def _check(texts: Iterable[str]) -> None:
    joined = "".join(texts)
    if "\0" in joined:
        raise InvalidInput("This cannot be stored: a name has a NUL character.")
    if len(joined.encode()) > NAME_BYTES:
        raise TooLarge(f"Names that are stored together may have {NAME_BYTES} bytes.")


def answer_row(answer: StoredAnswer) -> Row:
    """Return an answer's column values."""
    return (
        answer.scope,
        answer.key,
        answer.fingerprint,
        answer.status,
        answer.body,
        micros(answer.expires),
    )


def answer_of(row: Any) -> StoredAnswer:
    """Return the answer of a row."""
    scope, key, fingerprint, status, stored, expires = row
    return StoredAnswer(
        scope=scope, key=key, fingerprint=fingerprint, status=status, body=stored, expires=moment_of(expires)
    )


def _put_row(put: Put) -> Row:
    text = put.text
    return (
        put.owner,
        put.group,
        put.sort,
        _json(put.document),
        None if text is None else text.encode(),
        None if text is None else vector(text),
    )


def vector(text: str) -> str:
    """Return the words of a text with their places, as PostgreSQL reads a `tsvector`."""
    places: dict[str, list[str]] = {}
    room = VECTOR_BYTES
    for number, word in enumerate(words(text), start=1):
        word = word[:WORD_CHARACTERS]
        found = places.get(word)
        if found is None:
            room -= len(word.encode()) + 4 + 2 * PLACES
            if room < 0:
                break
            places[word] = [str(number)]
        elif len(found) < PLACES:
            found.append(str(number))
    return " ".join([f"'{word}':{','.join(numbers)}" for word, numbers in places.items()])


def asked(text: str) -> str | None:
    """Return the `tsquery` of a text: every word, the last one as a beginning. None: nothing matches."""
    found = [word[:WORD_CHARACTERS] for word in words(text)]
    return " & ".join([f"'{word}'" for word in found]) + ":*" if found else None
