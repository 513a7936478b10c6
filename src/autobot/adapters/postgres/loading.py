"""Fills an empty database with all rows of another store, in one transaction, and proves them by reading them back."""

# Statements are put together from names of ours; every value is bound.
# ruff: noqa: S608

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from autobot.adapters.postgres import statements
from autobot.adapters.postgres.driver import connect
from autobot.adapters.postgres.errors import mapped
from autobot.adapters.postgres.opening import open_database
from autobot.adapters.postgres.rows import vector
from autobot.adapters.postgres.writer import REFUSED
from autobot.kernel.core.errors import DataCorrupt, DataLocked, OperatorError
from autobot.kernel.event_store.moving import TABLES, RowsHash, Source
from autobot.kernel.event_store.rows import Row

_HEAD: Final = """
UPDATE autobot.head SET epoch = epoch + 1,
  position = coalesce((SELECT max(position) FROM autobot.events), 0),
  committed = coalesce((SELECT committed FROM autobot.events ORDER BY position DESC LIMIT 1), 0),
  audited = coalesce((SELECT max(sequence) FROM autobot.audit), 0),
  audit_hash = coalesce((SELECT hash FROM autobot.audit ORDER BY sequence DESC LIMIT 1), audit_hash)
"""
_DOCUMENTS: Final = """
INSERT INTO autobot.documents(tbl, key, owner, grp, sort, version, body, text, words)
SELECT tbl, key, owner, grp, sort, version, body, text, words::tsvector
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::bytea[],
  $9::text[]) AS d(tbl, key, owner, grp, sort, version, body, text, words)
"""


async def load(url: str, source: Source, *, verify: bool) -> dict[str, tuple[int, str]]:
    """Fill the database at `url`; returns rows and hash of each table as they were read from `source`.

    With `verify` every row is read back and hashed again before the transaction ends. Raises OperatorError when the
    database is not empty, DataLocked when an AutoBot uses it, DataCorrupt when a hash differs, and what opening
    raises; then the database is as it was, with empty tables at most.
    """
    await open_database(url)
    connection = await connect(url, "autobot loading")
    try:
        if not await statements.lock_alone(connection):
            raise DataLocked("An AutoBot uses this database.", hint="Stop it first.")
        async with connection.transaction():
            await _check_empty(connection)
            found = {table: await _fill(connection, table, source) for table in TABLES}
            await connection.execute(_HEAD)
            if verify:
                for table, expected in found.items():
                    if await _read_back(connection, table) != expected:
                        raise DataCorrupt(
                            f"The table {table} does not read back as it was written; nothing was moved."
                        )
        await connection.execute("ANALYZE")
        return found
    except REFUSED as error:
        raise mapped(error) from error
    finally:
        await connection.close()


async def _check_empty(connection: Any) -> None:
    for table in TABLES:
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM autobot.{table})"):
            raise OperatorError("The database has data in it.", hint="Name an empty one.")


async def _fill(connection: Any, table: str, source: Source) -> tuple[int, str]:
    digest = RowsHash()
    batches = iter(source.batches(table))
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        for row in batch:
            digest.add(row)
        if table == "documents":
            await connection.execute(
                _DOCUMENTS, *[list(one) for one in zip(*map(_document, batch), strict=True)]
            )
        else:
            await connection.copy_records_to_table(
                table, schema_name="autobot", columns=TABLES[table][0], records=batch
            )
    return digest.rows, digest.hexdigest()


def _document(row: Row) -> Row:
    text = row[7]
    return (*row[:7], None, None) if text is None else (*row[:7], text.encode(), vector(text))


async def _read_back(connection: Any, table: str) -> tuple[int, str]:
    columns, keys = TABLES[table]
    digest = RowsHash()
    sql = f"SELECT {', '.join(columns)} FROM autobot.{table} ORDER BY {', '.join(columns[:keys])}"
    async for row in connection.cursor(sql, prefetch=500):
        digest.add(_plain(row) if table == "documents" else tuple(row))
    return digest.rows, digest.hexdigest()


def _plain(row: Sequence[Any]) -> Row:
    text = row[7]
    return (*row[:7], None if text is None else text.decode())
