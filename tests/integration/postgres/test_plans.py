"""How PostgreSQL answers what is asked often: by its query plans, not by the time that it takes."""

from __future__ import annotations

import re

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
    """A count by owner, group and place is answered from an index alone; groups are found by seeks in one."""
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
        statements = map(reading.counting, QUERIES)
        for statement in statements:
            assert statement is not None
            sql, values = statement
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *values))
            assert "Index Only Scan using documents_" in plan, plan
        assert await connection.fetch(reading.GROUPS, "t") == [(f"g{one}",) for one in range(7)]
        found = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT TEXT) {reading.GROUPS}", "t")
        plan = "\n".join(row[0] for row in found)
        assert re.search(r"Only Scan using documents_group .*loops=8\)\n +Index Cond: .*grp > found", plan), (
            plan
        )
    finally:
        await connection.close()
        await store.close()
