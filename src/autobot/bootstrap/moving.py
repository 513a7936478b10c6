"""Moves what the data folder keeps into a PostgreSQL database."""

from __future__ import annotations

import asyncio

from autobot.adapters.files.blobs import FolderBlobs
from autobot.adapters.sqlite.export import Export
from autobot.adapters.system.clock import SystemClock, system_chance
from autobot.adapters.system.lock import locked_folder
from autobot.bootstrap.outside import DATABASE, ORIGINALS, need_postgres
from autobot.config import Config, database_place
from autobot.contexts.knowledge.ports.blobs import pieces, store
from autobot.kernel.core.errors import DataCorrupt, OperatorError
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.table_hash import table_hash
from autobot.kernel.event_store.verification import verify_store


async def migrate(config: Config, url: str, *, verify: bool) -> list[str]:
    """Copy everything into the empty database at `url`; returns what was done and proven, line by line.

    The file stays as it was. Originals of documents go with it; the index is made anew at the first start. With `verify` every row is read back and hashed, the audit chain recomputed from the
    database, and the hash of each table of documents compared. Raises OperatorError when there is nothing to move,
    DataLocked while an AutoBot runs on either side, DataCorrupt when a proof fails.
    """
    need_postgres()
    from autobot.adapters.postgres.loading import load

    with locked_folder(config.data_dir):
        path = config.data_dir / DATABASE
        if not path.is_file():
            raise OperatorError(f"There is nothing to move: {path} is not there.")
        with await asyncio.to_thread(Export, path) as export:
            moved = await load(url, export, verify=verify)
            lines = [f"{table}: {rows} rows." for table, (rows, _) in moved.items()]
            if verify:
                lines = [
                    f"{table}: {rows} rows, hash {mark} on both sides."
                    for table, (rows, mark) in moved.items()
                ]
                lines += await _prove(url, export)
        lines += await _originals(config, url)
    lines.append(f"Everything is in PostgreSQL at {database_place(url)}; {path} stays as it was.")
    lines.append(
        "Start with AUTOBOT_DATABASE_URL set to it, on the same data folder: it holds the key of secrets."
    )
    return lines


async def _originals(config: Config, url: str) -> list[str]:
    """Copy the originals of documents, each proven by its hash; those that are there already stay."""
    from autobot.adapters.postgres.blobs import PostgresBlobs

    clock = SystemClock()
    ids = Uuid7Source(clock, system_chance())
    source, target = (
        FolderBlobs(config.data_dir / ORIGINALS, clock),
        await PostgresBlobs.open(url, clock, ids),
    )
    moved, size, after = 0, 0, ""
    try:
        while page := await source.list(after=after):
            for one in page:
                copied = await store(target, one.id, pieces(source, one.id), one.size)
                if (copied.size, copied.sha256) != (one.size, one.sha256):
                    raise DataCorrupt(f"The original {one.id} differs.")
                moved, size = moved + 1, size + one.size
            after = page[-1].id
    finally:
        await target.close()
    return [f"originals: {moved} files, {size} bytes, each hash the same on both sides."] if moved else []


async def _prove(url: str, export: Export) -> list[str]:
    from autobot.adapters.postgres.event_store import PostgresEventStore

    switched = {name for batch in export.batches("aliases") for name, target in batch if name != target}
    store = await PostgresEventStore.open(url, SystemClock())
    try:
        verified = await verify_store(store)
        if not verified.sound:
            raise DataCorrupt(f"The database does not verify: {verified.broken}")
        lines = [
            f"The audit chain of {verified.records} records verifies; its last hash is {verified.last_hash}."
        ]
        for table, mark in (await asyncio.to_thread(export.marks)).items():
            # Behind a name that was switched are another table's documents; the rows' hash covers its own.
            if table not in switched and await table_hash(store, table) != (mark.documents, mark.hash):
                raise DataCorrupt(f"The documents of {table} differ.")
            lines.append(f"{table}: {mark.documents} documents, hash {mark.hash} on both sides.")
    finally:
        await store.close()
    return lines
