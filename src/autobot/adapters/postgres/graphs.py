"""Graphs of near vectors in the schema of passages, for all processes over one database (decision 0079).

Tables are unlogged: a server that crashed empties them, and a graph is made anew. So its bytes are in no log of the
server, where what was erased would stay.
"""

from __future__ import annotations

from typing import Any, Final

from autobot.adapters.postgres.driver import Connection, Readers
from autobot.contexts.knowledge.ports.graphs import Claim, SharedGraph

TTL_S: Final = 30.0
"""How long a claim holds whose holder says nothing, in seconds of the server's clock."""
PIECE_S: Final = 60.0
"""How long writing or reading a piece may take, with the wait for its turn."""
DDL: Final = """
CREATE UNLOGGED TABLE IF NOT EXISTS autobot_passages.graphs (
    model text COLLATE "C" NOT NULL,
    form text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    mark bytea NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    PRIMARY KEY (model, form)
);
CREATE UNLOGGED TABLE IF NOT EXISTS autobot_passages.graph_claims (
    model text COLLATE "C" NOT NULL,
    form text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL,
    done bigint NOT NULL,
    total bigint NOT NULL,
    PRIMARY KEY (model, form)
);
CREATE UNLOGGED TABLE IF NOT EXISTS autobot_passages.graph_pieces (
    graph text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (graph, number)
);
ALTER TABLE autobot_passages.graph_pieces ALTER COLUMN data SET STORAGE EXTERNAL;
"""
TABLES: Final = ("graph_claims", "graphs", "graph_pieces")
"""In the order in which they are emptied: claims first, so that no graph is published behind the back of who empties."""
_TAKE: Final = """
INSERT INTO autobot_passages.graph_claims AS c VALUES
  ($1, $2, gen_random_uuid()::text, clock_timestamp() + $3::float8 * interval '1 second', 0, 0)
ON CONFLICT (model, form) DO UPDATE SET token = excluded.token, until = excluded.until, done = 0, total = 0
WHERE c.until <= clock_timestamp() RETURNING token
"""
_KEEP: Final = """
UPDATE autobot_passages.graph_claims SET until = clock_timestamp() + $4::float8 * interval '1 second'{more}
WHERE model = $1 AND form = $2 AND token = $3 AND until > clock_timestamp() RETURNING token
"""
_APPEND: Final = f"""
WITH held AS ({_KEEP.format(more="")})
INSERT INTO autobot_passages.graph_pieces SELECT token, $5::int, $6::bytea FROM held
ON CONFLICT (graph, number) DO UPDATE SET data = excluded.data RETURNING number
"""  # noqa: S608 - names are ours
_UNUSED: Final = """
DELETE FROM autobot_passages.graph_pieces WHERE graph NOT IN
  (SELECT id FROM autobot_passages.graphs UNION SELECT token FROM autobot_passages.graph_claims)
"""
_END: Final = """
DELETE FROM autobot_passages.graph_claims WHERE model = $1 AND form = $2 AND token = $3 AND until > clock_timestamp()
RETURNING token
"""
_PUBLISH: Final = """
INSERT INTO autobot_passages.graphs VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (model, form) DO UPDATE SET
  id = excluded.id, mark = excluded.mark, size = excluded.size, sha256 = excluded.sha256
"""


async def clear(connection: Connection) -> None:
    """Remove all graphs and end all claims, in the transaction of the connection."""
    for table in TABLES:
        await connection.execute(f"DELETE FROM autobot_passages.{table}")  # noqa: S608 - names are ours


class PostgresGraphs:
    """Implements `Graphs`, in tables that `DDL` makes.

    `lock`: the advisory lock of who writes passages. `ttl_s`: seconds that a claim holds without a word.
    """

    def __init__(self, pool: Readers, lock: int, *, ttl_s: float = TTL_S) -> None:
        self._pool, self._lock, self._ttl_s = pool, lock, ttl_s

    async def newest(self, model: str, form: str) -> SharedGraph | None:
        statement = (
            "SELECT id, mark, size, sha256 FROM autobot_passages.graphs WHERE model = $1 AND form = $2"
        )
        row = await self._pool.run(lambda connection: connection.fetchrow(statement, model, form))
        return None if row is None else SharedGraph(id=row[0], mark=row[1], size=row[2], sha256=row[3])

    async def read(self, graph: str, number: int) -> bytes:
        statement = "SELECT data FROM autobot_passages.graph_pieces WHERE graph = $1 AND number = $2"
        found = await self._pool.run(
            lambda connection: connection.fetchval(statement, graph, number), within_s=PIECE_S
        )
        return b"" if found is None else bytes(found)

    async def claim(self, model: str, form: str) -> Claim | None:
        async def take(connection: Any) -> str | None:
            async with connection.transaction():
                # What an erasure that runs takes away must be gone before a graph is begun.
                await connection.execute("SELECT pg_advisory_xact_lock($1)", self._lock)
                token: str | None = await connection.fetchval(_TAKE, model, form, self._ttl_s)
                if token is not None:
                    await connection.execute(_UNUSED)
                return token

        token = await self._pool.run(take, within_s=PIECE_S)
        return None if token is None else Claim(model=model, form=form, token=token)

    async def renew(self, claim: Claim, done: int, of: int) -> bool:
        statement = _KEEP.format(more=", done = $5, total = $6")
        return await self._held(statement, claim, self._ttl_s, done, of)

    async def append(self, claim: Claim, number: int, data: bytes) -> bool:
        return await self._held(_APPEND, claim, self._ttl_s, number, data)

    async def publish(self, claim: Claim, mark: bytes, size: int, sha256: str) -> bool:
        async def publish(connection: Any) -> bool:
            async with connection.transaction():
                key = (claim.model, claim.form, claim.token)
                # An erasure ends claims: whichever of the two comes first holds this row.
                if await connection.fetchval(_END, *key) is None:
                    # It may be this very publishing, whose answer was lost on its way here.
                    found = await connection.fetchval(
                        "SELECT id FROM autobot_passages.graphs WHERE model = $1 AND form = $2", *key[:2]
                    )
                    return bool(found == claim.token)
                await connection.execute(_PUBLISH, *key, mark, size, sha256)
                await connection.execute(_UNUSED)
                return True

        return await self._pool.run(publish, within_s=PIECE_S)

    async def release(self, claim: Claim) -> None:
        await self._held(_END, claim)

    async def progress(self, model: str, form: str) -> tuple[int, int] | None:
        statement = (
            "SELECT done, total FROM autobot_passages.graph_claims"
            " WHERE model = $1 AND form = $2 AND until > clock_timestamp()"
        )
        row = await self._pool.run(lambda connection: connection.fetchrow(statement, model, form))
        return None if row is None else (row[0], row[1])

    async def clear(self) -> None:
        async def cleared(connection: Any) -> None:
            async with connection.transaction():
                await clear(connection)

        await self._pool.run(cleared, within_s=PIECE_S)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def _held(self, statement: str, claim: Claim, *values: Any) -> bool:
        """Run a statement that gives a row while a claim is held; say whether it did."""
        found = await self._pool.run(
            lambda connection: connection.fetchval(statement, claim.model, claim.form, claim.token, *values),
            within_s=PIECE_S,
        )
        return found is not None
