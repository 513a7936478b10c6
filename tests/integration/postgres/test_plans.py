"""How PostgreSQL answers what is asked often: by its query plans, not by the time that it takes."""

from __future__ import annotations

import asyncpg
import pytest

from autobot.adapters.postgres import reading
from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.kernel.event_store.transaction import Put, Query, Transaction
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]
MANY = 3000
QUERIES = (
    Query(table="t", owner="o1"),
    Query(table="t", group="g1"),
    Query(table="t", group="g1", after=("0005", "k"), order="descending"),
    Query(table="t", owner="o1", after=("0005", "k")),
)


async def test_counts_read_no_document(postgres: Cluster) -> None:
    """A count by owner, group and place is answered from an index alone, and so is one by groups."""
    url = postgres.emptied()
    store = await PostgresEventStore.open(url, ManualClock())
    puts = tuple(
        Put(
            table="t",
            key=f"{one}",
            document={"text": "x" * 500},
            owner=f"o{one % 3}",
            group=f"g{one % 7}",
            sort=f"{one:04d}",
        )
        for one in range(MANY)
    )
    await store.commit(Transaction(writes=puts))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE autobot.documents")
        statements = [*map(reading.counting, QUERIES), (reading.GROUPS, ["t"])]
        for statement in statements:
            assert statement is not None
            sql, values = statement
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *values))
            assert "Index Only Scan using documents_" in plan, plan
    finally:
        await connection.close()
        await store.close()
