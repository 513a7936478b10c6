"""A set whose vectors cannot be compared in time is searched by words, which says so, until a graph finds its vectors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.postgres.driver import connect
from autobot.adapters.postgres.passages import COMPARED, COMPARING, PostgresPassages
from autobot.adapters.usearch.passages import NearOptions, NearPassages
from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.ports.documents import Library, put_collection
from autobot.contexts.knowledge.ports.index import Hit, PassageIndex, Vector, Where
from autobot.contexts.knowledge.read_model.reranking import Reranking, RerankRules
from autobot.contexts.knowledge.read_model.searching import SearchQueries
from autobot.contracts.knowledge.search import SearchKnowledge
from autobot.contracts.models import Embeddings, Usage
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import AttemptTimeout, Preparing
from autobot.testing.conformance.passage_index_base import passages_of, version_of
from autobot.testing.inference.ranking import HashingReranker
from autobot.testing.messages import Maker
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]
DOCUMENTS, EACH, DIMENSIONS = 8, 500, 384
"""The server needs some 180 ms of a core to compare so many."""
COMPARE_S = 0.02
WAIT_S = 60.0
CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)


class Fixed:
    """Implements `Embedder`: one vector for every text."""

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        rows = [[1.0] * DIMENSIONS for _ in texts]
        return Embeddings(model="made", vectors=rows, usage=Usage())


class Counting(PostgresPassages):
    """Counts how often vectors were compared."""

    comparisons = 0

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        self.comparisons += 1
        return await super().nearest(vector, where, limit)


@asynccontextmanager
async def filled(
    url: str, *, documents: int = DOCUMENTS, compare_s: float = COMPARE_S, compared: int = COMPARED
) -> AsyncIterator[Counting]:
    """Yield an index that holds many vectors; if nothing else is said, it gives comparing them hardly any time."""
    index = await Counting.open(url, compare_s=compare_s, compared=compared)
    try:
        chance = random.Random(7)
        for number in range(documents):
            version = version_of(f"d{number}", model="made")
            texts = [f"valve {one}" for one in range(EACH)]
            vectors = [[chance.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(EACH)]
            await index.put(version, passages_of(version, *texts), vectors)
        yield index
    finally:
        await index.close()


async def searching(index: PassageIndex) -> SearchQueries:
    """Return the product's search over an index."""
    clock = ManualClock()
    store = MemoryEventStore(clock)
    shelf = Collection(id="shelf", name="shelf", owner="ann", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    await store.commit(Maker(clock).transaction("shelf", writes=(put_collection(shelf, 0),)))

    async def rules() -> RerankRules:
        return RerankRules(usual=False)

    reranking = Reranking(index, HashingReranker(clock, reads=False), rules, clock)
    return SearchQueries(store, Library(store), index, Fixed(), reranking, clock)


async def test_words_answer_until_there_is_a_graph(postgres: Cluster, tmp_path: Path) -> None:
    """Hybrid search goes by words and tells why, vectors alone are told as too slow; with the graph both are answered."""
    async with filled(postgres.database()) as store:
        near = NearPassages(store, tmp_path, NearOptions(least=1000))
        queries = await searching(near)
        asked = SearchKnowledge(query="valve 7", collection="shelf")
        early = await queries.search(asked, CONTEXT)
        assert (early.asked, early.mode, early.model) == ("hybrid", "lexical", "")
        assert early.degraded is not None
        assert early.degraded.code == "upstream-timeout"
        assert early.degraded.hint is not None
        assert early.items[0].text == "valve 7"
        assert all(one.stages.vector is None for one in early.items)
        assert early.took.vector_ms is not None
        by_meaning = SearchKnowledge(query="valve 7", collection="shelf", mode="vector")
        with pytest.raises(AttemptTimeout):
            await queries.search(by_meaning, CONTEXT)
        assert await near.tend() == ["made"]
        later = await queries.search(asked, CONTEXT)
        assert (later.mode, later.model, later.degraded) == ("hybrid", "made", None)
        assert len((await queries.search(by_meaning, CONTEXT)).items) == by_meaning.limit


async def test_what_cannot_be_compared_in_time_is_not_begun(postgres: Cluster, tmp_path: Path) -> None:
    """Above a number of vectors hybrid search goes by words and the other is told when to ask again, both at once."""
    async with filled(
        postgres.database(), documents=2, compare_s=WAIT_S, compared=EACH * DIMENSIONS
    ) as store:
        near = NearPassages(store, tmp_path, NearOptions(least=EACH), store.too_many)
        queries = await searching(near)
        asked = SearchKnowledge(query="valve 7", collection="shelf")
        by_meaning = SearchKnowledge(query="valve 7", collection="shelf", mode="vector")
        early = await queries.search(asked, CONTEXT)
        with pytest.raises(Preparing) as told:
            await queries.search(by_meaning, CONTEXT)
        assert store.comparisons == 0
        assert (early.asked, early.mode, early.model) == ("hybrid", "lexical", "")
        assert early.degraded is not None
        assert (early.degraded.code, early.degraded.hint) == ("preparing", told.value.hint)
        assert early.items[0].text == "valve 7"
        await near.tend()
        later = await queries.search(asked, CONTEXT)
        assert (later.mode, later.model, later.degraded) == ("hybrid", "made", None)
        assert len((await queries.search(by_meaning, CONTEXT)).items) == by_meaning.limit


async def test_the_number_of_vectors_is_that_of_those_that_may_be_searched(postgres: Cluster) -> None:
    """A small part of a large set, another model, other numbers in a vector: none of them is too many."""
    async with filled(postgres.database(), documents=2, compared=EACH * DIMENSIONS) as store:
        shelf = Where(collections=("shelf",), model="made")
        assert await store.too_many(shelf, DIMENSIONS)
        assert not await store.too_many(replace(shelf, documents=("d1",)), DIMENSIONS)
        assert not await store.too_many(replace(shelf, collections=("cellar",)), DIMENSIONS)
        assert not await store.too_many(replace(shelf, model="another"), DIMENSIONS)
        assert not await store.too_many(shelf, DIMENSIONS - 1)
        await store.retire("d1", 7)
        assert not await store.too_many(shelf, DIMENSIONS)


async def test_comparing_holds_up_nothing_else(postgres: Cluster) -> None:
    """While more comparisons are held than there are connections for them, other questions to the index are answered."""
    url = postgres.database()
    async with filled(url, documents=1, compare_s=WAIT_S) as index:
        where = Where(collections=("shelf",), model="made")
        holder = await connect(url, "holder")
        try:
            await holder.execute("BEGIN; LOCK TABLE autobot_passages.passages IN ACCESS EXCLUSIVE MODE")
            async with asyncio.TaskGroup() as group:
                calls = [index.nearest([1.0] * DIMENSIONS, where, 10) for _ in range(2 * COMPARING)]
                comparing = [group.create_task(one) for one in calls]
                held = f"SELECT count(*) >= {COMPARING} FROM pg_locks WHERE NOT granted"
                while await asyncio.to_thread(postgres.sql, held) != "t":
                    await asyncio.sleep(0.01)
                assert await index.asked("valves") == ("valv",)
                assert not any(one.done() for one in comparing)
                await holder.execute("ROLLBACK")
            assert [len(one.result()) for one in comparing] == [10] * (2 * COMPARING)
        finally:
            await holder.close()
