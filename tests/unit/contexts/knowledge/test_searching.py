"""Searching documents: what is found, by whom, with which scores, and what is said when a part is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.memory.passages import MemoryPassages
from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.ports.documents import Library, put_collection
from autobot.contexts.knowledge.ports.index import Hit, Vector, Where
from autobot.contexts.knowledge.read_model.measuring import MeasureQueries
from autobot.contexts.knowledge.read_model.reranking import Reranking, RerankRules
from autobot.contexts.knowledge.read_model.searching import SearchQueries
from autobot.contracts.knowledge.measuring import LabelledQuestion, MeasureSearch
from autobot.contracts.knowledge.search import SearchAnswer, SearchKnowledge
from autobot.contracts.past import AsOf
from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.kernel.core.errors import (
    Absent,
    AttemptTimeout,
    ChaosInjected,
    ConnectFailed,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
)
from autobot.testing.conformance.passage_index_base import passages_of, version_of
from autobot.testing.inference.embedding import HashingEmbedder
from autobot.testing.inference.ranking import HashingReranker
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio

AWAY = Absent("npu", "There is no embedding model here.", hint="autobot add npu")
TEXTS: Mapping[str, str] = {
    "ferns": "Ferns grow in the shade of tall trees.",
    "moss": "Moss grows on stones in wet shade.",
    "pumps": "The pump moves water through a valve.",
    "valves": "A valve stops the water.",
}


def who(user: str) -> CallContext:
    """Return the context of a user."""
    principal = Principal(id=user, kind="user", role="user", user_id=user)
    return CallContext(
        correlation_id="c", principal=principal, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
    )


ANN, EVE = who("ann"), who("eve")


class World:
    """Ann's collection `shelf` and Eve's `cellar`, an index, and a model that knows words alone."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store, self.index = MemoryEventStore(self.clock), MemoryPassages()
        self.embedder = HashingEmbedder(self.clock)
        self.rules = RerankRules()
        self.use(HashingReranker(self.clock, reads=False))

    def use(self, reranker: HashingReranker) -> None:
        """Search with this model that puts passages in order."""
        self.reranker = reranker
        reranking = Reranking(self.index, reranker, self._rules, self.clock)
        library = Library(self.store)
        self.queries = SearchQueries(self.store, library, self.index, self.embedder, reranking, self.clock)

    async def _rules(self) -> RerankRules:
        return self.rules

    async def begin(self, texts: Mapping[str, str] = TEXTS, **fields: Any) -> None:
        """Make the collections, and index texts in Ann's, each as a document."""
        made = datetime(2026, 1, 1, tzinfo=UTC)
        maker = Maker(self.clock)
        for name, owner in (("shelf", "ann"), ("cellar", "eve")):
            collection = Collection(id=name, name=name, owner=owner, created_at=made)
            await self.store.commit(
                maker.transaction(f"made-{name}", writes=(put_collection(collection, 0),))
            )
        for name, text in texts.items():
            await self.put(name, text, **fields)

    async def put(self, name: str, *texts: str, **fields: Any) -> None:
        """Index a document."""
        vectors = (await self.embedder.embed(texts, ANN)).vectors
        version = version_of(name, **{"model": "hashing", "title": name, **fields})
        await self.index.put(version, passages_of(version, *texts), vectors)

    async def ask(self, query: str, context: CallContext = ANN, **fields: Any) -> SearchAnswer:
        """Search."""
        return await self.queries.search(SearchKnowledge(query=query, **fields), context)


class Slow(MemoryPassages):
    """Compares vectors so many times in time, and then never again."""

    def __init__(self, answered: int) -> None:
        super().__init__()
        self.answered = answered

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        """Compare, or take too long."""
        if self.answered == 0:
            raise AttemptTimeout("Too many vectors.", phase="attempt", hint="Ask later.")
        self.answered -= 1
        return await super().nearest(vector, where, limit)


def found(answer: SearchAnswer) -> list[str]:
    """Return the documents in their order."""
    return [one.document_id for one in answer.items]


async def test_every_stage_says_what_it_thought() -> None:
    """A hybrid answer carries the score and rank of words, vector, moved vector and the joined result, best first."""
    world = World()
    await world.begin()
    answer = await world.ask("Where do ferns grow?")
    best = answer.items[0]
    assert (best.document_id, best.passage_id, best.title, best.text) == (
        "ferns",
        "ferns.1.0",
        "ferns",
        TEXTS["ferns"],
    )
    assert best.stages.lexical is not None
    assert best.stages.lexical.rank == 1
    assert best.stages.vector is not None
    assert best.stages.vector.rank == 1
    assert best.stages.feedback is not None
    assert best.stages.fused is not None
    assert (best.stages.fused.rank, best.stages.fused.score) == (1, best.score)
    assert [one.score for one in answer.items] == sorted((one.score for one in answer.items), reverse=True)
    assert (answer.asked, answer.mode, answer.model, answer.degraded) == ("hybrid", "hybrid", "hashing", None)
    assert answer.took.embedding_ms is not None


async def test_a_mode_runs_its_stage_alone() -> None:
    """By words only what has one of them is found, by vectors all that has one; the score is that stage's."""
    world = World()
    await world.begin()
    words = await world.ask("valve", mode="lexical")
    assert sorted(found(words)) == ["pumps", "valves"]
    assert all(one.stages.vector is one.stages.fused is None for one in words.items)
    assert [one.score for one in words.items] == [
        one.stages.lexical.score for one in words.items if one.stages.lexical
    ]
    assert (words.model, words.took.embedding_ms) == ("", None)
    vectors = await world.ask("A valve stops the water.", mode="vector")
    assert len(vectors.items) == 4
    assert found(vectors)[0] == "valves"
    assert vectors.items[0].score == pytest.approx(1.0, abs=1e-5)
    assert vectors.items[0].stages.lexical is None


async def test_without_an_embedder_it_answers_by_words_and_says_so() -> None:
    """Hybrid falls back and tells cause and step; vectors alone cannot be had; a spent deadline is no fallback."""
    world = World()
    await world.begin()
    world.embedder.away = AWAY
    answer = await world.ask("valve")
    assert sorted(found(answer)) == ["pumps", "valves"]
    assert (answer.asked, answer.mode) == ("hybrid", "lexical")
    assert answer.degraded is not None
    assert (answer.degraded.code, answer.degraded.hint) == ("absent", "autobot add npu")
    with pytest.raises(Absent):
        await world.ask("valve", mode="vector")
    world.embedder.away = ConnectFailed("The worker refused.", link="ai-npu", target="http://npu:8081")
    gone = (await world.ask("valve")).degraded
    assert gone is not None
    assert (gone.code, "autobot serve npu" in (gone.hint or "")) == ("connect-failed", True)
    assert gone.link == "ai-npu"
    world.embedder.away = ChaosInjected("A fault on purpose.", link="ai-npu")
    broken = (await world.ask("valve")).degraded
    assert broken is not None
    assert (broken.code, "ends them" in (broken.hint or ""), broken.link) == ("chaos", True, "ai-npu")
    world.embedder.away = DeadlineExceeded("The caller's time is spent.")
    with pytest.raises(DeadlineExceeded):
        await world.ask("valve")


@pytest.mark.parametrize("answered", [0, 1])
async def test_with_too_many_vectors_it_answers_by_words_and_says_so(answered: int) -> None:
    """When a comparison of vectors takes too long, the first or the second, hybrid is the search by words and tells why."""
    world = World()
    world.index = Slow(answered)
    world.use(HashingReranker(world.clock, reads=False))
    await world.begin()
    answer = await world.ask("valve")
    words = await world.ask("valve", mode="lexical")
    assert [(one.passage_id, one.score, one.stages) for one in answer.items] == [
        (one.passage_id, one.score, one.stages) for one in words.items
    ]
    assert (answer.asked, answer.mode, answer.model) == ("hybrid", "lexical", "")
    assert answer.degraded is not None
    assert (answer.degraded.code, answer.degraded.hint) == ("upstream-timeout", "Ask later.")
    assert answer.took.vector_ms is not None
    with pytest.raises(AttemptTimeout):
        await world.ask("valve", mode="vector")


async def test_only_what_the_asker_may_read_is_found() -> None:
    """Another's documents are in no answer, and their collection is not there for the asker."""
    world = World()
    await world.begin({"ferns": TEXTS["ferns"]})
    await world.put("secret", "Ferns in the cellar.", collection="cellar")
    for mode in ("hybrid", "lexical", "vector"):
        assert found(await world.ask("ferns", mode=mode)) == ["ferns"]
        assert found(await world.ask("ferns", EVE, mode=mode)) == ["secret"]
        assert found(await world.ask("ferns", who("bob"), mode=mode)) == []
    assert found(await world.ask("ferns", collection="shelf")) == ["ferns"]
    with pytest.raises(NotFound):
        await world.ask("ferns", collection="cellar")
    with pytest.raises(NotFound):
        await world.ask("ferns", collection="nowhere")


async def test_each_document_comes_once_by_its_best_passage() -> None:
    """Grouped by document there is one result for each; ungrouped every passage is one."""
    world = World()
    await world.begin({})
    await world.put("a", "Nothing of it.", "A valve stops the water.", "Water, water, valve.")
    await world.put("b", "The valve.")
    grouped = await world.ask("a valve stops the water", group="document")
    assert found(grouped) == ["a", "b"]
    assert grouped.items[0].passage_id == "a.1.1"
    assert len((await world.ask("a valve stops the water")).items) == 4
    assert len((await world.ask("a valve stops the water", limit=2)).items) == 2


async def test_the_past_is_searched_as_it_was() -> None:
    """As of a position, or a time, the version that was current then is found and named."""
    world = World()
    await world.begin({})
    await world.put("a", "Old ferns.", position=1)
    before = world.clock.now()
    world.clock.advance(60)
    maker = Maker(world.clock, "later")
    position = (await world.store.commit(maker.transaction("later"))).position
    await world.put("a", "New moss.", version=2, position=position)
    now = await world.ask("ferns moss")
    assert [(one.document_id, one.version) for one in now.items] == [("a", 2)]
    assert now.position is None
    for as_of in (AsOf(position=position - 1), AsOf(at=before)):
        then = await world.ask("ferns moss", as_of=as_of)
        assert [(one.version, one.text) for one in then.items] == [(1, "Old ferns.")]
        assert then.position is not None
    assert found(await world.ask("ferns", as_of=AsOf(at=before - timedelta(days=400)))) == []


async def test_tags_narrow_a_search() -> None:
    """Only documents with all of the tags are found."""
    world = World()
    await world.begin({})
    await world.put("a", "valve", tags=("x", "y"))
    await world.put("b", "valve", tags=("x",))
    assert sorted(found(await world.ask("valve", tags=("x",)))) == ["a", "b"]
    assert found(await world.ask("valve", tags=("x", "y"))) == ["a"]


async def test_a_question_of_blanks_is_refused() -> None:
    """There is nothing to look for; a question of signs alone is looked for by its vector."""
    world = World()
    await world.begin()
    with pytest.raises(InvalidInput):
        await world.ask(" \n")
    assert len((await world.ask("???")).items) == 4


async def test_an_answer_is_json() -> None:
    """What is answered can be written down."""
    world = World()
    await world.begin()
    assert b'"passage_id":"ferns.1.0"' in msgspec.json.encode(await world.ask("ferns"))


async def test_search_is_measured_by_questions_whose_documents_are_known() -> None:
    """The measures are those of each question's ranking, and their means; a question without an answer is refused."""
    world = World()
    await world.begin()
    measures = MeasureQueries(world.queries)
    questions = (
        LabelledQuestion(query="Where do ferns grow?", relevant={"ferns": 2.0}),
        LabelledQuestion(query="Which valve stops water?", relevant={"moss": 1.0, "nowhere": 1.0}),
    )
    found = await measures.measure(MeasureSearch(questions=questions, mode="lexical"), ANN)
    first, second = found.questions
    assert (first.ndcg_10, first.recall_100, first.reciprocal_rank_10, first.first) == (1.0, 1.0, 1.0, 1)
    assert (second.ndcg_10, second.recall_100, second.first) == (0.0, 0.0, None)
    assert (found.ndcg_10, found.recall_100, found.mrr_10, found.mode) == (0.5, 0.5, 0.5, "lexical")
    world.embedder.away = AWAY
    fallen = await measures.measure(MeasureSearch(questions=questions), ANN)
    assert (fallen.asked, fallen.mode, fallen.degraded is not None) == ("hybrid", "lexical", True)
    bad = (LabelledQuestion(query="x", relevant={"a": 0.0}),)
    with pytest.raises(InvalidInput):
        await measures.measure(MeasureSearch(questions=bad), ANN)
