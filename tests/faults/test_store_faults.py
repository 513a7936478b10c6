"""Faults done to a small process with store, consumer and read model, by a plan that its seed repeats."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.faults.store_killing import disturb_store

FAULTS = 18
BEGUN = int(time.time())
MODES = ["store", pytest.param("store-postgres", marks=pytest.mark.needs_program("initdb"))]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_acknowledged_is_lost_doubled_or_torn(tmp_path: Path, mode: str) -> None:
    """After every fault each acknowledged batch is there once with all its parts, repeats are known, effects happened
    once and in order, appends and reads are linearizable, and the audit chain verifies. So it is with the read model that
    is built anew, switched and rolled back all the time: one whole set of tables is in force. The seed is printed."""
    seed = BEGUN % 1_000_000
    print(f"seed {seed}")
    report = asyncio.run(disturb_store(tmp_path, mode, faults=FAULTS, seed=seed, say=print))
    print(report.line())
    assert report.findings == []
    assert report.faults == FAULTS
    assert report.requests > FAULTS
    assert report.retried > 0, "no fault hit a batch"
    assert report.reads > FAULTS


@pytest.mark.parametrize("mode", MODES)
def test_a_store_that_acknowledges_early_is_found(tmp_path: Path, mode: str) -> None:
    """The same plan and the same judges find a process that answers before it commits."""
    report = asyncio.run(disturb_store(tmp_path, mode, faults=6, seed=7, words=("early",)))
    print(*report.findings, sep="\n")
    kinds = {one.partition(":")[0] for one in report.findings}
    assert {"lost", "moved", "unlinearizable"} & kinds
