"""Published language of the messaging context: the replay of many dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Len

from autobot.contracts.messaging import DeadLetterSummary, Selection
from autobot.kernel.core.failure import Failure

ReplayId = Annotated[str, Len(1, 64)]
ReplayStatus = Literal["accepted", "running", "completed", "stopped", "halted", "failed", "interrupted"]
"""`halted`: too many failed again; `stopped`: a person ended it."""


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequested:
    """Somebody asked for the replay of many. `principal` is who, so that it is done with their rights."""

    TYPE: ClassVar[str] = "autobot.messaging.replay_requested.v1"
    replay: str
    principal: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayStopAsked:
    """Somebody wants a replay to end. What it replayed stays replayed."""

    TYPE: ClassVar[str] = "autobot.messaging.replay_stop_asked.v1"
    replay: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayEnded:
    """A replay is over."""

    TYPE: ClassVar[str] = "autobot.messaging.replay_ended.v1"
    replay: str
    status: str
    replayed: int
    failed: int


EVENTS: tuple[type[Any], ...] = (ReplayRequested, ReplayStopAsked, ReplayEnded)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReplay:
    """Replay all that a selection names and that are dead now, in log order.

    `per_second` bounds the rate; when, of 10 or more, above `stop_at_percent` fail again, the rest is left.
    """

    selection: Selection
    per_second: Annotated[float, Gt(0), Le(1000)] = 10.0
    stop_at_percent: Annotated[int, Ge(1), Le(100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReplay:
    """End a replay. One that has ended stays as it is."""

    id: ReplayId


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of a replay. `gone`: somebody else decided first; `open`: not tried yet when it was looked at."""

    replayed: int = 0
    settled: int = 0
    failed: int = 0
    open: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReplay:
    """Written by the run of a replay as it goes and when it ends. Without `tally` the last one stays."""

    id: ReplayId
    status: ReplayStatus
    tally: Tally | None = None
    error: Failure | None = None


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewReplay:
    """What a replay of a selection would replay now."""

    selection: Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReplays:
    """Replays, the newest first."""

    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetReplay:
    """One replay."""

    id: ReplayId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPreview:
    """What would be replayed: how many, and the first of them."""

    count: int
    items: tuple[DeadLetterSummary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayView:
    """A replay: what was asked, how far it is."""

    id: str
    status: ReplayStatus
    selection: Selection
    per_second: float
    stop_at_percent: int
    asked_by: str
    asked_at: str
    ended_at: str | None
    tally: Tally
    stopping: bool = False
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPage:
    """A page of replays."""

    items: tuple[ReplayView, ...]
    next_cursor: str | None = None
