"""The last stage of a search: what it puts in order, when it runs, and what is said when it cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.memory.passages import MemoryPassages
from autobot.contexts.knowledge.read_model.reranking import ASK_AGAIN_S, RerankRules
from autobot.contracts.inference import Ranked as Place
from autobot.contracts.inference import RankTexts, Reranked
from autobot.contracts.knowledge.search import RerankStage, SearchAnswer
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ConnectionLost, DeadlineExceeded
from autobot.kernel.event_store.transaction import Committed, Transaction
from autobot.testing.inference.ranking import HashingReranker
from autobot.testing.virtual_time import ManualClock
from tests.unit.contexts.knowledge.test_searching import ANN, AWAY, TEXTS, World, found

pytestmark = pytest.mark.anyio


def stage_of(answer: SearchAnswer) -> list[tuple[str, int | None]]:
    """Return each document with its rank in the rerank stage."""
    return [(one.document_id, one.stages.rerank.rank if one.stages.rerank else None) for one in answer.items]


async def test_a_model_that_reads_both_puts_the_best_in_order() -> None:
    """Its order comes first, with score and rank of the stage; what it was not given stays behind, as it was."""
    world = World()
    await world.begin()
    world.rules = RerankRules(passages=2)
    plain = await world.ask("moss ferns shade valve", rerank=False)
    turned = Turned(world.clock)
    world.use(turned)
    answer = await world.ask("moss ferns shade valve")
    assert stage_of(answer) == [
        (found(plain)[1], 1), (found(plain)[0], 2), *((one, None) for one in found(plain)[2:]),
    ]  # fmt: skip
    assert answer.items[0].score == answer.items[0].stages.rerank.score  # type: ignore[union-attr]
    assert [one.stages.fused.rank for one in answer.items] == [2, 1, 3, 4]  # type: ignore[union-attr]
    assert answer.rerank == RerankStage(by="cross-encoder", model="judge", passages=2)
    assert answer.took.rerank_ms is not None
    (request,) = turned.asked
    assert (request.query, request.by) == ("moss ferns shade valve", "cross-encoder")
    assert request.documents == tuple(TEXTS[one] for one in found(plain)[:2])
    assert (plain.rerank, plain.took.rerank_ms) == (None, None)


async def test_a_document_that_was_low_may_come_first() -> None:
    """More is judged than is wanted: what the other stages put behind the limit can be the best."""
    world = World()
    await world.begin()
    before = found(await world.ask("valve water", rerank=False))
    world.use(Turned(world.clock))
    assert found(await world.ask("valve water", limit=1)) == [before[-1]]
    assert found(await world.ask("valve water", limit=1, group="document")) == [before[-1]]


async def test_vectors_judge_for_who_asks_for_it_alone() -> None:
    """Where no model reads both, a search that says nothing has no such stage; one that asks has it by vectors."""
    world = World()
    await world.begin()
    assert (await world.ask("valve")).rerank is None
    asked = await world.ask("valve", rerank=True)
    assert asked.rerank == RerankStage(by="embedding", model="hashing", passages=4)
    assert [one.stages.rerank.score for one in asked.items] == pytest.approx(  # type: ignore[union-attr]
        [one.stages.vector.score for one in asked.items],
        abs=1e-6,  # type: ignore[union-attr]
    )
    world.rules = RerankRules(usual=False)
    world.use(HashingReranker(world.clock))
    assert (await world.ask("valve")).rerank is None
    assert (await world.ask("valve", rerank=True)).rerank is not None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionLost("The worker is gone.", link="ai-npu"), "connection-lost"),
        (DeadlineExceeded("Too slow."), "deadline-exceeded"),
    ],
)
async def test_without_the_stage_the_order_stays_and_the_answer_says_why(error: Exception, code: str) -> None:
    """The worker gone, or slower than it may be: the same results as without the stage, with cause and step."""
    world = World()
    await world.begin()
    plain = await world.ask("valve water")
    world.use(HashingReranker(world.clock))
    world.reranker.away = error
    answer = await world.ask("valve water")
    assert [(one.document_id, one.score) for one in answer.items] == [
        (one.document_id, one.score) for one in plain.items
    ]
    assert answer.rerank is not None
    assert (answer.rerank.by, answer.rerank.passages) == (None, 0)
    assert answer.rerank.left_out is not None
    assert answer.rerank.left_out.code == code
    assert answer.degraded is None
    assert all(one.stages.rerank is None for one in answer.items)


async def test_a_model_that_is_not_there_costs_no_further_search_anything() -> None:
    """Whether there is one is asked again after a while, and by whoever wants the stage at once."""
    world = World()
    await world.begin()
    for _ in range(3):
        assert (await world.ask("valve")).rerank is None
    assert len(world.reranker.asked) == 1
    await world.ask("valve", rerank=True)
    assert len(world.reranker.asked) == 2
    world.clock.advance(ASK_AGAIN_S)
    await world.ask("valve")
    assert len(world.reranker.asked) == 3


async def test_who_asks_for_a_stage_that_is_not_there_is_told() -> None:
    """Nobody is told of a model that they did not ask for; who did hears that there is none, and what adds it."""
    world = World()
    await world.begin()
    world.reranker.away = AWAY
    assert (await world.ask("valve")).rerank is None
    told = (await world.ask("valve", rerank=True)).rerank
    assert told is not None
    assert told.left_out is not None
    assert (told.left_out.code, told.left_out.hint) == ("absent", "autobot add npu")


async def test_the_stage_has_time_of_its_own_and_no_more_than_the_caller() -> None:
    """It gets what the rules give, or what is left of the caller's time; when that is spent there is no answer."""
    world = World()
    await world.begin()
    patient = Patient(world.clock)
    world.use(patient)
    now = world.clock.monotonic()
    await world.ask("valve")
    await world.ask("valve", replace(ANN, deadline=now + 0.5))
    assert patient.deadlines == [now + 2.0, now + 0.5]
    patient.away = DeadlineExceeded("The caller's time is spent.")
    with pytest.raises(DeadlineExceeded):
        await world.ask("valve", replace(ANN, deadline=now), mode="lexical")


async def test_an_order_that_is_none_is_not_taken() -> None:
    """A worker that leaves a passage out, or names one that there is not, changes nothing."""
    world = World()
    await world.begin()
    for places in ([0, 1, 2], [0, 1, 2, 2], [0, 1, 2, 4]):
        world.use(Odd(world.clock, places))
        answer = await world.ask("valve water")
        assert answer.rerank is not None
        assert answer.rerank.left_out is not None
        assert answer.rerank.left_out.code == "bad-answer"
        assert len(answer.items) == 4


class Turned(HashingReranker):
    """Thinks the contrary of what it is given first."""

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        self.asked.append(request)
        count = len(request.documents)
        ranking = tuple(Place(index=at, score=at / count) for at in reversed(range(count)))
        return Reranked(model="judge", by="cross-encoder", ranking=ranking, tokens=count)


class Odd(HashingReranker):
    """Names these places."""

    def __init__(self, clock: ManualClock, places: list[int]) -> None:
        super().__init__(clock)
        self._places = places

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        ranking = tuple(Place(index=at, score=0.5) for at in self._places)
        return Reranked(model="judge", by="cross-encoder", ranking=ranking, tokens=0)


class Patient(HashingReranker):
    """Notes until when it may think."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.deadlines: list[float | None] = []

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        self.deadlines.append(context.deadline)
        return await super().rerank(request, replace(context, deadline=None))


class SealedStore(MemoryEventStore):
    """Takes nothing more once it is sealed."""

    sealed = False

    async def commit(self, transaction: Transaction) -> Committed:
        assert not self.sealed, "a search wrote"
        return await super().commit(transaction)


class SealedIndex(MemoryPassages):
    """Takes nothing more once it is sealed."""

    sealed = False

    async def put(self, *given: Any, **named: Any) -> None:
        assert not self.sealed, "a search wrote"
        await super().put(*given, **named)

    async def retire(self, *given: Any, **named: Any) -> None:
        assert not self.sealed, "a search wrote"
        await super().retire(*given, **named)

    async def erase(self, *given: Any, **named: Any) -> None:
        assert not self.sealed, "a search wrote"
        await super().erase(*given, **named)


async def test_asking_again_changes_nothing() -> None:
    """What a row may repeat has no effect: store and index that take nothing more give the same answer each time, in every
    mode, with the stage by a model that reads, by vectors, and without it."""
    world = World()
    world.store, world.index = store, index = SealedStore(world.clock), SealedIndex()
    world.use(HashingReranker(world.clock, reads=False))
    await world.begin()
    store.sealed = index.sealed = True
    for reads in (True, False):
        world.use(HashingReranker(world.clock, reads=reads))
        for mode in ("hybrid", "lexical", "vector"):
            for rerank in (True, False, None):
                first, *again = [await world.ask("valve water", mode=mode, rerank=rerank) for _ in range(3)]
                assert again == [first, first]
    with pytest.raises(AssertionError, match="a search wrote"):
        await world.put("late", "A late text.")
