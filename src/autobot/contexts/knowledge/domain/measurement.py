"""A measurement of search by a question set. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum

from autobot.contracts.knowledge.measurements import Figures, QuestionResult, RecordMeasurement, Status
from autobot.contracts.knowledge.measuring import SearchMeasures
from autobot.contracts.knowledge.search import SearchMode, Took
from autobot.kernel.core.errors import NOT_YOURS, NotFound
from autobot.kernel.core.failure import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """State of one; `total` are the questions of its set when it was asked for."""

    id: str
    set: str = ""
    collection: str = ""
    revision: int = 0
    mode: SearchMode = "hybrid"
    rerank: bool | None = None
    status: Status = "accepted"
    total: int = 0
    asked_by: str = ""
    asked_at: str = ""
    ended_at: str | None = None
    figures: Figures | None = None
    questions: tuple[QuestionResult, ...] = ()
    error: Failure | None = None

    def require(self, collection: str, set_id: str) -> None:
        """Raise NotFound unless it is a measurement by that set of that collection."""
        if not self.asked_at or (self.collection, self.set) != (collection, set_id):
            raise NotFound(NOT_YOURS)

    def recorded(self, told: RecordMeasurement, now: str) -> Measurement:
        """Return it as its run says that it stands; one that has ended stays as it is."""
        if self.ended_at is not None or told.status == self.status:
            return self
        if told.status == "running":
            return replace(self, status="running")
        return replace(
            self,
            status=told.status,
            figures=told.figures,
            questions=told.questions,
            error=told.error,
            ended_at=now,
        )


def mean_took(each: Sequence[tuple[Took, int]]) -> Took:
    """Return the mean of times that each stand for a number of searches; a stage that ran in none of them has none."""
    count = sum(searches for _, searches in each)

    def mean(name: str) -> float | None:
        times = [(getattr(took, name), searches) for took, searches in each]
        return (
            None if all(ms is None for ms, _ in times) else fsum((ms or 0.0) * n for ms, n in times) / count
        )

    return Took(
        embedding_ms=mean("embedding_ms"),
        lexical_ms=mean("lexical_ms"),
        vector_ms=mean("vector_ms"),
        feedback_ms=mean("feedback_ms"),
        rerank_ms=mean("rerank_ms"),
        total_ms=mean("total_ms") or 0.0,
    )


def figures_of(parts: Sequence[SearchMeasures], position: int) -> Figures:
    """Return the means over the questions of all parts; how they were found is told of the one that had the least."""
    each = [one for part in parts for one in part.questions]
    worst = next((part for part in parts if part.degraded is not None), parts[0])
    count = len(each)
    return Figures(
        ndcg_10=fsum(one.ndcg_10 for one in each) / count,
        recall_10=fsum(one.recall_10 for one in each) / count,
        recall_100=fsum(one.recall_100 for one in each) / count,
        mrr_10=fsum(one.reciprocal_rank_10 for one in each) / count,
        mode=worst.mode,
        model=worst.model,
        reranked_by=worst.reranked_by,
        position=position,
        mean_ms=fsum(part.mean_ms * len(part.questions) for part in parts) / count,
        degraded=worst.degraded,
        took=mean_took([(part.took, len(part.questions)) for part in parts]),
    )
