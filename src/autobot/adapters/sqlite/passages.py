"""The index of passages in a SQLite file of its own (decision 0049)."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import apsw

from autobot.adapters.sqlite import passages_reading as reading
from autobot.adapters.sqlite import passages_words
from autobot.adapters.sqlite.files import open_database
from autobot.adapters.sqlite.passages_labels import label
from autobot.adapters.sqlite.passages_schema import FORMAT, PAST, connect_passages
from autobot.adapters.sqlite.threads import Readers
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
from autobot.kernel.core.errors import Conflict
from autobot.kernel.event_store.ports import StoreClosed

T = TypeVar("T")


class SqlitePassages:
    """Implements `PassageIndex`. Made by `open`; belongs to the event loop that it was opened on."""

    def __init__(self, path: Path, readers: int) -> None:
        self.path = path
        self._writer = Readers(partial(connect_passages, path, writes=True), 1)
        self._readers = Readers(partial(connect_passages, path, writes=False), readers)
        self._questions = passages_words.Questions()
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, readers: int = 2) -> Self:
        """Open or create the file at `path`. Raises DataNewer, DataCorrupt or OperatorError; then it is as it was."""
        await asyncio.to_thread(_made, path)
        return cls(path, readers)

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
                "UPDATE versions SET until = ? WHERE document = ? AND until IS NULL", (position, document_id)
            ).fetchall()
        )

    async def erase(self, document_id: str) -> None:
        await self._write(lambda connection: _erase(connection, document_id))

    async def vacuum(self) -> None:
        """Rewrite the file: what was erased is nowhere in it after that. Writes wait meanwhile."""
        await self._run(self._writer, _vacuum)

    async def copy(self, target: Path) -> None:
        """Write a copy of now to a new file, without what was erased; writes go on before and after."""
        await self._run(
            self._writer, lambda connection: connection.execute("VACUUM INTO ?", (str(target),)).fetchall()
        )

    async def _write(self, function: Callable[[apsw.Connection], object]) -> None:
        def in_one(connection: apsw.Connection) -> None:
            with connection:
                function(connection)

        await self._run(self._writer, in_one)

    # -------------------------------------------------------------------------------------------- reading

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        return await self._read(lambda connection: reading.lexical(connection, text, where, limit))

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        wanted = unit(vector)
        return await self._read(lambda connection: reading.nearest(connection, wanted, where, limit))

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        return await self._read(lambda connection: reading.stored(connection, model, after, limit))

    async def asked(self, text: str) -> tuple[str, ...] | None:
        return self._questions.asked(text)

    async def words(self, after: int, limit: int) -> Sequence[StoredWords]:
        return await self._read(lambda connection: passages_words.counted(connection, after, limit))

    async def standing(self, numbers: Sequence[int], where: Where) -> Standing:
        return await self._read(lambda connection: reading.standing(connection, numbers, where))

    async def passages(self, ids: Sequence[str], as_of: int | None = None) -> Sequence[Passage]:
        return await self._read(lambda connection: reading.passages(connection, ids, as_of))

    async def vectors(self, ids: Sequence[str]) -> Mapping[str, Vector]:
        return await self._read(lambda connection: reading.vectors(connection, ids))

    async def of_document(self, document_id: str, version: int) -> Sequence[Passage]:
        return await self._read(lambda connection: reading.of_document(connection, document_id, version))

    async def measure(self) -> IndexReport:
        return await self._read(reading.measure)

    async def _read(self, function: Callable[[apsw.Connection], T]) -> T:
        return await self._run(self._readers, function)

    async def _run(self, threads: Readers, function: Callable[[apsw.Connection], T]) -> T:
        if self._closed:
            raise StoreClosed
        return await threads.run(function)

    async def close(self) -> None:
        """Finish what waits and close the file. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for thread in (*self._writer.stop(), *self._readers.stop()):
            await asyncio.to_thread(thread.join)


def _made(path: Path) -> None:
    connection = open_database(path, FORMAT)
    try:
        connection.execute(PAST).fetchall()
    finally:
        connection.close()


def _put(
    connection: apsw.Connection,
    version: IndexedVersion,
    passages: Sequence[Passage],
    vectors: Sequence[array[float]],
) -> None:
    document, execute = version.document_id, connection.execute
    newer = "SELECT 1 FROM versions WHERE document = ? AND version > ?"
    if execute(newer, (document, version.version)).fetchone():
        raise Conflict("A newer version of this document is indexed.")
    execute(
        "UPDATE versions SET until = ? WHERE document = ? AND version < ? AND until IS NULL",
        (version.position, document, version.version),
    ).fetchall()
    dimensions = len(vectors[0]) if vectors else 0
    row: Any = execute(
        "INSERT INTO versions(document, version, collection, owner, title, tags, model, dimensions, since)"
        " VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(document, version) DO UPDATE SET collection = excluded.collection,"
        " owner = excluded.owner, title = excluded.title, tags = excluded.tags, model = excluded.model,"
        " dimensions = excluded.dimensions RETURNING number",
        (
            document,
            version.version,
            version.collection,
            version.owner,
            version.title,
            json.dumps(version.tags),
            version.model,
            dimensions,
            version.position,
        ),
    ).fetchall()
    number = row[0][0]
    _remove(connection, number)
    for place, one in enumerate(passages):
        execute(
            "INSERT INTO passages(version, place, start, finish, page) VALUES(?,?,?,?,?)",
            (number, place, one.start, one.end, one.page),
        )
        row = connection.last_insert_rowid()
        execute(
            "INSERT INTO texts(number, title, heading, text) VALUES(?,?,?,?)",
            (row, one.title, one.heading, one.text),
        )
        if vectors:
            execute(
                "INSERT INTO vectors(number, version, vector) VALUES(?,?,?)",
                (row, number, vectors[place].tobytes()),
            )


def _remove(connection: apsw.Connection, version: int) -> None:
    for table in ("texts", "vectors"):
        connection.execute(
            f"DELETE FROM {table} WHERE number IN (SELECT number FROM passages WHERE version = ?)",  # noqa: S608
            (version,),
        ).fetchall()
    connection.execute("DELETE FROM passages WHERE version = ?", (version,)).fetchall()


def _erase(connection: apsw.Connection, document: str) -> None:
    numbers: Any = connection.execute(
        "SELECT number FROM versions WHERE document = ?", (document,)
    ).fetchall()
    for (number,) in numbers:
        _remove(connection, number)
        connection.execute("DELETE FROM past WHERE version = ?", (number,)).fetchall()
    connection.execute("DELETE FROM versions WHERE document = ?", (document,)).fetchall()


def _vacuum(connection: apsw.Connection) -> None:
    connection.execute("VACUUM").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
