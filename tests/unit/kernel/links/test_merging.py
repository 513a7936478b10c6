"""Rows of several processes become one list for an operator."""

from typing import Any

from autobot.kernel.links.merging import SUMS, merged


def row(row_id: str, **more: Any) -> dict[str, Any]:
    """Return a row as a process describes it."""
    empty = dict.fromkeys(SUMS, 0)
    quantiles: dict[str, Any] = {"p50_ms": None, "p95_ms": None, "p99_ms": None}
    own = {"id": row_id, "state": "absent", "hint": "autobot serve ai", "substituted_by": None, "targets": []}
    return {**empty, **quantiles, **own, "failure_rate": 0.0, "last_error": None, **more}


def target(address: str) -> dict[str, Any]:
    """Return a target."""
    return {"address": address, "breaker_state": "closed"}


def test_a_row_is_what_its_best_process_says() -> None:
    """A row that is absent here and in use elsewhere is in use, with the calls made there."""
    there = row("gateway-ai", state="in-use", hint=None, calls=3, p50_ms=2.0, targets=[target("http://a:1")])
    (found,) = merged([row("gateway-ai")], [("gateway@x", [there])])
    assert (found["state"], found["hint"], found["calls"], found["p50_ms"]) == ("in-use", None, 3, 2.0)
    assert found["targets"] == [{**target("http://a:1"), "process": "gateway@x"}]


def test_counts_are_added_and_the_slowest_is_shown() -> None:
    """Two processes that make calls on one row count together."""
    one = row("services-repositories", state="in-use", calls=10, failures=1, failure_rate=0.1, p99_ms=5.0)
    two = row("services-repositories", state="in-use", calls=30, failures=9, failure_rate=0.3, p99_ms=9.0)
    (found,) = merged([one], [("ai@x", [two])])
    assert (found["calls"], found["failures"], found["p99_ms"]) == (40, 10, 9.0)
    assert found["failure_rate"] == 0.25


def test_the_newest_error_is_shown() -> None:
    """Whoever met it."""
    one = row(
        "ai-ollama", state="in-use", last_error={"at": "2026-01-01T00:00:00Z", "code": "a", "detail": ""}
    )
    two = row(
        "ai-ollama", state="in-use", last_error={"at": "2026-01-02T00:00:00Z", "code": "b", "detail": ""}
    )
    (found,) = merged([one], [("ai@x", [two])])
    assert found["last_error"]["code"] == "b"


def test_rows_stay_as_they_are_without_others() -> None:
    """One process alone shows what it describes, also what is absent everywhere."""
    rows = [row("ai-npu"), row("ai-ollama", state="in-use", calls=2)]
    assert merged(rows, []) == rows
    assert merged(rows, [("gateway@x", [row("ai-npu")])])[0] == rows[0]
