"""Another model that embeds, of the same name or not: what its vectors are worth, and documents that have those of before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.embedding import JudgedEmbedder, Space
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge import search
from autobot.contracts.models import Embeddings
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import BadAnswer
from autobot.testing.inference.embedding import HashingEmbedder
from autobot.testing.virtual_time import ManualClock
from tests.unit.contexts.kit import HandClock, context_of
from tests.unit.contexts.knowledge.world import World

pytestmark = pytest.mark.anyio


class Turned:
    """A model whose answers are turned into others, under a name."""

    def __init__(self, name: str, turn: Callable[[list[Sequence[float]]], list[Sequence[float]]]) -> None:
        self._inner, self._turn = HashingEmbedder(HandClock(), name), turn

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed, and turn what came."""
        made = await self._inner.embed(texts, context)
        return replace(made, vectors=self._turn([list(one) for one in made.vectors]))


FLAWS = {
    "without a direction": lambda found: [[0.0] * len(one) for one in found],
    "no numbers": lambda found: [[float("nan")] * len(one) for one in found],
    "of several lengths": lambda found: [one[: len(one) - at] for at, one in enumerate(found)],
    "too few": lambda found: found[1:],
    "empty": lambda found: [[] for _ in found],
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_vectors_that_cannot_be_compared_are_the_models_fault(flaw: str) -> None:
    """They are a bad answer, whatever is wrong with them."""
    embedder = JudgedEmbedder(Turned("m", FLAWS[flaw]), ManualClock())
    with pytest.raises(BadAnswer):
        await embedder.embed(("one", "two"), context_of())
    assert embedder.steady(0) is None


async def test_a_document_outlives_a_model_that_answers_nonsense() -> None:
    """It is ready by its words, searches say why meaning is out, and it gets vectors when the model is well again."""
    world = World(Turned("m", FLAWS["without a direction"]))
    world.embedder.there = True
    async with world.working(vectors_s=0.01):
        made = await world.add("Herons wade in shallow water.")
        view = await world.settled(made.id)
        assert (view.status, view.words_only) == ("ready", True)
        found = await world.ask(search.SearchKnowledge(query="herons"))
        assert found.degraded.code == "bad-answer"
        assert [one.document_id for one in found.items] == [made.id]
        world.embedder.inner = HashingEmbedder(HandClock(), "m")
        await has(world, made.id, "m")


async def has(world: World, document_id: str, model: str, dimensions: int | None = None) -> None:
    """Wait until a document has the vectors of a model, and waits for no others."""
    async with asyncio.timeout(30):
        while True:
            view = await world.ask(contract.GetDocument(id=document_id))
            report = await world.index.measure()
            lengths = {one.dimensions for one in report.models}
            waits = await Library(world.store).in_queue(document_id)
            if (view.model, len(report.models), waits) == (model, 1, None) and dimensions in (None, *lengths):
                return
            await asyncio.sleep(0)


async def by_meaning(world: World, query: str) -> list[str]:
    """Return the documents that a search by vectors finds."""
    found = await world.ask(search.SearchKnowledge(query=query, mode="vector"))
    return [one.document_id for one in found.items]


@pytest.mark.parametrize("name", ["other", "first"])
async def test_documents_get_the_vectors_of_the_model_that_answers_now(name: str) -> None:
    """Another model, or another one of the same name and of another length: a search by meaning finds them again."""
    world = World(HashingEmbedder(HandClock(), "first"))
    world.embedder.there = True
    async with world.working(vectors_s=0.01, steady_s=0):
        made = await world.add("Herons wade in shallow water.")
        await world.settled(made.id)
        assert await by_meaning(world, "herons") == [made.id]
        world.embedder.inner = Turned(name, lambda found: [one[:30] for one in found])
        await by_meaning(world, "ferns")
        await has(world, made.id, name, 30)
        assert await by_meaning(world, "herons") == [made.id]
        view = await world.ask(contract.GetDocument(id=made.id))
        assert (view.status, view.version) == ("ready", 1)
        world.embedder.inner = HashingEmbedder(HandClock(), "first")
        await by_meaning(world, "ferns")
        await has(world, made.id, "first")


async def test_a_model_that_is_away_for_a_while_costs_nothing() -> None:
    """Only what answers alone for the whole time counts as the model of now."""
    clock, models = ManualClock(), [HashingEmbedder(HandClock(), one) for one in ("usual", "standby")]
    said: list[str] = []

    class Either:
        async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
            return await models[said[-1] == "standby"].embed(texts, context)

    embedder = JudgedEmbedder(Either(), clock)

    async def asked(name: str, after_s: float) -> Space | None:
        said.append(name)
        clock.advance(after_s)
        await embedder.embed(("a text",), context_of())
        return embedder.steady(600)

    dimensions = len((await models[0].embed(("a text",), context_of())).vectors[0])
    assert await asked("usual", 0) is None
    assert await asked("usual", 600) == Space("usual", dimensions)
    assert await asked("standby", 10) is None
    assert await asked("standby", 500) is None
    assert await asked("usual", 10) is None
    assert await asked("usual", 599) is None
    assert await asked("usual", 1) == Space("usual", dimensions)
