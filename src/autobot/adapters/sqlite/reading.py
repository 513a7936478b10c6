"""Reads: each a function of a reader's connection, one statement where one will do."""

# Statements are put together from names of ours; every value is bound.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import apsw
import msgspec

from autobot.adapters.sqlite.rows import answer_of, place_of
from autobot.kernel.core.errors import DataCorrupt
from autobot.kernel.event_store.audit_chain import GENESIS, parse
from autobot.kernel.event_store.rows import DOCUMENT_COLUMNS, EVENT_COLUMNS, document, micros, recorded
from autobot.kernel.event_store.text import words
from autobot.kernel.event_store.transaction import (
    AuditRecord,
    Document,
    Filter,
    Handled,
    Query,
    Recorded,
    SearchHit,
    Snapshot,
    StoredAnswer,
)

_OF_EVENTS: Final = ", ".join(f"e.{one.strip()}" for one in EVENT_COLUMNS.split(","))
_OF_DOCUMENTS: Final = ", ".join(f"d.{one.strip()}" for one in DOCUMENT_COLUMNS.split(","))
_STREAM: Final = (
    f"SELECT {_OF_EVENTS} FROM streams s CROSS JOIN events e ON e.position = s.position"
    " WHERE s.stream = ? AND s.revision > ? ORDER BY s.revision LIMIT ?"
)
_AT: Final = (
    f"SELECT {EVENT_COLUMNS} FROM events WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position"
)


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()


def stream(
    connection: apsw.Connection, name: str, after: int, limit: int, tail: Sequence[tuple[int, int]]
) -> list[Recorded]:
    """Return events of a stream; `tail` holds (revision, position) of those that may not be folded yet."""
    found = list(map(recorded, connection.execute(_STREAM, (name, after, limit))))
    if found:
        after = found[-1].revision
    missing = [position for revision, position in tail if revision > after][: limit - len(found)]
    if missing:
        found += map(recorded, connection.execute(_AT, (_json(missing),)))
    return found


def log(
    connection: apsw.Connection, after: int, limit: int, where: Filter | None, backwards: bool
) -> list[Recorded]:
    """Return events of the log. What is not folded yet is looked through; it is a few thousand rows at most."""
    if where is None:
        where = Filter()
    source, clauses, bindings = "events e", [], list[Any]()
    if where.stream or where.correlation_id:
        column, value = ("stream", where.stream) if where.stream else ("correlation", where.correlation_id)
        table = "streams" if where.stream else "correlations"
        source = (
            f"(SELECT position FROM {table} WHERE {column} = ? UNION SELECT position FROM events"
            f" WHERE position > (SELECT value FROM marks WHERE name = 'folded') AND {column} = ?) i"
            " CROSS JOIN events e ON e.position = i.position"
        )
        bindings += [value, value]
    clauses += ["e.position < ?" if backwards and after > 0 else "e.position > ?"]
    bindings += [after]
    _restrict(where, clauses, bindings)
    direction = "DESC" if backwards else "ASC"
    sql = (
        f"SELECT {_OF_EVENTS} FROM {source} WHERE {' AND '.join(clauses)}"
        f" ORDER BY e.position {direction} LIMIT ?"
    )
    return list(map(recorded, connection.execute(sql, (*bindings, limit))))


def _restrict(where: Filter, clauses: list[str], bindings: list[Any]) -> None:
    if where.stream and where.correlation_id:
        clauses.append("e.correlation = ?")
        bindings.append(where.correlation_id)
    if where.stream_prefix:
        clauses.append("substr(e.stream, 1, ?) = ?")
        bindings += [len(where.stream_prefix), where.stream_prefix]
    if where.types:
        ways = []
        for one in where.types:
            ways.append("substr(e.type, 1, ?) = ?" if one.endswith("*") else "e.type = ?")
            bindings += [len(one) - 1, one[:-1]] if one.endswith("*") else [one]
        clauses.append(f"({' OR '.join(ways)})")
    if where.since is not None:
        clauses.append("e.time >= ?")
        bindings.append(micros(where.since))
    if where.until is not None:
        clauses.append("e.time <= ?")
        bindings.append(micros(where.until))


def position_at(connection: apsw.Connection, moment: datetime, head: int) -> int:
    """Return the last position committed at or before `moment`: times of commit grow with the position."""
    wanted, low, high = micros(moment), 0, head
    while low < high:
        middle = (low + high + 1) // 2
        found = connection.execute("SELECT committed FROM events WHERE position = ?", (middle,)).fetchone()
        if found is None:
            raise DataCorrupt(f"Event {middle} is missing.")
        if found[0] <= wanted:
            low = middle
        else:
            high = middle - 1
    return low


def answer(
    connection: apsw.Connection, scope: str, key: str, now: datetime, tail: Sequence[int]
) -> StoredAnswer | None:
    """Return the newest answer of a key; `tail` holds the numbers of answers that may not be folded yet."""
    row = connection.execute(
        "SELECT expires, scope, key, fingerprint, status, body FROM answers WHERE number IN"
        " (SELECT value FROM json_each(?) UNION SELECT number FROM places WHERE place = ?)"
        " AND scope = ? AND key = ? AND expires > ? ORDER BY number DESC LIMIT 1",
        (_json(tail), place_of(scope, key), scope, key, micros(now)),
    ).fetchone()
    return None if row is None else answer_of(row)


def checkpoint(connection: apsw.Connection, consumer: str) -> int:
    """Return where a consumer stands."""
    row = connection.execute("SELECT position FROM checkpoints WHERE consumer = ?", (consumer,)).fetchone()
    return 0 if row is None else int(row[0])


_HANDLED: Final = (
    "SELECT i.consumer, i.source, i.id FROM json_each(?) a CROSS JOIN inbox i"
    " ON i.consumer = a.value ->> 0 AND i.source = a.value ->> 1 AND i.id = a.value ->> 2"
)


def handled(connection: apsw.Connection, entries: Sequence[Handled]) -> set[Handled]:
    """Return what the inbox holds of these."""
    asked = _json([(one.consumer, one.source, one.message_id) for one in entries])
    return {
        Handled(consumer=consumer, source=source, message_id=message_id)
        for consumer, source, message_id in connection.execute(_HANDLED, (asked,))
    }


def get(connection: apsw.Connection, table: str, key: str) -> Document | None:
    """Return one document."""
    row = connection.execute(
        f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE tbl = ? AND key = ?", (table, key)
    ).fetchone()
    return None if row is None else document(row)


def _wanted(query: Query, table: str) -> tuple[list[str], list[Any]]:
    """Return what restricts to table, owner and group; `<> ''` lets SQLite take the partial indexes."""
    clauses, bindings = ["d.tbl = ?"], list[Any]([table])
    for column, value in (("owner", query.owner), ("grp", query.group)):
        if value is not None:
            clauses.append(f"d.{column} = ? AND d.{column} <> ''" if value else f"d.{column} = ?")
            bindings.append(value)
    return clauses, bindings


def _match(text: str) -> str | None:
    """Return the FTS5 expression of a text: every word, the last one as a beginning. None: nothing matches."""
    asked = words(text)
    return " ".join(f'"{one}"' for one in asked) + "*" if asked else None


def _from(wanted: Query, table: str) -> tuple[str, list[Any]] | None:
    """Return the condition of a query's documents, in all its pages from `after` on; None when it matches nothing."""
    clauses, bindings = _wanted(wanted, table)
    if wanted.text is not None:
        match = _match(wanted.text)
        if match is None:
            return None
        clauses.append("d.number IN (SELECT rowid FROM texts WHERE texts MATCH ?)")
        bindings.append(match)
    if wanted.after is not None:
        clauses.append(f"(d.sort, d.key) {'<' if wanted.order == 'descending' else '>'} (?, ?)")
        bindings += wanted.after
    return " AND ".join(clauses), bindings


GROUPS: Final = (
    "WITH RECURSIVE found(grp) AS (SELECT '' UNION ALL SELECT"
    " (SELECT grp FROM documents WHERE tbl = ?1 AND grp <> '' AND grp > found.grp ORDER BY grp LIMIT 1)"
    " FROM found WHERE grp IS NOT NULL) SELECT grp FROM found WHERE grp <> ''"
)
"""Seeks behind each group for the next one: an index scan would pass all documents."""


def counting(wanted: Query, table: str) -> tuple[str, list[Any]] | None:
    """Return the statement that counts a query's documents, and what it binds; None when it matches nothing."""
    found = _from(wanted, table)
    return None if found is None else (f"SELECT count(*) FROM documents d WHERE {found[0]}", found[1])


def count(connection: apsw.Connection, wanted: Query, table: str) -> int:
    """Return how many documents a query means."""
    statement = counting(wanted, table)
    row = None if statement is None else connection.execute(*statement).fetchone()
    return 0 if row is None else int(row[0])


def groups(connection: apsw.Connection, table: str) -> list[str]:
    """Return the groups of a table, in order."""
    return [name for (name,) in connection.execute(GROUPS, (table,))]


def query(connection: apsw.Connection, wanted: Query, table: str) -> list[Document]:
    """Return a page of documents."""
    found = _from(wanted, table)
    if found is None:
        return []
    condition, bindings = found
    direction = "DESC" if wanted.order == "descending" else "ASC"
    sql = (
        f"SELECT {_OF_DOCUMENTS} FROM documents d WHERE {condition}"
        f" ORDER BY d.sort {direction}, d.key {direction} LIMIT ?"
    )
    return list(map(document, connection.execute(sql, (*bindings, wanted.limit))))


def search(connection: apsw.Connection, wanted: Query, table: str) -> list[SearchHit]:
    """Return full-text hits, best first (BM25)."""
    match = _match(wanted.text or "")
    if match is None:
        return []
    clauses, bindings = _wanted(wanted, table)
    sql = (
        f"SELECT {_OF_DOCUMENTS}, snippet(texts, 0, '«', '»', '…', 24), -texts.rank"
        " FROM texts CROSS JOIN documents d ON d.number = texts.rowid"
        f" WHERE texts MATCH ? AND {' AND '.join(clauses)}"
        " ORDER BY texts.rank, d.sort, d.key LIMIT ?"
    )
    return [
        SearchHit(document=document(tuple(row)), excerpt=excerpt, score=score)
        for *row, excerpt, score in connection.execute(sql, (match, *bindings, wanted.limit))
    ]


def snapshot(connection: apsw.Connection, name: str, schema: str) -> Snapshot | None:
    """Return the newest snapshot of that shape."""
    row = connection.execute(
        "SELECT revision, data FROM snapshots WHERE stream = ? AND schema = ?", (name, schema)
    ).fetchone()
    return None if row is None else Snapshot(revision=row[0], data=row[1])


def audit(connection: apsw.Connection, after: int, limit: int) -> list[AuditRecord]:
    """Return audit records. A record's `previous` is the hash stored in the one before it."""
    rows: Any = connection.execute(
        "SELECT sequence, hash, body FROM audit WHERE sequence >= ? ORDER BY sequence LIMIT ?",
        (after, limit + 1 if after > 0 else limit),
    ).fetchall()
    previous, records = GENESIS, list[AuditRecord]()
    for sequence, hashed, body in rows:
        if sequence > after:
            entry, hashes = parse(body)
            records.append(
                AuditRecord(
                    sequence=sequence, entry=entry, event_hashes=hashes, previous=previous, hash=hashed.hex()
                )
            )
        previous = hashed.hex()
    return records[:limit]
