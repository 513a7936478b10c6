"""Redis only carries: flushed, restarted, killed, slow or cut off under load, and consumers killed, nothing is lost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from autobot.testing.fault_plan import OF_REDIS
from tests.faults.store_killing import disturb_store

FAULTS = 14
BEGUN = int(time.time())


@pytest.mark.parametrize("mode", ["store-streams", "store-streams-kept"])
def test_killed_consumers_and_a_disturbed_redis_lose_nothing(tmp_path: Path, mode: str) -> None:
    """Whatever happens to Redis, to the way to it and to the process that relays and consumes, each event has its effect
    once, in order per key. The seed is printed."""
    seed = BEGUN % 1_000_000
    print(f"seed {seed}")
    report = asyncio.run(disturb_store(tmp_path, mode, faults=FAULTS, seed=seed, say=print))
    print(report.line())
    assert report.findings == []
    assert report.requests > FAULTS
    assert {one for one in report.done.by_kind if one in OF_REDIS}, "no fault of Redis"
