"""The facts of a run, on the stream `run-<id>`. Kept small: outputs are what replay needs, no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

from autobot.kernel.core.failure import Failure

RunState = Literal[
    "queued",
    "running",
    "completed",
    "failed",
    "stopped",
    "interrupted",
    "compensating",
    "compensated",
    "failed_compensation",
    "failed_forward",
    "settled",
]
"""Where a run stands. The last five are a saga's alone: on its way back; back; and, waiting for a person, stuck on
the way back, stuck beyond its pivot, ended by that person's word."""
RUNS: Final = "runs"
SAGAS: Final = "sagas"
"""The tables of the documents of runs: sagas have one of their own."""
Direction = Literal["forward", "backward"]
StepKind = Literal["saga", "timer", "signal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step of a definition as it stood when the saga was accepted.

    `attempts` and `undo_attempts` are how often it and its compensation are tried at most (1–1000), `timeout_s` bounds
    an attempt or a wait; None where the kind of step has no such thing.
    """

    name: str
    kind: StepKind
    compensation: bool = False
    pivot: bool = False
    timeout_s: float | None = None
    attempts: int | None = None
    undo_attempts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run was accepted. `serial_key`: runs of one key go one after the other. `principal` is who asked.

    `plan` holds a saga's steps as its definition had them then; empty for other runs, and for sagas of versions that
    did not record it.
    """

    TYPE: ClassVar[str] = "autobot.runs.run_started.v1"
    run_id: str
    definition: str
    owner: str
    serial_key: str
    input: dict[str, Any]
    principal: dict[str, Any]
    plan: tuple[PlannedStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step begins. `resumable` steps may run again after a crash; others end the run as interrupted.

    `compensation`: what it does is undone when the saga turns back, and this is known before it is done.
    `pivot`: once it is completed there is no way back.
    """

    TYPE: ClassVar[str] = "autobot.runs.step_started.v1"
    run_id: str
    step: int
    name: str
    kind: str
    input_hash: str
    resumable: bool
    link: str | None = None
    target: str | None = None
    detail: Any = None
    compensation: bool = False
    pivot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetried:
    """An attempt of a step, or of its compensation, failed; the next one comes not before `due`.

    `attempt` is the number of the one that failed, from 1.
    """

    TYPE: ClassVar[str] = "autobot.runs.step_retried.v1"
    run_id: str
    step: int
    name: str
    direction: Direction
    attempt: int
    error: Failure
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCompleted:
    """A step's recorded output; a replay returns it instead of running the step."""

    TYPE: ClassVar[str] = "autobot.runs.step_completed.v1"
    run_id: str
    step: int
    name: str
    output: Any
    duration_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """A step failed finally. `refused`: it surely did nothing, as what it asked for was turned down."""

    TYPE: ClassVar[str] = "autobot.runs.step_failed.v1"
    run_id: str
    step: int
    name: str
    error: Failure
    duration_ms: float
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCompleted:
    """The run reached its end."""

    TYPE: ClassVar[str] = "autobot.runs.run_completed.v1"
    run_id: str
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """The run ended with an error."""

    TYPE: ClassVar[str] = "autobot.runs.run_failed.v1"
    run_id: str
    error: Failure
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStopped:
    """Somebody stopped the run."""

    TYPE: ClassVar[str] = "autobot.runs.run_stopped.v1"
    run_id: str
    by: str
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInterrupted:
    """A crash or a shutdown cut the run off. Version 1 had a text in place of the error: see `earlier`."""

    TYPE: ClassVar[str] = "autobot.runs.run_interrupted.v2"
    run_id: str
    error: Failure
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTurned:
    """The saga turns back: every step that was started is compensated, the last one first."""

    TYPE: ClassVar[str] = "autobot.runs.run_turned.v1"
    run_id: str
    cause: RunState
    error: Failure | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCompensated:
    """A step's compensation is done; it accepts that the step never happened."""

    TYPE: ClassVar[str] = "autobot.runs.step_compensated.v1"
    run_id: str
    step: int
    name: str
    duration_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStuck:
    """A compensation, or a step beyond the pivot, failed finally: a person decides how it goes on."""

    TYPE: ClassVar[str] = "autobot.runs.run_stuck.v1"
    run_id: str
    step: int
    name: str
    direction: Direction
    attempts: int
    error: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed:
    """A person had a stuck saga try again, with all attempts before it."""

    TYPE: ClassVar[str] = "autobot.runs.run_resumed.v1"
    run_id: str
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCompensated:
    """Everything that the saga had started is undone."""

    TYPE: ClassVar[str] = "autobot.runs.run_compensated.v1"
    run_id: str
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettled:
    """A person took a stuck saga as it is; what is left to do was done by hand, or will not be."""

    TYPE: ClassVar[str] = "autobot.runs.run_settled.v1"
    run_id: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSent:
    """Somebody tells a run something. On the stream `signals-<id>`, so that it never meets the run's own appends.

    The signal `stop` turns a saga back.
    """

    TYPE: ClassVar[str] = "autobot.runs.signal_sent.v1"
    run_id: str
    name: str
    by: str
    reason: str = ""
    payload: Any = None


EVENTS: tuple[type[Any], ...] = (
    RunStarted,
    StepStarted,
    StepCompleted,
    StepFailed,
    RunCompleted,
    RunFailed,
    RunStopped,
    RunInterrupted,
    StepRetried,
    RunTurned,
    StepCompensated,
    RunStuck,
    RunResumed,
    RunCompensated,
    RunSettled,
    SignalSent,
)
ENDS: tuple[type[Any], ...] = (
    RunCompleted,
    RunFailed,
    RunStopped,
    RunInterrupted,
    RunCompensated,
    RunSettled,
)


def stream_of(run_id: str) -> str:
    """Return the stream of a run."""
    return f"run-{run_id}"


def signals_of(run_id: str) -> str:
    """Return the stream of what a run is told."""
    return f"signals-{run_id}"
