"""Faults done to the whole product under load, by a plan that its seed repeats."""

from __future__ import annotations

from pathlib import Path

import pytest

from autobot.testing.fault_plan import OF_DATABASES, OF_FILES, OF_PROCESSES
from tests.faults.killing import disturb

FAULTS = 10
SEEDS = [("embedded", 20274), pytest.param("postgres", 20266, marks=pytest.mark.needs_program("initdb"))]


@pytest.mark.parametrize(("mode", "seed"), SEEDS)
def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path, mode: str, seed: int) -> None:
    """After every fault all that was acknowledged is there once and in order, retries are replayed, every run and
    saga ends whole, reads of a setting are linearizable, views equal the log, and the audit chain verifies."""
    report = disturb(tmp_path / "data", mode, faults=FAULTS, seed=seed, say=print)
    print(report.line())
    assert report.findings == []
    assert report.faults == FAULTS
    assert report.done.by_kind["kill"] > 1
    others = OF_FILES if mode == "embedded" else OF_DATABASES
    assert {one for one in report.done.by_kind if one in others}, "no fault but those of processes"
    assert report.done.by_kind.keys() <= {*OF_PROCESSES, *others}
    assert report.requests > 10 * FAULTS, "too little was written to prove anything"
    assert report.retried > 0, "no fault hit a request"
    assert report.reads > 0
    assert report.removals > 0
    assert report.runs["completed"] > 0
