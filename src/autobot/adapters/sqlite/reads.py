"""What is read, as functions of a connection. They run on reader threads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import apsw

from autobot.adapters.sqlite.rows import (
    EVENT_COLUMNS,
    answer_of,
    audit_of,
    document_of,
    microseconds,
    recorded_of,
)
from autobot.kernel.event_store.transaction import (
    AuditRecord,
    Document,
    Filter,
    Query,
    Recorded,
    SearchHit,
    Snapshot,
    StoredAnswer,
)

_DOCUMENT: Final = "d.key, d.document, d.owner, d.grp, d.sort, d.version"


def _rows(connection: apsw.Connection, sql: str, bindings: Sequence[Any]) -> list[tuple[Any, ...]]:
    return list(connection.execute(sql, tuple(bindings)))


def read_stream(connection: apsw.Connection, stream: str, after: int, limit: int) -> list[Recorded]:
    """Return events of a stream."""
    sql = f"SELECT {EVENT_COLUMNS} FROM events WHERE stream = ? AND revision > ? ORDER BY revision LIMIT ?"  # noqa: S608
    return [recorded_of(row) for row in _rows(connection, sql, (stream, after, limit))]


def read_all(
    connection: apsw.Connection, after: int, limit: int, where: Filter | None, backwards: bool
) -> list[Recorded]:
    """Return events of the log."""
    clauses, bindings = _wanted(where)
    if not backwards:
        clauses.append("position > ?")
        bindings.append(after)
    elif after > 0:
        clauses.append("position < ?")
        bindings.append(after)
    condition = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    order = "DESC" if backwards else "ASC"
    sql = f"SELECT {EVENT_COLUMNS} FROM events {condition} ORDER BY position {order} LIMIT ?"  # noqa: S608
    return [recorded_of(row) for row in _rows(connection, sql, (*bindings, limit))]


def _wanted(where: Filter | None) -> tuple[list[str], list[Any]]:
    clauses: list[str] = []
    bindings: list[Any] = []
    if where is None:
        return clauses, bindings
    if where.types:
        each = []
        for one in where.types:
            each.append("(type >= ? AND type < ?)" if one.endswith("*") else "type = ?")
            bindings.extend((one[:-1], one[:-1] + "\U0010ffff") if one.endswith("*") else (one,))
        clauses.append(f"({' OR '.join(each)})")
    for value, clause in (
        (where.stream, "stream = ?"),
        (where.correlation_id, "correlation_id = ?"),
        (microseconds(where.since) if where.since else None, "time >= ?"),
        (microseconds(where.until) if where.until else None, "time <= ?"),
    ):
        if value not in ("", None):
            clauses.append(clause)
            bindings.append(value)
    if where.stream_prefix:
        clauses.append("stream >= ? AND stream < ?")
        bindings.extend((where.stream_prefix, where.stream_prefix + "\U0010ffff"))
    return clauses, bindings


def position_at(connection: apsw.Connection, moment: datetime) -> int:
    """Return the last position at a time, by halving: positions are contiguous and times follow them."""
    wanted = microseconds(moment)
    low, high = 0, int(_rows(connection, "SELECT coalesce(max(position), 0) FROM events", ())[0][0])
    while low < high:
        middle = (low + high + 1) // 2
        time = _rows(connection, "SELECT time FROM events WHERE position = ?", (middle,))[0][0]
        low, high = (middle, high) if time <= wanted else (low, middle - 1)
    return low


def answer(connection: apsw.Connection, scope: str, key: str, now: datetime) -> StoredAnswer | None:
    """Return a stored answer that has not expired."""
    sql = "SELECT scope, key, fingerprint, status, body, expires FROM answers WHERE scope = ? AND key = ? AND expires > ?"
    found = _rows(connection, sql, (scope, key, microseconds(now)))
    return answer_of(found[0]) if found else None


def checkpoint(connection: apsw.Connection, consumer: str) -> int:
    """Return where a consumer stands."""
    found = _rows(connection, "SELECT position FROM checkpoints WHERE consumer = ?", (consumer,))
    return int(found[0][0]) if found else 0


def get(connection: apsw.Connection, table: str, key: str) -> Document | None:
    """Return one document."""
    sql = f"SELECT {_DOCUMENT} FROM documents d WHERE d.tbl = ? AND d.key = ?"  # noqa: S608
    found = _rows(connection, sql, (table, key))
    return document_of(found[0]) if found else None


def match_expression(text: str) -> str:
    """Return the FTS5 expression of a person's words: all of them, the last one as a beginning. "" for none."""
    cleaned = "".join(one if one.isalnum() else " " for one in text)
    words = [f'"{word}"' for word in cleaned.split()]
    return " AND ".join(words) + " *" if words else ""


def _documents(query: Query) -> tuple[str, list[Any]]:
    clauses, bindings = ["d.tbl = ?"], [query.table]
    for value, column in ((query.owner, "d.owner"), (query.group, "d.grp")):
        if value is not None:
            clauses.append(f"{column} = ?")
            bindings.append(value)
    return " AND ".join(clauses), bindings


def query(connection: apsw.Connection, asked: Query) -> list[Document]:
    """Return a page of documents."""
    condition, bindings = _documents(asked)
    source = "documents d"
    if asked.text is not None:
        expression = match_expression(asked.text)
        if not expression:
            return []
        source += " JOIN text_rows r ON r.tbl = d.tbl AND r.key = d.key JOIN texts t ON t.rowid = r.rowid"
        condition += " AND texts MATCH ?"
        bindings.append(expression)
    descending = asked.order == "descending"
    if asked.after is not None:
        condition += f" AND (d.sort, d.key) {'<' if descending else '>'} (?, ?)"
        bindings.extend(asked.after)
    order = "DESC" if descending else "ASC"
    sql = f"SELECT {_DOCUMENT} FROM {source} WHERE {condition} ORDER BY d.sort {order}, d.key {order} LIMIT ?"  # noqa: S608
    return [document_of(row) for row in _rows(connection, sql, (*bindings, asked.limit))]


def search(connection: apsw.Connection, asked: Query) -> list[SearchHit]:
    """Return full-text hits, best first (BM25)."""
    expression = match_expression(asked.text or "")
    if not expression:
        return []
    condition, bindings = _documents(asked)
    sql = (
        f"SELECT {_DOCUMENT}, snippet(texts, 0, '«', '»', '…', 16), -bm25(texts) "  # noqa: S608
        "FROM texts JOIN text_rows r ON r.rowid = texts.rowid JOIN documents d ON d.tbl = r.tbl AND d.key = r.key "
        f"WHERE texts MATCH ? AND {condition} ORDER BY bm25(texts), d.sort, d.key LIMIT ?"
    )
    return [
        SearchHit(document=document_of(row[:6]), excerpt=row[6], score=row[7])
        for row in _rows(connection, sql, (expression, *bindings, asked.limit))
    ]


def snapshot(connection: apsw.Connection, stream: str, schema: str) -> Snapshot | None:
    """Return the newest snapshot."""
    sql = "SELECT revision, data FROM snapshots WHERE stream = ? AND schema = ?"
    found = _rows(connection, sql, (stream, schema))
    return Snapshot(revision=found[0][0], data=found[0][1]) if found else None


def audit(connection: apsw.Connection, after: int, limit: int) -> list[AuditRecord]:
    """Return audit records."""
    sql = "SELECT sequence, entry, event_hashes, previous, hash FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?"
    return [audit_of(row) for row in _rows(connection, sql, (after, limit))]


def tables(connection: apsw.Connection) -> list[str]:
    """Return the names of all document tables."""
    return [row[0] for row in _rows(connection, "SELECT DISTINCT tbl FROM documents ORDER BY tbl", ())]


def table_hash(connection: apsw.Connection, table: str) -> str:
    """Return a hash over a table's documents and their places, in key order."""
    digest = blake2b(digest_size=32)
    sql = "SELECT key, document, owner, grp, sort FROM documents WHERE tbl = ? ORDER BY key"
    for row in connection.execute(sql, (table,)):
        for part in row:
            raw = part if isinstance(part, bytes) else str(part).encode()
            digest.update(len(raw).to_bytes(8, "big"))
            digest.update(raw)
    return digest.hexdigest()
