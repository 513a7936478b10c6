"""Originals in a PostgreSQL database: rows of pieces, each with the hash of its bytes (decision 0046).

They have a schema of their own beside the store's, so that the store's format is not theirs: `pg_dump` takes both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b, sha256
from typing import Any, Final, Self

from autobot.adapters.postgres.driver import Connection, Readers, make_tables
from autobot.adapters.postgres.options import StoreOptions
from autobot.contexts.knowledge.ports.blobs import NAME, Blob
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Conflict, DataCorrupt, NotFound
from autobot.kernel.core.ids import IdSource

LOCK: Final = 0x4155_5446
"""Advisory lock of who makes the tables: `AUTF`."""
CONNECTIONS: Final = 2
DDL: Final = """
CREATE SCHEMA IF NOT EXISTS autobot_files;
CREATE TABLE IF NOT EXISTS autobot_files.uploads (
    upload text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    begun timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS autobot_files.pieces (
    upload text COLLATE "C" NOT NULL,
    start bigint NOT NULL,
    stop bigint NOT NULL,
    hash bytea NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (upload, start)
);
ALTER TABLE autobot_files.pieces ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS autobot_files.blobs (
    name text COLLATE "C" PRIMARY KEY,
    upload text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    made timestamptz NOT NULL
);
"""


@dataclass(slots=True)
class _Upload:
    name: str
    digest: Any
    size: int = 0


class PostgresBlobs:
    """Implements `Blobs`. Made by `open`. Several processes may use one database: each finishes what it began."""

    def __init__(self, pool: Readers, clock: Clock, ids: IdSource) -> None:
        self._pool, self._clock, self._ids = pool, clock, ids
        self._uploads: dict[str, _Upload] = {}

    @classmethod
    async def open(cls, url: str, clock: Clock, ids: IdSource) -> Self:
        """Open the database at `url`, and make the tables where they are missing. Raises as the store's opening."""
        await make_tables(url, "autobot files opening", LOCK, DDL)
        return cls(Readers(url, CONNECTIONS, StoreOptions().patience_s), clock, ids)

    async def begin(self, name: str) -> str:
        if NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no name of a blob")
        upload, now = self._ids.new(), self._clock.now()
        statement = "INSERT INTO autobot_files.uploads VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        await self._pool.run(lambda connection: connection.execute(statement, upload, name, now))
        self._uploads[upload] = _Upload(name, sha256())
        return upload

    async def append(self, upload: str, offset: int, data: bytes) -> None:
        found = self._upload(upload)
        if offset != found.size:
            raise Conflict(f"The upload has {found.size} bytes, not {offset}.")
        if not data:
            return
        statement = "INSERT INTO autobot_files.pieces VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
        values = upload, offset, offset + len(data), _hash(data), data
        # The next piece comes after this one returned, so its place is taken before anybody waits.
        found.size += len(data)
        await asyncio.to_thread(found.digest.update, data)
        await self._pool.run(lambda connection: connection.execute(statement, *values))

    async def finish(self, upload: str) -> Blob:
        found = self._upload(upload)
        blob = Blob(id=found.name, size=found.size, sha256=found.digest.hexdigest(), made=self._clock.now())

        async def finish(connection: Any) -> None:
            async with connection.transaction():
                before = await connection.fetchval(
                    "SELECT upload FROM autobot_files.blobs WHERE name = $1 FOR UPDATE", blob.id
                )
                await connection.execute(
                    "INSERT INTO autobot_files.blobs VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE"
                    " SET upload = excluded.upload, size = excluded.size, sha256 = excluded.sha256,"
                    " made = excluded.made",
                    blob.id, upload, blob.size, blob.sha256, blob.made,
                )  # fmt: skip
                await connection.execute("DELETE FROM autobot_files.uploads WHERE upload = $1", upload)
                if before not in (None, upload):
                    await connection.execute("DELETE FROM autobot_files.pieces WHERE upload = $1", before)

        await self._pool.run(finish)
        del self._uploads[upload]
        return blob

    async def abandon(self, upload: str) -> None:
        if self._uploads.pop(upload, None) is not None:
            await self._drop([upload])

    async def stat(self, name: str) -> Blob | None:
        statement = "SELECT name, size, sha256, made FROM autobot_files.blobs WHERE name = $1"
        row = await self._pool.run(lambda connection: connection.fetchrow(statement, _plain(name)))
        return None if row is None else Blob(id=row[0], size=row[1], sha256=row[2], made=row[3])

    async def read(self, name: str, offset: int, length: int) -> bytes:
        end = offset + length

        async def rows(connection: Connection) -> tuple[Any, list[Any]]:
            whole = await connection.fetchrow(
                "SELECT upload, size FROM autobot_files.blobs WHERE name = $1", _plain(name)
            )
            if whole is None or offset >= whole[1]:
                return whole, []
            first = await connection.fetchval(
                "SELECT max(start) FROM autobot_files.pieces WHERE upload = $1 AND start <= $2",
                whole[0],
                offset,
            )
            return whole, await connection.fetch(
                "SELECT start, stop, hash, data FROM autobot_files.pieces"
                " WHERE upload = $1 AND start >= $2 AND start < $3 ORDER BY start",
                whole[0],
                -1 if first is None else first,
                end,
            )

        whole, found = await self._pool.run(rows)
        if whole is None:
            raise NotFound(f"There is no blob {name}.")
        return _joined(name, found, offset, min(end, whole[1]))

    async def remove(self, name: str) -> None:
        async def remove(connection: Any) -> None:
            async with connection.transaction():
                upload = await connection.fetchval(
                    "DELETE FROM autobot_files.blobs WHERE name = $1 RETURNING upload", _plain(name)
                )
                await connection.execute("DELETE FROM autobot_files.pieces WHERE upload = $1", upload)

        await self._pool.run(remove)

    async def list(self, *, after: str = "", limit: int = 1000) -> Sequence[Blob]:
        statement = (
            "SELECT name, size, sha256, made FROM autobot_files.blobs WHERE name > $1 ORDER BY name LIMIT $2"
        )
        rows = await self._pool.run(lambda connection: connection.fetch(statement, after, limit))
        return [Blob(id=one[0], size=one[1], sha256=one[2], made=one[3]) for one in rows]

    async def sweep(self, before: datetime) -> int:
        statement = "SELECT upload FROM autobot_files.uploads WHERE begun < $1"
        rows = await self._pool.run(lambda connection: connection.fetch(statement, before))
        old = [one[0] for one in rows if one[0] not in self._uploads]
        await self._drop(old)
        return len(old)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def _drop(self, uploads: Sequence[str]) -> None:
        async def drop(connection: Any) -> None:
            async with connection.transaction():
                for table in ("uploads", "pieces"):
                    await connection.execute(
                        f"DELETE FROM autobot_files.{table} WHERE upload = ANY($1)",  # noqa: S608 - names are ours
                        list(uploads),
                    )

        await self._pool.run(drop)

    def _upload(self, upload: str) -> _Upload:
        found = self._uploads.get(upload)
        if found is None:
            raise NotFound("This upload was never begun, or is over.")
        return found


def _plain(name: str) -> str:
    """Return a name as the database may be asked for it: PostgreSQL's text holds no NUL."""
    return name if NAME.fullmatch(name) else ""


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _joined(name: str, rows: Sequence[Any], offset: int, end: int) -> bytes:
    """Return the bytes from `offset` to `end`. Raises DataCorrupt when a piece is missing or is not what was written."""
    parts, at = [], offset
    for start, stop, mark, data in rows:
        if start > at or stop - start != len(data) or _hash(data) != mark:
            raise DataCorrupt(f"The original {name} is damaged.")
        parts.append(data[at - start : end - start])
        at = stop
    if at < end:
        raise DataCorrupt(f"The original {name} is damaged.")
    return b"".join(parts)
