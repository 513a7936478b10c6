"""Measuring search by questions whose answers are known."""

from __future__ import annotations

from math import fsum
from typing import Final

from autobot.contexts.knowledge.domain.measurement import mean_took
from autobot.contexts.knowledge.domain.quality import ndcg, recall, reciprocal_rank
from autobot.contexts.knowledge.read_model.searching import SearchQueries
from autobot.contracts.knowledge.measuring import (
    LabelledQuestion,
    MeasureSearch,
    QuestionMeasure,
    RankedAnswer,
    SearchMeasures,
)
from autobot.contracts.knowledge.passages import place_of
from autobot.contracts.knowledge.search import SearchAnswer, SearchKnowledge
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import FieldError, InvalidInput

DEPTH: Final = 100
FEW: Final = 10


class MeasureQueries:
    """One method a query."""

    def __init__(self, searches: SearchQueries) -> None:
        self._searches = searches

    async def measure(self, query: MeasureSearch, context: CallContext) -> SearchMeasures:
        """Return how well the questions' documents are found. Raises InvalidInput for a question without any, and as a search."""
        for number, one in enumerate(query.questions):
            why = _unfit(one)
            if why:
                error = FieldError(detail=why, pointer=f"#/questions/{number}/relevant")
                raise InvalidInput("This question measures nothing.", errors=(error,))
        answers = [await self._answer(query, one, context) for one in query.questions]
        each = [
            _judged(one, answer, results=query.results)
            for one, answer in zip(query.questions, answers, strict=True)
        ]
        count, worst = len(each), next((one for one in answers if one.degraded), answers[0])
        return SearchMeasures(
            questions=tuple(each),
            ndcg_10=fsum(one.ndcg_10 for one in each) / count,
            recall_10=fsum(one.recall_10 for one in each) / count,
            recall_100=fsum(one.recall_100 for one in each) / count,
            mrr_10=fsum(one.reciprocal_rank_10 for one in each) / count,
            asked=query.mode,
            mode=worst.mode,
            model=worst.model,
            mean_ms=fsum(one.took.total_ms for one in answers) / count,
            degraded=worst.degraded,
            reranked_by=next((one.rerank.model for one in answers if one.rerank is not None), ""),
            position=answers[0].position,
            took=mean_took([(one.took, 1) for one in answers]),
        )

    async def _answer(
        self, query: MeasureSearch, one: LabelledQuestion, context: CallContext
    ) -> SearchAnswer:
        asked = SearchKnowledge(
            query=one.query,
            limit=DEPTH,
            mode=query.mode,
            group="passage" if _of_passages(one) else "document",
            collection=query.collection,
            rerank=query.rerank,
            as_of=query.as_of,
        )
        return await self._searches.search(asked, context)


def _of_passages(question: LabelledQuestion) -> bool:
    return all(place_of(answer) is not None for answer in question.relevant)


def _unfit(question: LabelledQuestion) -> str:
    if not any(grade > 0 for grade in question.relevant.values()):
        return "nothing has a grade above 0"
    if len({place_of(answer) is None for answer in question.relevant}) > 1:
        return "documents and passages cannot be graded in one question"
    return ""


def _judged(question: LabelledQuestion, answer: SearchAnswer, *, results: bool) -> QuestionMeasure:
    by_passage = _of_passages(question)
    found = [one.passage_id if by_passage else one.document_id for one in answer.items]
    first = (rank for rank, one in enumerate(found, start=1) if question.relevant.get(one, 0) > 0)
    return QuestionMeasure(
        query=question.query,
        ndcg_10=ndcg(found, question.relevant, FEW),
        recall_10=recall(found, question.relevant, FEW),
        recall_100=recall(found, question.relevant, DEPTH),
        reciprocal_rank_10=reciprocal_rank(found, question.relevant, FEW),
        first=next(first, None),
        found=tuple(
            RankedAnswer(id=name, score=one.score)
            for name, one in zip(found if results else (), answer.items, strict=False)
        ),
    )
