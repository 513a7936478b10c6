"""The index of passages in a PostgreSQL database, in a schema of its own (decision 0051)."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

from autobot.adapters.postgres import graphs, passages_words
from autobot.adapters.postgres import passages_reading as reading
from autobot.adapters.postgres.driver import Connection, Readers, make_tables
from autobot.adapters.postgres.options import StoreOptions
from autobot.adapters.postgres.passages_anew import COLUMN, read_anew
from autobot.adapters.postgres.passages_labels import PAST, label
from autobot.adapters.postgres.passages_reading import searchable
from autobot.contexts.knowledge.ports.index import (
    Hit,
    IndexedVersion,
    IndexReport,
    Labels,
    Standing,
    StoredVector,
    StoredWords,
    Vector,
    Vectors,
    Where,
    checked,
    unit,
)
from autobot.contracts.knowledge.passages import Passage
from autobot.kernel.core.errors import AttemptTimeout, Conflict
from autobot.kernel.core.scripts import READING

T = TypeVar("T")

LOCK: Final = 0x4155_5449
"""Advisory lock of who makes the tables, and of who writes: numbers become visible in their order. `AUTI`."""
CONNECTIONS: Final = 2
COMPARING: Final = 2
"""Connections on which vectors are compared: a large set keeps the server busy for seconds, and no other search waits for it."""
COMPARE_S: Final = 8.0
"""How long comparing may take with the wait for its turn: a search does it twice, and is awaited for 30 s at most."""
COMPARED: Final = 4_000_000
"""Numbers of vectors (10,000 vectors of 384) that are compared while a graph of them is made: some 0.3 s of a core each time."""
WRITE_S: Final = 600.0
"""How long a version of a large document may take, or its turn behind another one."""
DDL: Final = """
CREATE SCHEMA IF NOT EXISTS autobot_passages;
CREATE TABLE IF NOT EXISTS autobot_passages.versions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    collection text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    tags text[] COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    dimensions integer NOT NULL,
    since bigint NOT NULL,
    until bigint,
    UNIQUE (document, version)
);
CREATE TABLE IF NOT EXISTS autobot_passages.passages (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version bigint NOT NULL,
    place integer NOT NULL,
    start bigint NOT NULL,
    finish bigint NOT NULL,
    page integer,
    title bytea NOT NULL,
    heading bytea NOT NULL,
    text bytea NOT NULL,
    length integer NOT NULL,
    words tsvector NOT NULL,
    vector real[],
    UNIQUE (version, place)
);
CREATE INDEX IF NOT EXISTS passages_words ON autobot_passages.passages USING gin (words);
"""
_VERSION: Final = """
INSERT INTO autobot_passages.versions(document, version, collection, owner, tags, model, dimensions, since, reading)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (document, version) DO UPDATE SET collection = excluded.collection,
  owner = excluded.owner, tags = excluded.tags, model = excluded.model, dimensions = excluded.dimensions,
  reading = excluded.reading
RETURNING number
"""
_PASSAGE: Final = """
INSERT INTO autobot_passages.passages(version, place, start, finish, page, title, heading, text, length, words, vector)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, to_tsvector('english', $10), $11)
"""


class PostgresPassages:
    """Implements `PassageIndex`. Made by `open`; several processes may use one database. Writes come one after the other."""

    def __init__(
        self,
        pool: Readers,
        comparing: Readers,
        shared: graphs.PostgresGraphs,
        compare_s: float,
        compared: int,
    ) -> None:
        self._pool, self._comparing, self.graphs = pool, comparing, shared
        self._compare_s, self._compared = compare_s, compared

    @classmethod
    async def open(cls, url: str, *, compare_s: float = COMPARE_S, compared: int = COMPARED) -> Self:
        """Open the database at `url`, and make the tables where they are missing. Raises as the store's opening.

        `compare_s`: seconds that comparing vectors may take, above 0. `compared`: numbers in vectors up to which `too_many`
        says no.
        """
        await make_tables(url, "autobot passages opening", LOCK, DDL + PAST + COLUMN + graphs.DDL)
        patience_s = StoreOptions().patience_s
        shared = graphs.PostgresGraphs(Readers(url, 1, patience_s), LOCK)
        pools = Readers(url, CONNECTIONS, patience_s), Readers(url, COMPARING, patience_s)
        index = cls(*pools, shared, compare_s, compared)
        try:
            await index._read_anew()
        except BaseException:
            await index.close()
            raise
        return index

    async def _read_anew(self) -> None:
        after: int | None = 0
        while after is not None:
            after = await self._write(lambda connection, it=after: read_anew(connection, it))  # type: ignore[misc]

    # -------------------------------------------------------------------------------------------- writing

    async def put(
        self, version: IndexedVersion, passages: Sequence[Passage], vectors: Vectors | None
    ) -> None:
        units = checked(version, passages, vectors)
        await self._write(lambda connection: _put(connection, version, passages, units))

    async def label(self, labels: Labels) -> None:
        await self._write(lambda connection: label(connection, labels))

    async def retire(self, document_id: str, position: int) -> None:
        await self._write(
            lambda connection: connection.execute(
                "UPDATE autobot_passages.versions SET until = $2 WHERE document = $1 AND until IS NULL",
                document_id,
                position,
            )
        )

    async def erase(self, document_id: str) -> None:
        await self._write(lambda connection: _erase(connection, document_id))

    async def vacuum(self) -> None:
        """Rewrite the tables: what was erased is not in their files after it. Writes wait meanwhile."""
        for table in ("versions", "passages", "past", *graphs.TABLES):
            statement = f"VACUUM FULL autobot_passages.{table}"
            await self._pool.run(lambda connection, it=statement: connection.execute(it), within_s=WRITE_S)  # type: ignore[misc]

    async def _write(self, write: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a write in a transaction; done again after a loss, it changes nothing more."""

        async def in_one(connection: Any) -> T:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                return await write(connection)

        return await self._pool.run(in_one, within_s=WRITE_S)

    # -------------------------------------------------------------------------------------------- reading

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        return await self._pool.run(lambda connection: reading.lexical(connection, text, where, limit))

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        wanted = unit(vector)
        try:
            return await self._comparing.run(
                lambda connection: reading.nearest(connection, wanted, where, limit), within_s=self._compare_s
            )
        except AttemptTimeout as error:
            raise AttemptTimeout(
                f"The vectors of so many passages could not be compared in {self._compare_s:g} s.",
                phase=error.phase,
                link=error.link,
                hint="After many documents came, or a start, search by meaning is prepared for a minute or more: ask again"
                " then. A search of the past or of single documents compares all vectors: choose a smaller collection.",
            ) from error

    async def too_many(self, where: Where, dimensions: int) -> bool:
        """Say whether more vectors may be searched than are worth comparing while a graph of them is made.

        That takes some milliseconds, however many there are.
        """
        most = self._compared // max(1, dimensions)
        found = await self._pool.run(
            lambda connection: reading.counted(connection, where, dimensions, most + 1)
        )
        return found > most

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        return await self._pool.run(lambda connection: reading.stored(connection, model, after, limit))

    async def asked(self, text: str) -> tuple[str, ...] | None:
        return await self._pool.run(lambda connection: passages_words.asked(connection, text))

    async def words(self, after: int, limit: int) -> Sequence[StoredWords]:
        return await self._pool.run(lambda connection: passages_words.counted(connection, after, limit))

    async def standing(self, numbers: Sequence[int], where: Where) -> Standing:
        return await self._pool.run(lambda connection: reading.standing(connection, numbers, where))

    async def passages(self, ids: Sequence[str], as_of: int | None = None) -> Sequence[Passage]:
        return await self._pool.run(lambda connection: reading.passages(connection, ids, as_of))

    async def vectors(self, ids: Sequence[str]) -> Mapping[str, Vector]:
        return await self._pool.run(lambda connection: reading.vectors(connection, ids))

    async def of_document(self, document_id: str, version: int) -> Sequence[Passage]:
        return await self._pool.run(lambda connection: reading.of_document(connection, document_id, version))

    async def measure(self) -> IndexReport:
        return await self._pool.run(reading.measure)

    async def close(self) -> None:
        """Close the connections after what runs."""
        await self.graphs.close()
        await self._comparing.close()
        await self._pool.close()


async def _put(
    connection: Any,
    version: IndexedVersion,
    passages: Sequence[Passage],
    vectors: Sequence[array[float]],
) -> None:
    document = version.document_id
    newer = "SELECT 1 FROM autobot_passages.versions WHERE document = $1 AND version > $2"
    if await connection.fetchrow(newer, document, version.version):
        raise Conflict("A newer version of this document is indexed.")
    await connection.execute(
        "UPDATE autobot_passages.versions SET until = $3 WHERE document = $1 AND version < $2 AND until IS NULL",
        document,
        version.version,
        version.position,
    )
    number = await connection.fetchval(
        _VERSION,
        document,
        version.version,
        version.collection,
        version.owner,
        list(version.tags),
        version.model,
        len(vectors[0]) if vectors else 0,
        version.position,
        READING,
    )
    await connection.execute("DELETE FROM autobot_passages.passages WHERE version = $1", number)
    rows = []
    for place, one in enumerate(passages):
        text, length = searchable(f"{one.title} {one.heading} {one.text}")
        titled = (one.title.encode(), one.heading.encode(), one.text.encode())
        vector = list(vectors[place]) if vectors else None
        rows.append((number, place, one.start, one.end, one.page, *titled, length, text, vector))
    await connection.executemany(_PASSAGE, rows)


async def _erase(connection: Connection, document: str) -> None:
    await connection.execute(
        "DELETE FROM autobot_passages.past WHERE version IN"
        " (SELECT number FROM autobot_passages.versions WHERE document = $1)",
        document,
    )
    await connection.execute(
        "DELETE FROM autobot_passages.passages WHERE version IN"
        " (SELECT number FROM autobot_passages.versions WHERE document = $1)",
        document,
    )
    models = await connection.fetch(
        "DELETE FROM autobot_passages.versions WHERE document = $1 RETURNING model", document
    )
    if any(one[0] for one in models):
        # A vector tells of its text: no graph that may hold one of these stays, or is made of what was read before.
        await graphs.clear(connection)
