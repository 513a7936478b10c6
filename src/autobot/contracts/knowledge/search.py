"""Searching documents: what is asked, and what is answered with the scores of each stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.inference import RerankedBy
from autobot.contracts.knowledge.words import COLLECTIONS_MAX, Id, Tags
from autobot.contracts.past import NOW, AsOf

SearchMode = Literal["hybrid", "lexical", "vector"]
"""By words and by meaning, joined; by words; by meaning."""
SearchGroup = Literal["passage", "document"]
"""Each passage for itself, or each document once, by its best passage."""

RESULTS_MAX = 200
QUERY_MAX = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchKnowledge:
    """Find passages in the documents that the caller may read.

    `collections` are looked into beside `collection`; none of either: all. `tags` must all be there. With `as_of`:
    what would have been found then. `rerank`: whether a model puts the best of them in order anew; None leaves it to
    the settings, by which only one that reads question and passage together does.
    """

    query: Annotated[str, Len(1, QUERY_MAX)]
    limit: Annotated[int, Ge(1), Le(RESULTS_MAX)] = 10
    mode: SearchMode = "hybrid"
    group: SearchGroup = "passage"
    collection: Id | None = None
    collections: Annotated[tuple[Id, ...], Len(0, COLLECTIONS_MAX)] = ()
    tags: Tags = ()
    as_of: AsOf = NOW
    rerank: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageScore:
    """What one stage said of a passage: its score (higher is better) and its rank there, from 1."""

    score: float
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The stages that found a passage. None: that stage did not run, or did not find it.

    Attributes:
        lexical: BM25 of its words; unbounded.
        vector: cosine (−1 to 1) to the question.
        feedback: cosine to the question moved towards the passages that lexical and vector rank highest together.
        fused: mean of lexical and feedback in standard form (deviations above the middle of those found), as its logistic:
            above 0, up to 1, and 0.5 in the middle. It tells of this search alone: no score of another compares with it.
        rerank: relevance (0 to 1) by a model that read question and passage together, or their cosine.
    """

    lexical: StageScore | None = None
    vector: StageScore | None = None
    feedback: StageScore | None = None
    fused: StageScore | None = None
    rerank: StageScore | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    """A passage that was found. `score` is the last stage's; results come by it, best first. Those that were reranked come
    before the others, whose scores are of another stage."""

    document_id: str
    passage_id: str
    version: int
    number: int
    title: str
    heading: str
    text: str
    start: int
    end: int
    page: int | None
    score: float
    stages: Stages


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    """Why a search used less than was asked for. `code` and `detail` as in problem documents; `link` is the row that failed."""

    code: str
    detail: str
    hint: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankStage:
    """What became of the rerank stage.

    Attributes:
        by: what judged; None when the stage was left out, and results come as they would without it.
        model: which model did, by its full name.
        passages: how many of the best it put in order.
        left_out: why it did not; None when it did.
    """

    by: RerankedBy | None = None
    model: str = ""
    passages: int = 0
    left_out: Degraded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Milliseconds of each stage; None: it did not run."""

    embedding_ms: float | None = None
    lexical_ms: float | None = None
    vector_ms: float | None = None
    feedback_ms: float | None = None
    rerank_ms: float | None = None
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """What was found, best first. `mode` is what was done, `asked` what was asked for; they differ when `degraded` says why.

    `model` made the vectors, empty when none were used. `position` is the place in the log that was asked about, None for now.
    `rerank` is None when nobody asked for that stage.
    """

    items: tuple[FoundPassage, ...]
    asked: SearchMode
    mode: SearchMode
    group: SearchGroup
    model: str
    position: int | None
    took: Took
    degraded: Degraded | None = None
    rerank: RerankStage | None = None
