"""A search as the log of queries keeps it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from autobot.contracts.knowledge.queries import QueryOutcome
from autobot.contracts.knowledge.search import SearchAnswer, SearchGroup, SearchKnowledge, SearchMode, Took
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.masking import mask_text

TEXT_MAX: Final = 1_000
DOCUMENTS: Final = 20
"""Documents that are kept of what was found: those that an answer may cite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSearch:
    """One search; `correlation_id` leads to the reply that rests on it, `documents` are the best that it found."""

    id: str
    at: str
    query: str
    user_id: str
    username: str
    correlation_id: str
    collection: str | None
    mode: SearchMode
    group: SearchGroup = "passage"
    limit: int = 10
    rerank: bool | None = None
    outcome: QueryOutcome
    found: int
    by_words: int
    best_score: float | None
    nearest: float | None
    model: str
    degraded: str
    took: Took
    documents: tuple[str, ...]

    @property
    def poor(self) -> bool:
        """Whether it found nothing, or nothing with a word of the question."""
        return self.outcome != "found"


def logged(
    query: SearchKnowledge, answer: SearchAnswer, context: CallContext, query_id: str, at: str
) -> LoggedSearch:
    """Return what is kept of a search: no more of its text than masking leaves, no text of what was found."""
    by_words = sum(1 for one in answer.items if one.stages.lexical is not None)
    cosines = [one.stages.vector.score for one in answer.items if one.stages.vector is not None]
    outcome: QueryOutcome = "found"
    if not answer.items:
        outcome = "nothing"
    elif not by_words and answer.took.lexical_ms is not None:
        outcome = "by_meaning"
    return LoggedSearch(
        id=query_id,
        at=at,
        query=mask_text(query.query)[:TEXT_MAX],
        user_id=context.principal.user_id,
        username=context.principal.username,
        correlation_id=context.correlation_id,
        collection=query.collection,
        mode=answer.mode,
        group=query.group,
        limit=query.limit,
        rerank=query.rerank,
        outcome=outcome,
        found=len(answer.items),
        by_words=by_words,
        best_score=answer.items[0].score if answer.items else None,
        nearest=max(cosines, default=None),
        model=answer.model,
        degraded=answer.degraded.code if answer.degraded is not None else "",
        took=answer.took,
        documents=tuple(dict.fromkeys(one.document_id for one in answer.items))[:DOCUMENTS],
    )
