"""kill -9 of a small process with store, consumer and read model, at random points."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from autobot.testing.postgres import Cluster
from tests.faults.store_killing import Place, kill_store

KILLS = 40
POSTGRES_KILLS = 14
BEGUN = int(time.time())


def test_nothing_acknowledged_is_lost_doubled_or_torn(tmp_path: Path) -> None:
    """After each kill every acknowledged batch is there once with all its parts, repeats are known, effects happened
    once and in order, and the audit chain verifies. The seed is printed."""
    seed = BEGUN % 1_000_000
    print(f"seed {seed}")
    report = asyncio.run(kill_store(Place(tmp_path), kills=KILLS, seed=seed))
    print(report.line())
    assert report.findings == []
    assert report.kills == KILLS
    assert report.acknowledged > KILLS
    assert report.retried > 0, "no kill hit a batch"


def test_a_store_that_acknowledges_early_is_found(tmp_path: Path) -> None:
    """The same killing and the same judge find a process that answers before it commits."""
    report = asyncio.run(kill_store(Place(tmp_path), kills=8, seed=7, words=("early",)))
    assert {"lost", "moved"} & {one.kind for one in report.findings}


@pytest.mark.needs_program("initdb")
def test_nothing_is_lost_or_doubled_in_postgres(tmp_path: Path) -> None:
    """The same holds for a store in PostgreSQL, whose server crashes and comes back under load as well: every batch
    that was on its way is answered, once."""
    seed = BEGUN % 1_000_000
    print(f"seed {seed}")
    with Cluster() as cluster:

        async def crash() -> None:
            await asyncio.to_thread(cluster.restart, immediate=True)

        place = Place(tmp_path, cluster.database(), disturb=crash)
        report = asyncio.run(kill_store(place, kills=POSTGRES_KILLS, seed=seed))
    print(report.line())
    assert report.findings == []
    assert report.kills == POSTGRES_KILLS
    assert report.acknowledged > POSTGRES_KILLS


@pytest.mark.needs_program("initdb")
def test_an_early_acknowledgement_is_found_in_postgres(tmp_path: Path, postgres: Cluster) -> None:
    """There, too, the judge finds a process that answers before it commits."""
    place = Place(tmp_path, postgres.database())
    report = asyncio.run(kill_store(place, kills=8, seed=7, words=("early",)))
    assert {"lost", "moved"} & {one.kind for one in report.findings}
