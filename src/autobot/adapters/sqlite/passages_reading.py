"""Searching and reading passages on a connection."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import Any, Final

import apsw

from autobot.contexts.knowledge.ports.index import (
    Hit,
    IndexReport,
    ModelPassages,
    Standing,
    StoredVector,
    Where,
)
from autobot.contracts.knowledge.passages import Passage, passage_id, place_of
from autobot.kernel.core import scripts
from autobot.kernel.event_store.text import words

WORDS_MAX: Final = 256
"""Words of a query that are looked up; the rest of a longer one is passed over."""

_NAMED: Final = (
    " FROM json_each(?) n"
    " CROSS JOIN versions d ON d.document = n.value->>0 AND d.version = n.value->>1"
    " CROSS JOIN passages p ON p.version = d.number AND p.place = n.value->>2"
)
"""The passages of a list of places, in its order: one statement costs a quarter of one for each."""

_COLUMNS: Final = (
    "SELECT d.document, d.version, p.place, t.title, t.heading, t.text, p.start, p.finish, p.page"
)


def looked_up(text: str) -> list[str]:
    """Return the words of a text that are looked up, each once."""
    return list(dict.fromkeys(words(scripts.asked(text), marks=True)))[:WORDS_MAX]


def _condition(where: Where) -> tuple[str, list[Any]]:
    """Return the condition on the rows `d` of versions."""
    clauses, values = ["d.until IS NULL"], list[Any]()
    if where.as_of is not None:
        clauses, values = ["d.since <= ? AND (d.until IS NULL OR d.until > ?)"], [where.as_of, where.as_of]
    for column, wanted in (("collection", where.collections), ("document", where.documents)):
        if wanted is not None:
            clauses.append(f"d.{column} IN (SELECT value FROM json_each(?))")  # noqa: S608 - names are ours
            values.append(json.dumps(wanted))
    for tag in where.tags:
        tags, then = ("d.tags", list[Any]()) if where.as_of is None else (_then("tags"), [where.as_of] * 2)
        clauses.append(f"EXISTS (SELECT 1 FROM json_each({tags}) WHERE value = ?)")  # noqa: S608 - as above
        values += [*then, tag]
    return " AND ".join(clauses), values


def _then(column: str) -> str:
    """Return what a version had at a position, given twice."""
    had = f"SELECT h.{column} FROM past h WHERE h.version = d.number AND h.since <= ? AND h.until > ?"  # noqa: S608
    return f"coalesce(({had}), d.{column})"


def lexical(connection: apsw.Connection, text: str, where: Where, limit: int) -> list[Hit]:
    """Return the best passages by words (BM25)."""
    match = " OR ".join(f'"{one}"' for one in looked_up(text))
    if not match:
        return []
    condition, values = _condition(where)
    sql = (
        "SELECT d.document, d.version, p.place, -words.rank FROM words"  # noqa: S608 - clauses are ours
        " CROSS JOIN passages p ON p.number = words.rowid CROSS JOIN versions d ON d.number = p.version"
        f" WHERE words MATCH ? AND {condition}"
        " ORDER BY words.rank, d.document, d.version, p.place LIMIT ?"
    )
    return [_hit(*row) for row in connection.execute(sql, (match, *values, limit))]


def nearest(connection: apsw.Connection, vector: array[float], where: Where, limit: int) -> list[Hit]:
    """Return the passages of the nearest vectors, by comparing all that may be read. `vector` has length 1."""
    condition, values = _condition(where)
    # Of vectors of length 1 the distance gives the cosine, and is the cheaper of the two.
    sql = (
        "SELECT d.document, d.version, p.place, n.distance FROM ("  # noqa: S608 - clauses are ours
        "SELECT v.number AS number, vec_distance_l2(v.vector, ?) AS distance"
        " FROM versions d JOIN vectors v ON v.version = d.number"
        f" WHERE d.model = ? AND d.dimensions = ? AND {condition} ORDER BY distance, v.number LIMIT ?"
        ") n JOIN passages p ON p.number = n.number JOIN versions d ON d.number = p.version"
        " ORDER BY n.distance, d.document, d.version, p.place"
    )
    rows = connection.execute(sql, (vector.tobytes(), where.model, len(vector), *values, limit))
    return [_hit(document, version, place, 1 - away * away / 2) for document, version, place, away in rows]


def standing(connection: apsw.Connection, numbers: Sequence[int], where: Where) -> Standing:
    """Return where those passages lie that may be searched."""
    condition, values = _condition(where)
    # One statement, and so of one moment.
    rows = connection.execute(
        "SELECT coalesce(max(number), 0), NULL, NULL, NULL FROM passages UNION ALL"  # noqa: S608 - clauses are ours
        " SELECT p.number, d.document, d.version, p.place FROM json_each(?) n"
        " CROSS JOIN passages p ON p.number = n.value CROSS JOIN versions d ON d.number = p.version"
        f" WHERE {condition}",
        (json.dumps(numbers), *values),
    )
    last, *_ = next(rows)
    return Standing(
        places={number: (document, version, place) for number, document, version, place in rows}, last=last
    )


def stored(connection: apsw.Connection, model: str, after: int, limit: int) -> list[StoredVector]:
    """Return a page of a model's vectors that are found now."""
    rows = connection.execute(
        "SELECT v.number, v.vector FROM vectors v CROSS JOIN versions d ON d.number = v.version"
        " WHERE v.number > ? AND d.model = ? AND d.until IS NULL ORDER BY v.number LIMIT ?",
        (after, model, limit),
    )
    return [StoredVector(number=number, vector=vector) for number, vector in rows]


def _hit(document: str, version: int, place: int, score: float) -> Hit:
    return Hit(passage_id=passage_id(document, version, place), document_id=document, score=score)


def passages(connection: apsw.Connection, ids: Sequence[str], as_of: int | None) -> list[Passage]:
    """Return passages in the order of their ids."""
    columns, then = _COLUMNS, list[Any]()
    if as_of is not None:
        columns, then = columns.replace("t.title", _then("title"), 1), [as_of] * 2
    sql = f"{columns}{_NAMED} CROSS JOIN texts t ON t.number = p.number"
    return [_passage(*row) for row in connection.execute(sql, (*then, _places(ids)))]


def _places(ids: Sequence[str]) -> str:
    """Return the places of those ids that are one, as JSON."""
    return json.dumps([place for place in map(place_of, ids) if place is not None])


def of_document(connection: apsw.Connection, document_id: str, version: int) -> list[Passage]:
    """Return the passages of a version in their order."""
    sql = (
        f"{_COLUMNS} FROM versions d JOIN passages p ON p.version = d.number JOIN texts t ON t.number = p.number"
        " WHERE d.document = ? AND d.version = ? ORDER BY p.place"
    )
    return [_passage(*row) for row in connection.execute(sql, (document_id, version))]


def _passage(
    document: str,
    version: int,
    place: int,
    title: str,
    heading: str,
    text: str,
    start: int,
    end: int,
    page: int | None,
) -> Passage:
    return Passage(
        id=passage_id(document, version, place),
        document_id=document,
        version=version,
        number=place,
        title=title,
        heading=heading,
        text=text,
        start=start,
        end=end,
        page=page,
    )


def vectors(connection: apsw.Connection, ids: Sequence[str]) -> dict[str, array[float]]:
    """Return the vectors of passages that have one."""
    sql = (
        f"SELECT d.document, d.version, p.place, v.vector{_NAMED} CROSS JOIN vectors v ON v.number = p.number"
    )
    return {
        passage_id(document, version, place): array("f", vector)
        for document, version, place, vector in connection.execute(sql, (_places(ids),))
    }


def measure(connection: apsw.Connection) -> IndexReport:
    """Return what is held."""
    row: Any = connection.execute(
        "SELECT (SELECT count(*) FROM versions WHERE until IS NULL),"
        " (SELECT count(*) FROM versions d JOIN passages p ON p.version = d.number WHERE d.until IS NULL),"
        " (SELECT count(*) FROM passages)"
    ).fetchall()[0]
    models = connection.execute(
        "SELECT d.model, d.dimensions, count(*) FROM versions d JOIN vectors v ON v.version = d.number"
        " WHERE d.until IS NULL GROUP BY d.model, d.dimensions ORDER BY d.model, d.dimensions"
    )
    return IndexReport(
        documents=row[0],
        passages=row[1],
        stored=row[2],
        models=tuple(
            ModelPassages(model=model, dimensions=size, passages=count) for model, size, count in models
        ),
    )
