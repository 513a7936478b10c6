"""Published language of sagas: work across contexts that is done whole or undone, and waits for a person when neither goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from autobot.kernel.core.failure import Failure
from autobot.kernel.core.validate import Pattern

SagaId = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9_-]+")]
SagaState = Literal[
    "queued",
    "running",
    "compensating",
    "completed",
    "compensated",
    "failed_compensation",
    "failed_forward",
    "settled",
]
StepState = Literal["running", "retrying", "completed", "failed", "undoing", "undone", "stuck", "left"]
"""`left`: it was under way when the saga turned back, and there is nothing of it to undo."""
PathState = Literal[
    "running",
    "retrying",
    "completed",
    "failed",
    "undoing",
    "undone",
    "stuck",
    "left",
    "to_come",
    "not_reached",
]
"""Of a step that was not started: `to_come` while the saga may still get there, else `not_reached`."""
Planned = Literal["recorded", "today", "unknown"]
"""Where the steps that were not started are known from: the saga's own record, or, for one that began before plans
were recorded, the definition of today; `unknown` when that one does not lead on from what was done."""
Reason = Annotated[str, Len(1, 500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaStep:
    """A step that was started. `attempts` counts failures so far, `undo_attempts` those of its compensation.

    `due` (RFC 3339) is when it is tried next, or when a timer ends. `compensation`: it can be undone.
    """

    number: int
    name: str
    kind: Literal["saga", "timer", "signal"]
    state: StepState
    started_at: str
    ended_at: str | None
    attempts: int
    undo_attempts: int
    due: str | None
    compensation: bool
    pivot: bool
    error: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaPathStep:
    """A step of the whole definition. `number` is that of the step in `steps` when it was started, else None.

    `timeout_s` (seconds) bounds an attempt or a wait, `attempts` and `undo_attempts` how often it and its compensation
    are tried; None where there is no such bound, or none is known.
    """

    name: str
    kind: Literal["saga", "timer", "signal"]
    state: PathState
    number: int | None
    compensation: bool
    pivot: bool
    timeout_s: float | None
    attempts: int | None
    undo_attempts: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaView:
    """A saga as lists show it. `subject` is whom or what it is about."""

    id: str
    definition: str
    state: SagaState
    subject: str
    started_at: str
    ended_at: str | None
    error: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaDetail:
    """A saga with its steps and with what a person can do: stop it, have it try again, or settle it.

    `steps` are those that were started, `path` is the definition from its first step to its last, as it was when the
    saga began as far as that is `planned`. `turned_at` is when it turned back, `turned_by` who stopped it; `settled_by` and `reason` who took it as it is.
    """

    saga: SagaView
    steps: tuple[SagaStep, ...]
    turned_at: str | None
    turned_by: str | None
    settled_by: str | None
    reason: str | None
    can_stop: bool
    can_retry: bool
    can_settle: bool
    path: tuple[SagaPathStep, ...] = ()
    planned: Planned = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaPage:
    """One page of sagas."""

    items: tuple[SagaView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSagas:
    """Sagas, the newest first. `group`: open ones, those that wait for a person, or those that have ended."""

    group: Literal["open", "stuck", "ended"] | None = None
    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSaga:
    """One saga with its steps."""

    saga_id: SagaId


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSaga:
    """Turn a saga back before its pivot: what it did is undone."""

    saga_id: SagaId
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySaga:
    """Have a saga that is stuck try again, with all attempts before it."""

    saga_id: SagaId
    reason: Annotated[str, Len(0, 500)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleSaga:
    """Take a saga that is stuck as it is: what is left was done by hand, or will not be."""

    saga_id: SagaId
    reason: Reason
