"""How SQLite answers what is asked often: by its query plans, not by the time that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from autobot.adapters.sqlite import reading
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.sqlite.files import connect
from autobot.kernel.event_store.transaction import Put, Query, Transaction
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
    """A count by owner, group and place is answered from an index that holds all it needs."""
    path = tmp_path / "autobot.db"
    store = await SqliteEventStore.open(path, ManualClock())
    connection = connect(path, writes=False)
    try:
        counting = reading.counting(query, "t")
        assert counting is not None
        sql, bindings = counting
        plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
        assert len(plan) == 1, plan
        assert f"COVERING INDEX {index}" in plan[0], plan
    finally:
        connection.close()
        await store.close()


async def test_groups_are_found_by_seeks(tmp_path: Path) -> None:
    """The groups of a table are found by one seek each: SQLite takes as many steps for ever so many documents."""
    path, steps = tmp_path / "autobot.db", []
    store = await SqliteEventStore.open(path, ManualClock())
    connection = connect(path, writes=False)
    try:
        for many in (10, 2000):
            puts = (Put(table="t", key=f"{one}", document={}, group=f"g{one % 5}") for one in range(many))
            await store.commit(Transaction(writes=tuple(puts)))
            plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {reading.GROUPS}", ["t"])]
            assert any("COVERING INDEX documents_group (tbl=? AND grp>?)" in one for one in plan), plan
            cursor = connection.execute(reading.GROUPS, ["t"])
            assert [name for (name,) in cursor] == [f"g{one}" for one in range(5)]
            taken = 0

            def step() -> bool:
                nonlocal taken
                taken += 1
                return False

            connection.set_progress_handler(step, 1)
            reading.groups(connection, "t")
            connection.set_progress_handler(None)
            steps.append(taken)
    finally:
        connection.close()
        await store.close()
    assert steps[0] == steps[1] > 0
