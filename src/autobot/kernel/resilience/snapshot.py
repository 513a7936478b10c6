"""What a link looks like from outside. Taking a snapshot changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    """The last failed attempt of a target: when, the error's code, and its detail."""

    at: datetime
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The last 60 s: calls a second, failed share (0–1), and latency quantiles in milliseconds (None: no call)."""

    rate: float
    failure_rate: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSnapshot:
    """One target. `calls` and `failures` count attempts since the process started.

    `breaker_state` is closed, open, half_open, isolated or shadow (closed also where the row has no
    breaker); `since` is when it came into that state; `next_probe_at` when an open breaker lets a
    probe through, or an isolation ends. `by` and `reason` tell of the last manual action, while it
    lasts. `paused_until`: the target asked us (429) not to call before. `reachable` is the last
    background probe's answer, at `probed_at`; None when there was none, or when a call was answered
    after one that failed.
    """

    address: str
    breaker_state: str
    since: datetime
    next_probe_at: datetime | None
    by: str
    reason: str
    paused_until: datetime | None
    ejected_until: datetime | None
    calls: int
    failures: int
    rates: Rates
    last_error: LastError | None
    reachable: bool | None
    probed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSnapshot:
    """One link. `calls` counts calls as the caller sees them, `failures` those that ended in a failed hop or a refusal.

    `attempts` counts what was sent, `retries` what was sent again, `refused` what our own pipeline
    turned away, `cached` what the cache answered. `in_flight` and `waiting` are of now; `limit` is
    the bulkhead's present limit (None: there is none).
    """

    link: str
    calls: int
    failures: int
    attempts: int
    retries: int
    refused: int
    cached: int
    in_flight: int
    waiting: int
    limit: int | None
    rates: Rates
    last_error: LastError | None
    targets: tuple[TargetSnapshot, ...]
