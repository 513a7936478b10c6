"""Rows as `/api/v1/system/links` lists them. Pure: plain values out of rows, snapshots and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.links.arrivals import Arrived
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.proofs import Finding
from autobot.kernel.links.row import OPTIONS, Row, field_value
from autobot.kernel.links.wired import Wired
from autobot.kernel.resilience.snapshot import LastError, LinkSnapshot, TargetSnapshot

_MILLISECONDS = 1000.0


def described(row: Row, matrix: Matrix, wired: Wired, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what a row says, where that comes from, what it is connected to, and what the proofs found on it."""
    state, substituted_by = wired.shown(row)
    return {
        "id": row.id,
        "from": row.source,
        "to": row.to,
        "pattern": row.pattern,
        "transport": row.transport,
        "timeout": row.timeout,
        "total": row.whole,
        **{name: field_value(row, name) for name in OPTIONS},
        "fixed_targets": list(row.targets),
        "error_handling": row.error_handling,
        "idempotency": row.idempotency,
        "source": matrix.source(row.id),
        "sources": dict(matrix.sources[row.id]),
        "origin": row.origin,
        "accepted": " ".join(one.because for one in row.accepted) or None,
        "findings": [asdict(one) for one in findings if row.id in one.rows],
        "doc": row.doc,
        "state": state,
        "substituted_by": substituted_by if state == "substituted" else None,
        "hint": None if state == "in-use" else wired.hint,
    }


def without_pipeline(refused: int) -> dict[str, Any]:
    """Return the figures of a row that nothing carries: every call was refused."""
    return {
        "calls": refused,
        "failures": refused,
        "attempts": 0,
        "retries": 0,
        "refused": refused,
        "cached": 0,
        "in_flight": 0,
        "rate": 0.0,
        "failure_rate": 0.0,
        "p50_ms": None,
        "p95_ms": None,
        "p99_ms": None,
        "last_error": None,
        "targets": [],
    }


def of_arrivals(counts: Arrived, clock: Clock) -> dict[str, Any]:
    """Return the figures of a row whose calls come in from a client."""
    now = clock.monotonic()
    tally = counts.tally(now)
    quantiles = {
        name: None if seconds is None else round(seconds * _MILLISECONDS, 3)
        for name, seconds in (
            ("p50_ms", tally.quantile(0.5)),
            ("p95_ms", tally.quantile(0.95)),
            ("p99_ms", tally.quantile(0.99)),
        )
    }
    return {
        **without_pipeline(0),
        "calls": counts.calls,
        "failures": counts.failures,
        "attempts": counts.calls,
        "rate": counts.rate(now),
        "failure_rate": tally.failures / tally.calls if tally.calls else 0.0,
        **quantiles,
        "last_error": _error(counts.last_error(clock)),
    }


def of_snapshot(snapshot: LinkSnapshot, refused: int) -> dict[str, Any]:
    """Return the figures of a pipeline; `refused` calls came before it was there."""
    return {
        "calls": snapshot.calls + refused,
        "failures": snapshot.failures + refused,
        "attempts": snapshot.attempts,
        "retries": snapshot.retries,
        "refused": snapshot.refused + refused,
        "cached": snapshot.cached,
        "in_flight": snapshot.in_flight,
        "rate": snapshot.rates.rate,
        "failure_rate": snapshot.rates.failure_rate,
        "p50_ms": snapshot.rates.p50_ms,
        "p95_ms": snapshot.rates.p95_ms,
        "p99_ms": snapshot.rates.p99_ms,
        "last_error": _error(snapshot.last_error),
        "targets": [_target(one) for one in snapshot.targets],
    }


def _target(target: TargetSnapshot) -> dict[str, Any]:
    return {
        "address": target.address,
        "breaker_state": target.breaker_state,
        "since": rfc3339(target.since),
        "next_probe_at": rfc3339(target.next_probe_at) if target.next_probe_at else None,
        "by": target.by,
        "reason": target.reason,
        "paused_until": rfc3339(target.paused_until) if target.paused_until else None,
        "ejected_until": rfc3339(target.ejected_until) if target.ejected_until else None,
        "calls": target.calls,
        "failures": target.failures,
        "last_error": _error(target.last_error),
        "reachable": target.reachable,
        "probed_at": rfc3339(target.probed_at) if target.probed_at else None,
    }


def _error(error: LastError | None) -> dict[str, Any] | None:
    return None if error is None else {"at": rfc3339(error.at), "code": error.code, "detail": error.detail}
