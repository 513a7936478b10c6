"""Reads: each a function of a connection, one statement each."""

# Statements are put together from names of ours; every value is bound.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from autobot.adapters.postgres.driver import Connection
from autobot.adapters.postgres.rows import answer_of, asked
from autobot.kernel.event_store.audit_chain import GENESIS, parse
from autobot.kernel.event_store.rows import DOCUMENT_COLUMNS, EVENT_COLUMNS, document, micros, recorded
from autobot.kernel.event_store.text import excerpt
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

_STREAM: Final = f"SELECT {EVENT_COLUMNS} FROM autobot.events WHERE stream = $1 AND revision > $2 ORDER BY revision LIMIT $3"


async def stream(connection: Connection, name: str, after: int, limit: int) -> list[Recorded]:
    """Return events of a stream."""
    return list(map(recorded, await connection.fetch(_STREAM, name, after, limit)))


class _Clauses:
    """Conditions of a statement and the values that they bind."""

    def __init__(self) -> None:
        self.clauses: list[str] = []
        self.values: list[Any] = []

    def bind(self, value: Any) -> str:
        """Bind a value and return its place."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, clause: str, *values: Any) -> None:
        """Add a condition with `{}` for each value."""
        self.clauses.append(clause.format(*[self.bind(one) for one in values]))

    def __str__(self) -> str:
        return " AND ".join(self.clauses)


async def log(
    connection: Connection, after: int, limit: int, where: Filter | None, backwards: bool
) -> list[Recorded]:
    """Return events of the log."""
    wanted = _Clauses()
    wanted.add("position < {}" if backwards and after > 0 else "position > {}", after)
    order = "position"
    if where is not None:
        _restrict(where, wanted)
        # In a stream revisions grow with positions: this is the order of an index, too.
        order = "revision" if where.stream else "position"
    sql = (
        f"SELECT {EVENT_COLUMNS} FROM autobot.events WHERE {wanted}"
        f" ORDER BY {order} {'DESC' if backwards else 'ASC'} LIMIT {wanted.bind(limit)}"
    )
    return list(map(recorded, await connection.fetch(sql, *wanted.values)))


def _restrict(where: Filter, wanted: _Clauses) -> None:
    if where.stream:
        wanted.add("stream = {}", where.stream)
    if where.correlation_id:
        wanted.add("correlation = {}", where.correlation_id)
    if where.stream_prefix:
        wanted.add("starts_with(stream, {})", where.stream_prefix)
    if where.types:
        ways = [
            f"starts_with(type, {wanted.bind(one[:-1])})"
            if one.endswith("*")
            else f"type = {wanted.bind(one)}"
            for one in where.types
        ]
        wanted.clauses.append(f"({' OR '.join(ways)})")
    if where.since is not None:
        wanted.add("time >= {}", micros(where.since))
    if where.until is not None:
        wanted.add("time <= {}", micros(where.until))


async def head(connection: Connection) -> int:
    """Return the last position."""
    found: int = await connection.fetchval("SELECT position FROM autobot.head")
    return found


async def position_at(connection: Connection, moment: datetime) -> int:
    """Return the last position committed at or before `moment`."""
    found: int = await connection.fetchval("SELECT autobot.position_at($1)", micros(moment))
    return found


async def answer(connection: Connection, scope: str, key: str, now: datetime) -> StoredAnswer | None:
    """Return the answer of a key."""
    row = await connection.fetchrow(
        "SELECT scope, key, fingerprint, status, body, expires FROM autobot.answers"
        " WHERE scope = $1 AND key = $2 AND expires > $3",
        scope,
        key,
        micros(now),
    )
    return None if row is None else answer_of(row)


async def checkpoint(connection: Connection, consumer: str) -> int:
    """Return where a consumer stands."""
    found = await connection.fetchval(
        "SELECT position FROM autobot.checkpoints WHERE consumer = $1", consumer
    )
    return found or 0


async def handled(connection: Connection, entries: Sequence[Handled]) -> set[Handled]:
    """Return what the inbox holds of these."""
    rows = await connection.fetch(
        "SELECT consumer, source, id FROM unnest($1::text[], $2::text[], $3::text[]) AS a(consumer, source, id)"
        " JOIN autobot.inbox USING (consumer, source, id)",
        [one.consumer for one in entries],
        [one.source for one in entries],
        [one.message_id for one in entries],
    )
    return {
        Handled(consumer=consumer, source=source, message_id=message_id)
        for consumer, source, message_id in rows
    }


_TABLE: Final = "coalesce((SELECT target FROM autobot.aliases WHERE name = $1), $1)"


async def get(connection: Connection, table: str, key: str) -> Document | None:
    """Return one document."""
    row = await connection.fetchrow(
        f"SELECT {DOCUMENT_COLUMNS} FROM autobot.documents WHERE tbl = {_TABLE} AND key = $2", table, key
    )
    return None if row is None else document(row)


def _wanted(query: Query) -> _Clauses:
    """Return what restricts to table, owner and group; `<> ''` lets PostgreSQL take the partial indexes."""
    wanted = _Clauses()
    wanted.bind(query.table)
    wanted.clauses.append(f"tbl = {_TABLE}")
    for column, value in (("owner", query.owner), ("grp", query.group)):
        if value is not None:
            wanted.add(f"{column} = {{}} AND {column} <> ''" if value else f"{column} = {{}}", value)
    return wanted


def _from(query: Query) -> _Clauses | None:
    """Return what restricts to a query's documents, in all its pages from `after` on; None when it matches nothing."""
    wanted = _wanted(query)
    if query.text is not None:
        words = asked(query.text)
        if words is None:
            return None
        wanted.add("words @@ {}::text::tsquery", words)
    if query.after is not None:
        wanted.add(f"(sort, key) {'<' if query.order == 'descending' else '>'} ({{}}, {{}})", *query.after)
    return wanted


async def query(connection: Connection, query: Query) -> list[Document]:
    """Return a page of documents."""
    wanted = _from(query)
    if wanted is None:
        return []
    direction = "DESC" if query.order == "descending" else "ASC"
    sql = (
        f"SELECT {DOCUMENT_COLUMNS} FROM autobot.documents WHERE {wanted}"
        f" ORDER BY sort {direction}, key {direction} LIMIT {wanted.bind(query.limit)}"
    )
    return list(map(document, await connection.fetch(sql, *wanted.values)))


def counting(query: Query) -> tuple[str, list[Any]] | None:
    """Return the statement that counts a query's documents, and what it binds; None when it matches nothing."""
    wanted = _from(query)
    if wanted is None:
        return None
    return f"SELECT count(*) FROM autobot.documents WHERE {wanted}", wanted.values


async def count(connection: Connection, query: Query) -> int:
    """Return how many documents a query means."""
    statement = counting(query)
    if statement is None:
        return 0
    sql, values = statement
    found: int = await connection.fetchval(sql, *values)
    return found


GROUPS: Final = (
    "WITH RECURSIVE found(grp) AS (SELECT '' COLLATE \"C\" UNION ALL SELECT"
    f" (SELECT d.grp FROM autobot.documents d WHERE d.tbl = {_TABLE} AND d.grp <> '' AND d.grp > found.grp"
    " ORDER BY d.grp LIMIT 1) FROM found WHERE found.grp IS NOT NULL) SELECT grp FROM found WHERE grp <> ''"
)
"""Seeks behind each group for the next one: an index scan would pass all documents."""


async def groups(connection: Connection, table: str) -> list[str]:
    """Return the groups of a table, in order."""
    return [name for (name,) in await connection.fetch(GROUPS, table)]


async def search(connection: Connection, query: Query) -> list[SearchHit]:
    """Return full-text hits, best first (`ts_rank`: more matches first)."""
    words = asked(query.text or "")
    if words is None:
        return []
    wanted = _wanted(query)
    match = f"{wanted.bind(words)}::text::tsquery"
    wanted.clauses.append(f"words @@ {match}")
    sql = (
        f"SELECT {DOCUMENT_COLUMNS}, text, ts_rank(words, {match}) AS score FROM autobot.documents WHERE {wanted}"
        f" ORDER BY score DESC, sort, key LIMIT {wanted.bind(query.limit)}"
    )
    hits = []
    for row in await connection.fetch(sql, *wanted.values):
        *columns, text, score = row
        hits.append(
            SearchHit(
                document=document(tuple(columns)),
                excerpt=excerpt(text.decode(), query.text or ""),
                score=float(score),
            )
        )
    return hits


async def snapshot(connection: Connection, name: str, schema: str) -> Snapshot | None:
    """Return the newest snapshot of that shape."""
    row = await connection.fetchrow(
        "SELECT revision, data FROM autobot.snapshots WHERE stream = $1 AND schema = $2", name, schema
    )
    return None if row is None else Snapshot(revision=row[0], data=row[1])


async def audit(connection: Connection, after: int, limit: int) -> Sequence[AuditRecord]:
    """Return audit records. A record's `previous` is the hash stored in the one before it."""
    rows = await connection.fetch(
        "SELECT sequence, hash, body FROM autobot.audit WHERE sequence >= $1 ORDER BY sequence LIMIT $2",
        after,
        limit + 1 if after > 0 else limit,
    )
    previous, records = GENESIS, list[AuditRecord]()
    for sequence, hashed, stored in rows:
        if sequence > after:
            entry, hashes = parse(stored)
            records.append(
                AuditRecord(
                    sequence=sequence, entry=entry, event_hashes=hashes, previous=previous, hash=hashed.hex()
                )
            )
        previous = hashed.hex()
    return records[:limit]
