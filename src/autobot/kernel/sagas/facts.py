"""The facts of a run, on the stream `run-<id>`. Kept small: outputs are what replay needs, no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from autobot.kernel.core.failure import Failure

RunState = Literal["queued", "running", "completed", "failed", "stopped", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run was accepted. `serial_key`: runs of one key go one after the other. `principal` is who asked."""

    TYPE: ClassVar[str] = "autobot.runs.run_started.v1"
    run_id: str
    definition: str
    owner: str
    serial_key: str
    input: dict[str, Any]
    principal: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step begins. `resumable` steps may run again after a crash; others end the run as interrupted."""

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
    """A step failed finally."""

    TYPE: ClassVar[str] = "autobot.runs.step_failed.v1"
    run_id: str
    step: int
    name: str
    error: Failure
    duration_ms: float


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
    """A crash or a shutdown cut the run off."""

    TYPE: ClassVar[str] = "autobot.runs.run_interrupted.v1"
    run_id: str
    reason: str
    message_id: str = ""


EVENTS: tuple[type[Any], ...] = (
    RunStarted,
    StepStarted,
    StepCompleted,
    StepFailed,
    RunCompleted,
    RunFailed,
    RunStopped,
    RunInterrupted,
)
ENDS: tuple[type[Any], ...] = (RunCompleted, RunFailed, RunStopped, RunInterrupted)
END_TYPES = frozenset(kind.TYPE for kind in ENDS)


def stream_of(run_id: str) -> str:
    """Return the stream of a run."""
    return f"run-{run_id}"
