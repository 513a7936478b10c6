"""Published language of the history context: what is done to a stored read model, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.history import Name
from autobot.kernel.core.failure import Failure

ChangeId = Annotated[str, Len(1, 64)]
Reason = Annotated[str, Len(0, 500)]
Act = Literal["rebuild", "parity", "switch", "rollback", "discard", "discard_kept"]
"""`rebuild`: build a candidate beside the tables in force; `parity`: compare both; `switch`: put the candidate in
force and keep what was; `rollback`: go back to what is kept; `discard`: remove the candidate; `discard_kept`: remove
what is kept."""
Status = Literal["accepted", "running", "completed", "failed", "stopped", "interrupted"]


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelChangeRequested:
    """Somebody asked for a change of a read model. `principal` is who."""

    TYPE: ClassVar[str] = "autobot.history.read_model_change_requested.v1"
    change: str
    name: str
    act: str
    reason: str
    principal: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelChangeEnded:
    """A change of a read model is over; unless `status` is completed, what was in force is in force."""

    TYPE: ClassVar[str] = "autobot.history.read_model_change_ended.v1"
    change: str
    name: str
    act: str
    status: str


EVENTS: tuple[type[Any], ...] = (ReadModelChangeRequested, ReadModelChangeEnded)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReadModel:
    """Do something to a read model; a run does it, one after another for each read model."""

    name: Name
    act: Act
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReadModelChange:
    """Written by the run of a change: how it stands."""

    id: ChangeId
    status: Status
    error: Failure | None = None


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReadModelChanges:
    """Changes of a read model, the newest first."""

    name: Name
    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetReadModelChange:
    """One change."""

    id: ChangeId


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSkippedEvents:
    """Poison events that a read model left out, in log order."""

    name: Name
    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelChange:
    """A change: what was asked, how it stands."""

    id: str
    name: str
    act: Act
    status: Status
    reason: str
    asked_by: str
    asked_at: str
    ended_at: str | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelChanges:
    """A page of changes."""

    items: tuple[ReadModelChange, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedEvent:
    """An event that a version of a read model could not take."""

    position: int
    event_id: str
    type: str
    version: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedEvents:
    """A page of them."""

    items: tuple[SkippedEvent, ...]
    next_cursor: str | None = None
