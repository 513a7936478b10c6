"""Published language of the messaging context: dead letters and consumer groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len

from autobot.kernel.core.validate import Pattern

Id = Annotated[str, Len(1, 200), Pattern(r"[A-Za-z0-9_.-]+")]
Group = Annotated[str, Len(1, 100), Pattern(r"[A-Za-z0-9_.-]+")]
Reason = Annotated[str, Len(1, 500), Pattern(r"[\s\S]*\S[\s\S]*")]
Text = Annotated[str, Len(0, 200)]
Age = Literal["fresh", "ageing", "overdue"]
"""`ageing` from 80 % of the time in which a dead letter should be decided on, `overdue` after it."""


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterReplayed:
    """Somebody let a dead letter be delivered again. `replay` is the replay that it belongs to, if any."""

    TYPE: ClassVar[str] = "autobot.messaging.dead_letter_replayed.v1"
    letter: str
    group: str
    event_id: str
    by: str
    replay: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterEdited:
    """Somebody gave a group a copy with other data, `copy_id`, and gave the original up."""

    TYPE: ClassVar[str] = "autobot.messaging.dead_letter_edited.v1"
    letter: str
    group: str
    event_id: str
    copy_id: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterDiscarded:
    """Somebody gave a dead letter up."""

    TYPE: ClassVar[str] = "autobot.messaging.dead_letter_discarded.v1"
    letter: str
    group: str
    event_id: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerHeld:
    """Somebody paused a consumer group."""

    TYPE: ClassVar[str] = "autobot.messaging.consumer_held.v1"
    group: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerReleased:
    """Somebody let a consumer group go on."""

    TYPE: ClassVar[str] = "autobot.messaging.consumer_released.v1"
    group: str
    reason: str
    by: str


EVENTS: tuple[type[Any], ...] = (
    DeadLetterReplayed,
    DeadLetterEdited,
    DeadLetterDiscarded,
    ConsumerHeld,
    ConsumerReleased,
)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which dead letters. Empty fields do not restrict; `since` and `until` bound the last failure, inclusive."""

    group: Text = ""
    type: Text = ""
    fingerprint: Text = ""
    key: Text = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayDeadLetter:
    """Deliver one again, with all its attempts before it. `replay`: the replay that does it."""

    id: Id
    replay: Annotated[str, Len(0, 64)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditDeadLetter:
    """Give its group a copy with this data in its place. The original counts as given up."""

    id: Id
    data: dict[str, Any]
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardDeadLetter:
    """Give one up; those behind it go on."""

    id: Id
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldConsumer:
    """Give a group nothing more; what it works on is finished."""

    group: Group
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseConsumer:
    """Let a held group go on."""

    group: Group
    reason: Reason


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDeadLetters:
    """Dead letters, the one that failed last at the end."""

    selection: Selection = Selection()
    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCauses:
    """Dead letters by their cause, the most frequent first."""

    selection: Selection = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDeadLetter:
    """One dead letter with its event."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class ListConsumers:
    """Every consumer group, in every process that serves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterSummary:
    """A dead letter as lists show it. `decide_by`: when it should be decided on; nothing happens to it then."""

    id: str
    group: str
    type: str
    key: str
    position: int
    event_id: str
    attempts: int
    error: str
    reason: str
    fingerprint: str
    first_failed: str
    last_failed: str
    decide_by: str
    age: Age
    edited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPage:
    """A page of dead letters."""

    items: tuple[DeadLetterSummary, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterView:
    """One dead letter. `event` is the CloudEvents document of what would be delivered.

    `stack`: places, innermost last, never values. `waiting_behind` counts events of its key that wait for the
    decision, up to 1000. `editable`: it is JSON whose type has a contract here or a registered
    schema, so a copy can be checked.
    """

    letter: DeadLetterSummary
    handler: str
    correlation_id: str
    stack: tuple[str, ...]
    event: dict[str, Any]
    waiting_behind: int
    editable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseView:
    """Dead letters of one group that failed at one place with one error. `example` is the newest one's id."""

    group: str
    fingerprint: str
    error: str
    reason: str
    types: tuple[str, ...]
    count: int
    first_failed: str
    last_failed: str
    example: str
    ageing: int
    overdue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CausePage:
    """All causes."""

    items: tuple[CauseView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterDecided:
    """The answer of a decision on a dead letter. `event_id` is what is delivered now, empty for a discarded one."""

    id: str
    group: str
    decision: Literal["replayed", "edited", "discarded"]
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerView:
    """A consumer group as one process serves it now. `role`, `process`: which, `all` in one process for all. `position`: settled up to here; `lag`: events of the log behind it; `held`: by a person.

    `handled` and `redeliveries` count since this process began; `parked`: waiting for their time or behind
    another of their key; `dead`: waiting for a person, `ageing` and `overdue` of them for long.
    """

    group: str
    state: Literal["starting", "running", "standby", "paused", "stopped"]
    held: bool
    reason: str
    position: int
    lag: int
    oldest_age_s: float
    in_flight: int
    handled: int
    redeliveries: int
    parked: int
    dead: int
    ageing: int
    overdue: int
    role: str = "all"
    process: str = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerPage:
    """All of them; there are few."""

    items: tuple[ConsumerView, ...]
    next_cursor: str | None = None
