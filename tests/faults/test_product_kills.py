"""kill -9 of the whole product, again and again, while clients write."""

from __future__ import annotations

from pathlib import Path

from tests.faults.killing import kill_again_and_again

KILLS = 12


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    """After each kill all that was acknowledged is there once, retries are replayed, every run ends, the log has
    no gap, views equal the log, and the audit chain verifies."""
    report = kill_again_and_again(tmp_path / "data", kills=KILLS, seed=20260)
    print(report.line())
    assert report.faults == []
    assert report.kills >= KILLS
    assert report.requests > 10 * KILLS, "too little was written to prove anything"
    assert report.retried > 0, "no kill hit a request"
    assert report.runs["completed"] > 0
