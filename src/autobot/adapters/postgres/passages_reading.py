"""Searching and reading passages on a connection of PostgreSQL.

Words are found by its full text search; how well they fit is Okapi BM25, as elsewhere: `ts_rank` knows nothing of how
rare a word is. Of a question's words the rarest choose the passages that are judged, some thousands of them at most.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final

from autobot.adapters.postgres.driver import Connection
from autobot.adapters.postgres.rows import WORD_CHARACTERS
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
from autobot.kernel.core.ranking import K1, B
from autobot.kernel.event_store.text import words

WORDS_MAX: Final = 256
JUDGED: Final = 2000
"""Passages that are judged for a question, unless its rarest word has more."""
_OF: Final = "autobot_passages.passages p JOIN autobot_passages.versions d ON d.number = p.version"
_PASSAGE: Final = (
    f"SELECT d.document, d.version, p.place, p.title, p.heading, p.text, p.start, p.finish, p.page FROM {_OF}"  # noqa: S608
)
_BM25: Final = f"""
SELECT document, version, place, sum(rarity * tf * {K1 + 1} / (tf + {K1} * ({1 - B} + {B} * length / $3))) AS score
FROM (
  SELECT d.document, d.version, p.place, p.length, w.rarity, cardinality(t.positions) AS tf
  FROM {_OF}, unnest(p.words) t JOIN unnest($1::text[], $2::float8[]) AS w(word, rarity) ON w.word = t.lexeme
  WHERE p.words @@ $4::text::tsquery AND {{condition}}
) found GROUP BY document, version, place ORDER BY score DESC, document, version, place LIMIT $5
"""  # noqa: S608 - names and numbers are ours


def searchable(text: str) -> tuple[str, int]:
    """Return what is indexed of a text, and how many words it has."""
    found = cut(words(scripts.spaced(text), marks=True))
    return " ".join(found), len(found)


def cut(found: Iterable[str]) -> list[str]:
    """Return words as long as they may be."""
    return [one[:WORD_CHARACTERS] for one in found]


def looked_up(text: str) -> str:
    """Return the words of a text that are looked up, each once."""
    return " ".join(list(dict.fromkeys(cut(words(scripts.asked(text), marks=True))))[:WORDS_MAX])


class _Values:
    """Values of a statement, from number `first` on."""

    def __init__(self, *values: Any) -> None:
        self.values = list(values)

    def bind(self, value: Any) -> str:
        """Add a value and return how it is named."""
        self.values.append(value)
        return f"${len(self.values)}"

    def condition(self, where: Where) -> str:
        """Return the condition on the rows `d` of versions."""
        clauses = ["d.until IS NULL"]
        if where.as_of is not None:
            then = self.bind(where.as_of)
            clauses = [f"d.since <= {then} AND (d.until IS NULL OR d.until > {then})"]
        if where.collections is not None:
            clauses.append(f"d.collection = ANY({self.bind(list(where.collections))}::text[])")
        if where.documents is not None:
            clauses.append(f"d.document = ANY({self.bind(list(where.documents))}::text[])")
        if where.tags:
            tags = "d.tags" if where.as_of is None else _then("tags", self.bind(where.as_of))
            clauses.append(f"{tags} @> {self.bind(list(where.tags))}::text[]")
        return " AND ".join(clauses)


def _then(column: str, position: str, now: str = "d.tags") -> str:
    """Return what a version had at a position."""
    had = (
        f"SELECT h.{column} FROM autobot_passages.past h WHERE h.version = d.number"  # noqa: S608 - names are ours
        f" AND h.since <= {position} AND h.until > {position}"
    )
    return f"coalesce(({had}), {now})"


async def lexical(connection: Connection, text: str, where: Where, limit: int) -> list[Hit]:
    """Return the best passages by words (BM25)."""
    lexemes = await connection.fetchval(
        "SELECT tsvector_to_array(to_tsvector('english', $1))", looked_up(text)
    )
    if not lexemes:
        return []
    holding = {
        row[0]: row[1]
        for row in await connection.fetch(
            "SELECT word, (SELECT count(*) FROM autobot_passages.passages WHERE words @@ quote_literal(word)::tsquery)"
            " FROM unnest($1::text[]) word",
            lexemes,
        )
    }
    rare = sorted((one for one in lexemes if holding[one]), key=lambda one: (holding[one], one))
    if not rare:
        return []
    choosing, reached = list[str](), 0
    for one in rare:
        if choosing and reached + holding[one] > JUDGED:
            break
        choosing.append(one)
        reached += holding[one]
    total, mean = await connection.fetchrow(
        "SELECT count(*), coalesce(avg(length), 1) FROM autobot_passages.passages"
    )
    rarities = await connection.fetchval(
        "SELECT array_agg(ln(1 + ($1::float8 - count + 0.5) / (count + 0.5)) ORDER BY n)"
        " FROM unnest($2::float8[]) WITH ORDINALITY AS c(count, n)",
        float(total),
        [float(holding[one]) for one in rare],
    )
    match = " | ".join("'" + one.replace("\\", "\\\\").replace("'", "''") + "'" for one in choosing)
    values = _Values(rare, rarities, max(float(mean), 1.0), match, limit)
    sql = _BM25.format(condition=values.condition(where))
    return [_hit(*row) for row in await connection.fetch(sql, *values.values)]


async def nearest(connection: Connection, vector: array[float], where: Where, limit: int) -> list[Hit]:
    """Return the passages of the nearest vectors, by comparing all that may be read. `vector` has length 1."""
    values = _Values(list(vector), where.model, len(vector))
    condition = values.condition(where)
    sql = (
        "SELECT d.document, d.version, p.place,"  # noqa: S608 - clauses are ours
        " (SELECT sum(a::float8 * b) FROM unnest(p.vector, $1::real[]) AS t(a, b)) AS score"
        f" FROM {_OF} WHERE d.model = $2 AND d.dimensions = $3 AND p.vector IS NOT NULL AND {condition}"
        f" ORDER BY score DESC, d.document, d.version, p.place LIMIT {values.bind(limit)}"
    )
    return [_hit(*row) for row in await connection.fetch(sql, *values.values)]


async def counted(connection: Connection, where: Where, dimensions: int, most: int) -> int:
    """Return how many vectors may be searched; no more than `most` are counted."""
    values = _Values(where.model, dimensions, most)
    # Where a version names a model all of its passages have vectors, so the index of places is enough.
    found: int = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT 1 FROM {_OF} WHERE d.model = $1 AND d.dimensions = $2"  # noqa: S608
        f" AND {values.condition(where)} LIMIT $3) found",
        *values.values,
    )
    return found


async def standing(connection: Connection, numbers: Sequence[int], where: Where) -> Standing:
    """Return where those passages lie that may be searched."""
    values = _Values(list(numbers))
    # One statement, and so of one moment.
    (last, *_), *rows = await connection.fetch(
        "SELECT number, document, version, place FROM ("  # noqa: S608 - clauses are ours
        "SELECT coalesce(max(number), 0) AS number, NULL AS document, NULL::bigint AS version, NULL::int AS place,"
        " 0 AS part FROM autobot_passages.passages UNION ALL"
        f" SELECT p.number, d.document, d.version, p.place, 1 FROM {_OF}"
        f" WHERE p.number = ANY($1::bigint[]) AND {values.condition(where)}) found ORDER BY part",
        *values.values,
    )
    return Standing(
        places={number: (document, version, place) for number, document, version, place in rows}, last=last
    )


async def stored(connection: Connection, model: str, after: int, limit: int) -> list[StoredVector]:
    """Return a page of a model's vectors that are found now."""
    rows = await connection.fetch(
        f"SELECT p.number, p.vector FROM {_OF} WHERE p.number > $2 AND d.model = $1 AND d.until IS NULL"  # noqa: S608
        " AND p.vector IS NOT NULL ORDER BY p.number LIMIT $3",
        model,
        after,
        limit,
    )
    return [StoredVector(number=number, vector=array("f", vector).tobytes()) for number, vector in rows]


def _hit(document: str, version: int, place: int, score: float) -> Hit:
    return Hit(passage_id=passage_id(document, version, place), document_id=document, score=float(score))


def _places(ids: Sequence[str]) -> tuple[list[str], list[int], list[int]]:
    """Return documents, versions and numbers of ids."""
    places = [place for place in map(place_of, ids) if place is not None]
    return [one[0] for one in places], [one[1] for one in places], [one[2] for one in places]


_ASKED: Final = (
    " JOIN unnest($1::text[], $2::bigint[], $3::int[]) WITH ORDINALITY AS a(document, version, place, n)"
    " ON a.document = d.document AND a.version = d.version AND a.place = p.place"
)


async def passages(connection: Connection, ids: Sequence[str], as_of: int | None) -> list[Passage]:
    """Return passages in the order of their ids."""
    sql, then = _PASSAGE, []
    if as_of is not None:
        sql, then = sql.replace("p.title", _then("title", "$4::bigint", "p.title"), 1), [as_of]
    rows = await connection.fetch(f"{sql}{_ASKED} ORDER BY a.n", *_places(ids), *then)
    return [_passage(*row) for row in rows]


async def of_document(connection: Connection, document_id: str, version: int) -> list[Passage]:
    """Return the passages of a version in their order."""
    sql = f"{_PASSAGE} WHERE d.document = $1 AND d.version = $2 ORDER BY p.place"
    return [_passage(*row) for row in await connection.fetch(sql, document_id, version)]


def _passage(
    document: str,
    version: int,
    place: int,
    title: bytes,
    heading: bytes,
    text: bytes,
    start: int,
    end: int,
    page: int | None,
) -> Passage:
    return Passage(
        id=passage_id(document, version, place),
        document_id=document,
        version=version,
        number=place,
        title=title.decode(),
        heading=heading.decode(),
        text=text.decode(),
        start=start,
        end=end,
        page=page,
    )


async def vectors(connection: Connection, ids: Sequence[str]) -> dict[str, array[float]]:
    """Return the vectors of passages that have one."""
    rows = await connection.fetch(
        f"SELECT d.document, d.version, p.place, p.vector FROM {_OF}{_ASKED} WHERE p.vector IS NOT NULL",  # noqa: S608
        *_places(ids),
    )
    return {passage_id(*place): array("f", vector) for *place, vector in rows}


async def measure(connection: Connection) -> IndexReport:
    """Return what is held."""
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM autobot_passages.versions WHERE until IS NULL),"  # noqa: S608
        f" (SELECT count(*) FROM {_OF} WHERE d.until IS NULL), (SELECT count(*) FROM autobot_passages.passages)"
    )
    models = await connection.fetch(
        f"SELECT d.model, d.dimensions, count(*) FROM {_OF} WHERE d.until IS NULL AND p.vector IS NOT NULL"  # noqa: S608
        " GROUP BY d.model, d.dimensions ORDER BY d.model, d.dimensions"
    )
    return IndexReport(
        documents=row[0],
        passages=row[1],
        stored=row[2],
        models=tuple(
            ModelPassages(model=model, dimensions=size, passages=count) for model, size, count in models
        ),
    )
