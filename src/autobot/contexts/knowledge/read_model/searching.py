"""Searching: what is asked, looked for by words and by vectors, joined, and answered with the scores of each stage."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Final

from autobot.contexts.knowledge.domain.fusion import Ranked, by_document, by_score
from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.embedding import Embedder
from autobot.contexts.knowledge.ports.index import PassageIndex, Where
from autobot.contexts.knowledge.read_model.reranking import Reranking
from autobot.contexts.knowledge.read_model.stages import Looking, StageName, Stopwatch
from autobot.contracts.knowledge.passages import Passage
from autobot.contracts.knowledge.search import (
    FoundPassage,
    SearchAnswer,
    SearchKnowledge,
    SearchMode,
    Stages,
    StageScore,
    Took,
)
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.errors import InvalidInput
from autobot.kernel.event_store.fold import position_of
from autobot.kernel.event_store.ports import EventStore

POOL: Final = 100
"""Passages that each stage gives at least: one that stands low in one list may stand high in the other."""
Scores = dict[str, Mapping[str, StageScore]]
"""What each stage said of passages."""
PER_PASSAGE, PER_DOCUMENT = 2, 4
"""Passages of each stage for every result that is wanted: several may be of one document."""


class SearchQueries:
    """One method a query."""

    def __init__(
        self,
        store: EventStore,
        library: Library,
        index: PassageIndex,
        embedder: Embedder,
        reranking: Reranking,
        clock: Clock,
    ) -> None:
        self._reranking = reranking
        self._store, self._library, self._index, self._clock = store, library, index, clock
        self._looking = Looking(index, embedder, clock)

    async def search(self, query: SearchKnowledge, context: CallContext) -> SearchAnswer:
        """Return what fits a question best.

        Without an embedder, or with vectors too many to compare that are not prepared, `hybrid` is answered by words and says why;
        `vector` raises what is wrong. Raises
        NotFound for a collection that the caller may not read, InvalidInput for a question of blanks.
        """
        if not query.query.strip():
            raise InvalidInput("Ask for something: the question has no words.")
        watch = Stopwatch(self._clock)
        position = await position_of(self._store, at=query.as_of.at, position=query.as_of.position)
        where = Where(
            collections=await self._readable(context.principal, _named(query)),
            tags=query.tags,
            as_of=position,
        )
        depth = max(POOL, query.limit * (PER_DOCUMENT if query.group == "document" else PER_PASSAGE))
        seen = await self._looking.stages(query.query, query.mode, where, depth, context, watch)
        mode: SearchMode = query.mode if seen.degraded is None else "lexical"
        joined = _results(seen.lists, query.group == "document")
        last = await self._reranking.stage(query, joined, context)
        shown = last.found[: query.limit]
        wanted = {one.passage_id for one in shown}
        ranks: Scores = {stage: _scores(found, wanted) for stage, found in seen.lists.items()}
        ranks |= {"fused": _scores(joined, wanted) if mode == "hybrid" else {}, "rerank": last.scores}
        return SearchAnswer(
            items=await self._shown(shown, ranks, position),
            asked=query.mode,
            mode=mode,
            group=query.group,
            model=seen.model,
            position=position,
            took=Took(**seen.took, rerank_ms=last.took_ms, total_ms=watch.elapsed_ms()),
            degraded=seen.degraded,
            rerank=last.told,
        )

    async def _readable(self, who: Principal, wanted: Sequence[str]) -> tuple[str, ...]:
        if not wanted:
            return tuple(one.id for one in await self._library.readable(who))
        for one in wanted:
            (await self._library.collection(one)).collection.require_readable(who)
        return tuple(wanted)

    async def _shown(
        self, found: Sequence[Ranked], ranks: Scores, as_of: int | None
    ) -> tuple[FoundPassage, ...]:
        wanted = [one.passage_id for one in found]
        passages = {one.id: one for one in await self._index.passages(wanted, as_of)}
        shown = []
        for one in found:
            passage = passages.get(one.passage_id)
            # A document may be erased between the search and here.
            if passage is not None:
                own = {stage: scores.get(one.passage_id) for stage, scores in ranks.items()}
                shown.append(_found(passage, one.score, Stages(**own)))
        return tuple(shown)


def _named(query: SearchKnowledge) -> tuple[str, ...]:
    """Return the collections that a question names, each once."""
    named = (*query.collections, query.collection) if query.collection else query.collections
    return tuple(dict.fromkeys(named))


def _results(lists: Mapping[StageName, Sequence[Ranked]], grouped: bool) -> Sequence[Ranked]:
    """Return what results come by: of hybrid search words and the moved question, joined; else the one list that is there."""
    joined = [lists[stage] for stage in ("lexical", "feedback") if stage in lists] or list(lists.values())
    # A passage that is not among all that have vectors has none yet: that says nothing of what it means.
    found = by_score(joined, POOL, silent=(1,)) if len(joined) > 1 else joined[0]
    return by_document(found) if grouped else found


def _scores(found: Sequence[Ranked], wanted: Container[str]) -> dict[str, StageScore]:
    """Return score and rank of those that are wanted: the others are many."""
    return {
        one.passage_id: StageScore(score=one.score, rank=rank)
        for rank, one in enumerate(found, start=1)
        if one.passage_id in wanted
    }


def _found(passage: Passage, score: float, stages: Stages) -> FoundPassage:
    return FoundPassage(
        document_id=passage.document_id,
        passage_id=passage.id,
        version=passage.version,
        number=passage.number,
        title=passage.title,
        heading=passage.heading,
        text=passage.text,
        start=passage.start,
        end=passage.end,
        page=passage.page,
        score=score,
        stages=stages,
    )
