"""kill -9 of a small process with store, consumer and read model, at random points."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.faults.store_killing import kill_store

KILLS = 40
BEGUN = int(time.time())


def test_nothing_acknowledged_is_lost_doubled_or_torn(tmp_path: Path) -> None:
    """After each kill every acknowledged batch is there once with all its parts, repeats are known, effects happened
    once and in order, and the audit chain verifies. The seed is printed."""
    seed = BEGUN % 1_000_000
    print(f"seed {seed}")
    report = asyncio.run(kill_store(tmp_path, kills=KILLS, seed=seed))
    print(report.line())
    assert report.findings == []
    assert report.kills == KILLS
    assert report.acknowledged > KILLS
    assert report.retried > 0, "no kill hit a batch"


def test_a_store_that_acknowledges_early_is_found(tmp_path: Path) -> None:
    """The same killing and the same judge find a process that answers before it commits."""
    report = asyncio.run(kill_store(tmp_path, kills=8, seed=7, words=("early",)))
    assert {"lost", "moved"} & {one.kind for one in report.findings}
