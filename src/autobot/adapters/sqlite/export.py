"""All rows of a database file, for a store of another kind."""

# Statements are put together from names of ours.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import apsw

from autobot.adapters.sqlite.backup import TableMark, immutable, marks_of_tables
from autobot.adapters.sqlite.errors import mapped
from autobot.adapters.sqlite.files import open_database
from autobot.kernel.event_store.moving import TABLES
from autobot.kernel.event_store.rows import Row

BATCH: Final = 500
_SPECIAL: Final = {
    # Of answers under one key the newest holds: SQLite takes the bare columns from the row of the maximum.
    "answers": (
        "SELECT scope, key, fingerprint, status, body, expires FROM"
        " (SELECT *, max(number) FROM answers GROUP BY scope, key) ORDER BY scope, key"
    ),
    "documents": (
        "SELECT tbl, key, owner, grp, sort, version, body,"
        " CASE WHEN searchable THEN (SELECT text FROM texts WHERE rowid = number) END"
        " FROM documents ORDER BY tbl, key"
    ),
}


class Export:
    """Implements `Source` for a file that nobody writes meanwhile. A context manager.

    Opening brings an older file up to date (with its copy beside it). Raises what `open_database` raises.
    """

    def __init__(self, path: Path) -> None:
        open_database(path).close()
        self._connection = immutable(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def batches(self, table: str) -> Iterator[Sequence[Row]]:
        columns, keys = TABLES[table]
        plain = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {', '.join(columns[:keys])}"
        try:
            cursor = self._connection.cursor().execute(_SPECIAL.get(table, plain))
            batch: list[Row] = []
            for row in cursor:
                batch.append(row)
                if len(batch) == BATCH:
                    yield batch
                    batch = []
            if batch:
                yield batch
        except apsw.Error as error:
            raise mapped(error) from error

    def marks(self) -> dict[str, TableMark]:
        """Return the mark of every table of documents, as a backup's manifest has it."""
        return marks_of_tables(self._connection)
