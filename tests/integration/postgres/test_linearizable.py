"""Several stores on one database, whose connections break, look to their clients like one that never does."""

from __future__ import annotations

import asyncio

import pytest

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.testing.history_linear import append_log, judge_linear
from autobot.testing.postgres import ROLE, Cluster
from autobot.testing.toxics import Latency, TcpProxy
from tests.unit.testing.test_history_linear import EMPTY, recorded

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]


@pytest.mark.parametrize("seed", range(3))
async def test_appends_by_several_stores_over_a_broken_network_are_linearizable(
    postgres: Cluster, seed: int
) -> None:
    """Overlapping appends and reads by three stores, over connections that are slow and cut again and again, look as if
    each had happened at one moment."""
    clock = SystemClock()
    name = postgres.database().partition("@/")[2].partition("?")[0]
    async with TcpProxy(postgres.folder / ".s.PGSQL.5432", seed=seed) as network:
        url = f"postgresql://{ROLE}@127.0.0.1:{network.port}/{name}?sslmode=disable"
        stores = [await PostgresEventStore.open(url, clock) for _ in range(3)]
        network.set(Latency(delay_s=0.0, jitter_s=0.003))

        def told(count: int) -> None:
            if count % 8 == 0:
                network.cut()

        async with asyncio.timeout(60):
            history = await recorded(stores, clock, seed, told)
        assert network.broken > 0, "nothing was cut"
        network.clear()
        for store in stores:
            await store.close()
    assert len(history) == 60
    assert judge_linear({"s": history}, append_log, EMPTY) == []
