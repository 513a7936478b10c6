"""The last stage of a search: the best of what was found, put in order anew by a model that reads question and passage."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from autobot.contexts.knowledge.domain.fusion import Ranked
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.contexts.knowledge.ports.ranking import Reranker
from autobot.contexts.knowledge.read_model.degrading import degraded_by
from autobot.contexts.knowledge.read_model.stages import Stopwatch
from autobot.contracts.inference import RankTexts, Reranked
from autobot.contracts.knowledge.passages import said
from autobot.contracts.knowledge.search import Degraded, RerankStage, SearchKnowledge, StageScore
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, AutoBotError, BadAnswer, DeadlineExceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankRules:
    """What an operator says of the stage.

    Attributes:
        usual: whether a search that says nothing has it, where a model reads question and passage together.
        passages: how many of the best are put in order (2 to 200).
        within_s: seconds that it may take (0.1 to 20); the search goes on without it then.
    """

    usual: bool = True
    passages: int = 30
    within_s: float = 2.0


ASK_AGAIN_S: Final = 30.0
"""Seconds for which a search that did not ask for the stage does not look again for a model that was not there."""
RulesNow = Callable[[], Awaitable[RerankRules]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reordered:
    """What was found, in the order that counts; `scores` by passage and `told` are of this stage alone."""

    found: Sequence[Ranked]
    scores: Mapping[str, StageScore] = field(default_factory=dict)
    told: RerankStage | None = None
    took_ms: float | None = None


class Reranking:
    """Runs the stage where it is wanted, and does without it where it cannot be had."""

    def __init__(self, index: PassageIndex, reranker: Reranker, rules: RulesNow, clock: Clock) -> None:
        self._index, self._reranker, self._rules, self._clock = index, reranker, rules, clock
        self._ask_again = -math.inf

    async def stage(self, query: SearchKnowledge, found: Sequence[Ranked], context: CallContext) -> Reordered:
        """Return what was found with its best in a new order.

        What stands against it is told and the order stays; that no model reads question and passage together is told
        only to who asked for the stage. Raises DeadlineExceeded when the caller's own time is spent.
        """
        rules = await self._rules()
        wanted = rules.usual if query.rerank is None else query.rerank
        if query.rerank is None and self._clock.monotonic() < self._ask_again:
            wanted = False
        if not wanted or not found:
            return Reordered(found=found)
        watch = Stopwatch(self._clock)
        first = found[: rules.passages]
        texts = {one.id: said(one) for one in await self._index.passages([one.passage_id for one in first])}
        # A document may be erased between the search and here.
        first = [one for one in first if one.passage_id in texts]
        documents = tuple(texts[one.passage_id] for one in first)
        try:
            answer = await self._judged(query, documents, rules, context)
        except Absent as error:
            if query.rerank is None:
                self._ask_again = self._clock.monotonic() + ASK_AGAIN_S
                return Reordered(found=found)
            return Reordered(found=found, told=RerankStage(left_out=degraded_by(error)))
        except DeadlineExceeded:
            if context.deadline is not None and context.deadline <= self._clock.monotonic():
                raise
            return Reordered(found=found, told=_too_slow(rules, len(documents)), took_ms=watch.elapsed_ms())
        except AutoBotError as error:
            told = RerankStage(left_out=degraded_by(error))
            return Reordered(found=found, told=told, took_ms=watch.elapsed_ms())
        return _reordered(found, first, answer, watch.elapsed_ms())

    async def _judged(
        self, query: SearchKnowledge, documents: tuple[str, ...], rules: RerankRules, context: CallContext
    ) -> Reranked:
        """Return the order of passages. Raises BadAnswer for one that is none."""
        request = RankTexts(
            query=query.query,
            documents=documents,
            # Vectors say nothing that the stages before did not: they judge for who asks for it, and never by themselves.
            by="cross-encoder" if query.rerank is None else None,
        )
        within = context.within(self._clock.monotonic() + rules.within_s)
        answer = await self._reranker.rerank(request, within)
        if sorted(one.index for one in answer.ranking) != list(range(len(documents))):
            raise BadAnswer(f"{answer.model} gave no order of the passages.", link="backend-models")
        return answer


def _reordered(
    found: Sequence[Ranked], first: Sequence[Ranked], answer: Reranked, took_ms: float
) -> Reordered:
    """Return what was judged in its new order, and behind it what was not, as it was."""
    best, scores = [], {}
    for rank, judged in enumerate(answer.ranking, start=1):
        one = first[judged.index]
        best.append(Ranked(passage_id=one.passage_id, document_id=one.document_id, score=judged.score))
        scores[one.passage_id] = StageScore(score=judged.score, rank=rank)
    rest = [one for one in found if one.passage_id not in scores]
    told = RerankStage(by=answer.by, model=answer.model, passages=len(best))
    return Reordered(found=[*best, *rest], scores=scores, told=told, took_ms=took_ms)


def _too_slow(rules: RerankRules, count: int) -> RerankStage:
    return RerankStage(
        left_out=Degraded(
            code=DeadlineExceeded.code,
            detail=f"Putting {count} passages in order did not end within {rules.within_s:g} s.",
            hint="Give it more time (knowledge.rerank_seconds), or fewer passages (knowledge.rerank_passages).",
        )
    )
