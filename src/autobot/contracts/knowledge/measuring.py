"""Measuring search: questions with the documents that answer them, and how well these are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le, Len

from autobot.contracts.knowledge.search import QUERY_MAX, Degraded, SearchMode, Took
from autobot.contracts.knowledge.words import Id
from autobot.contracts.past import NOW, AsOf

QUESTIONS_MAX = 500
GRADE_MAX = 10.0

Grade = Annotated[float, Ge(0), Le(GRADE_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledQuestion:
    """A question, and the grade of each document that answers it: higher is better, 0 answers nothing.

    Passages may stand in place of documents; a question has the one or the other.
    """

    query: Annotated[str, Len(1, QUERY_MAX)]
    relevant: Annotated[Mapping[Annotated[str, Len(1, 100)], Grade], Len(1, 1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSearch:
    """Search each question as the caller would, a hundred documents deep, and judge what is found.

    A question with passages is searched a hundred passages deep. `rerank` and `as_of` are as in a search. With `results`
    the answer names what was found.
    """

    questions: Annotated[tuple[LabelledQuestion, ...], Len(1, QUESTIONS_MAX)]
    mode: SearchMode = "hybrid"
    collection: Id | None = None
    rerank: bool | None = None
    as_of: AsOf = NOW
    results: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedAnswer:
    """A document, or a passage, that was found, and the last stage's score of it."""

    id: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionMeasure:
    """How well the documents of one question were found. `first` is the rank of the first relevant one, None for none.

    `found` is what was found, best first, where that was asked for.
    """

    query: str
    ndcg_10: float
    recall_10: float
    recall_100: float
    reciprocal_rank_10: float
    first: int | None
    found: tuple[RankedAnswer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchMeasures:
    """Means over all questions, each from 0 to 1, and each question for itself. `mode` is what was done.

    `reranked_by` is the model that put the best in order anew, empty when none did. `position` is that of the log that
    was asked about, None for now. `took` is the mean of all searches: a stage that ran in some of them counts as 0 in the
    others.
    """

    questions: tuple[QuestionMeasure, ...]
    ndcg_10: float
    recall_10: float
    recall_100: float
    mrr_10: float
    asked: SearchMode
    mode: SearchMode
    model: str
    mean_ms: float
    degraded: Degraded | None = None
    reranked_by: str = ""
    position: int | None = None
    took: Took = field(default_factory=Took)
