"""How SQLite answers what is asked often: by its query plans, not by the time that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from autobot.adapters.sqlite import reading
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.sqlite.files import connect
from autobot.kernel.event_store.transaction import Query
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query(table="t"), "documents_"),
        (Query(table="t", owner="o"), "documents_owner"),
        (Query(table="t", group="g"), "documents_group"),
        (Query(table="t", group="g", after=("5", "k"), order="descending"), "documents_group"),
        (Query(table="t", owner="o", after=("5", "k")), "documents_owner"),
    ],
)
async def test_counts_read_no_document(tmp_path: Path, query: Query, index: str) -> None:
    """A count by owner, group and place is answered from an index that holds all it needs, and so is one by groups."""
    path = tmp_path / "autobot.db"
    store = await SqliteEventStore.open(path, ManualClock())
    connection = connect(path, writes=False)
    try:
        counting = reading.counting(query, "t")
        assert counting is not None
        for sql, bindings, name in ((*counting, index), (reading.GROUPS, ["t"], "documents_group")):
            plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
            assert len(plan) == 1, plan
            assert f"COVERING INDEX {name}" in plan[0], plan
    finally:
        connection.close()
        await store.close()
