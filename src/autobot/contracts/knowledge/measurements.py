"""Measurements of search by a question set, kept so that they can be compared over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.knowledge.question_sets import QUESTIONS_MAX
from autobot.contracts.knowledge.search import Degraded, SearchMode, Took
from autobot.contracts.knowledge.words import Id, Limit
from autobot.kernel.core.failure import Failure

KEPT = 100
"""Measurements of one set that are kept; the oldest goes when another one begins."""

Status = Literal["accepted", "running", "completed", "failed", "stopped", "interrupted"]
Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Means over all questions (0 to 1), and how they were found.

    Attributes:
        mode: what was done; `degraded` says why it was less than was asked for.
        model: made the vectors; empty for none. `reranked_by`: put the best in order anew; empty for none.
        position: of the log when the search began: what the index held by then could be found.
        mean_ms: of one search, in milliseconds. `took`: its mean by stages; None where it was not written down.
    """

    ndcg_10: Share
    recall_10: Share
    recall_100: Share
    mrr_10: Share
    mode: SearchMode
    model: str
    reranked_by: str
    position: int
    mean_ms: float
    degraded: Degraded | None = None
    took: Took | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionResult:
    """How well what answers one question was found; `question` is its id in the set.

    `first` is the rank of the first thing that answers it, None when none was among the first hundred. `gone` counts
    what answers it and is not there any more: a deleted document, or a passage of an earlier version.
    """

    question: str
    ndcg_10: Share
    recall_10: Share
    recall_100: Share
    reciprocal_rank_10: Share
    first: int | None
    gone: int


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementRequested:
    """Somebody asked to measure search by a set as it was at `revision`. `principal` is who: it sees what they see."""

    TYPE: ClassVar[str] = "autobot.knowledge.measurement_requested.v1"
    id: str
    set: str
    collection: str
    revision: int
    mode: SearchMode
    rerank: bool | None
    principal: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementEnded:
    """A measurement is over; it has figures when `status` is completed."""

    TYPE: ClassVar[str] = "autobot.knowledge.measurement_ended.v1"
    id: str
    set: str
    status: Status
    figures: Figures | None


EVENTS: tuple[type[Any], ...] = (MeasurementRequested, MeasurementEnded)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureByQuestionSet:
    """Search each question of a set as the caller would, in its collection, and judge what is found."""

    collection: Id
    set: Id
    mode: SearchMode = "hybrid"
    rerank: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopMeasurement:
    """End a measurement that goes on; what was measured so far is left out."""

    collection: Id
    set: Id
    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMeasurement:
    """Written by the run of a measurement: how it stands. One that has ended stays as it is."""

    id: Id
    status: Status
    figures: Figures | None = None
    questions: Annotated[tuple[QuestionResult, ...], Len(0, QUESTIONS_MAX)] = ()
    error: Failure | None = None


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMeasurements:
    """Measurements by a set, the newest first."""

    collection: Id
    set: Id
    limit: Limit = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetMeasurement:
    """One measurement with the result of each question."""

    collection: Id
    set: Id
    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementSummary:
    """A measurement. `done` of `total` questions were searched; `revision` is the set's that it is about."""

    id: str
    set: str
    collection: str
    revision: int
    mode: SearchMode
    rerank: bool | None
    status: Status
    done: int
    total: int
    asked_by: str
    asked_at: str
    ended_at: str | None
    figures: Figures | None
    error: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementView:
    """A measurement with the result of each question, in the set's order."""

    measurement: MeasurementSummary
    questions: tuple[QuestionResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementPage:
    """A page of them."""

    items: tuple[MeasurementSummary, ...]
    next_cursor: str | None = None
