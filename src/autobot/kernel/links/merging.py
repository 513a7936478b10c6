"""Rows as several processes describe them, made one list. Pure.

Each process knows the calls that it makes itself; an operator wants a row once, with all of its calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Row = Mapping[str, Any]

SUMS: Final = ("calls", "failures", "attempts", "retries", "refused", "cached", "in_flight", "rate")
SLOWEST: Final = ("p50_ms", "p95_ms", "p99_ms")
STATES: Final = ("in-use", "substituted", "absent")
"""From the best: a row is what the best of its processes says."""


def merged(own: Sequence[Row], others: Iterable[tuple[str, Sequence[Row]]]) -> list[dict[str, Any]]:
    """Return the rows of `own` with what `others`, by process name, say of the same rows.

    Counts are added. Quantiles of several processes cannot be: the slowest process's are shown. A target carries the
    `process` that sees it so, which is empty for this one.
    """
    theirs = [(name, {row["id"]: row for row in rows}) for name, rows in others]
    result = []
    for row in own:
        found = [("", row), *((name, rows[row["id"]]) for name, rows in theirs if row["id"] in rows)]
        result.append(_one(row, [(name, one) for name, one in found if _carries(one)] or found[:1]))
    return result


def _carries(row: Row) -> bool:
    return bool(row["state"] != "absent" or row["calls"])


def _one(own: Row, found: Sequence[tuple[str, Row]]) -> dict[str, Any]:
    if [name for name, _ in found] == [""]:
        return dict(own)
    rows = [row for _, row in found]
    best = min(rows, key=lambda row: STATES.index(row["state"]))
    calls = sum(row["calls"] for row in rows)
    errors = [row["last_error"] for row in rows if row["last_error"]]
    return {
        **own,
        **{name: best[name] for name in ("state", "substituted_by", "hint")},
        **{name: sum(row[name] for row in rows) for name in SUMS},
        **{name: max((row[name] for row in rows if row[name] is not None), default=None) for name in SLOWEST},
        "failure_rate": sum(row["failure_rate"] * row["calls"] for row in rows) / calls if calls else 0.0,
        "last_error": max(errors, key=lambda error: str(error["at"])) if errors else None,
        "targets": [
            {**target, "process": name} if name else target
            for name, row in found
            for target in row["targets"]
        ],
    }
