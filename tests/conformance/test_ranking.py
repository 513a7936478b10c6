"""What puts texts in order keeps its port's promises, and the suites find what does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from autobot.adapters.npu.model import NpuModels
from autobot.bootstrap.documents import FacadeReranker
from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.facade import ModelFacade, over_facade
from autobot.contexts.agents.ports import Chunk, Embeddings, GenerateRequest, ModelInfo, Ranker
from autobot.contexts.knowledge.ports.ranking import Reranker
from autobot.contracts.inference import InferenceReport, RankTexts, Reranked, RerankTexts
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import Absent
from autobot.kernel.links.direct import DirectTransport
from autobot.testing.conformance.ranking import RankerSuite, RerankerSuite
from autobot.testing.inference.hashing import MODEL, HashingInference
from autobot.testing.inference.ranking import JUDGE, HashingReranker
from autobot.testing.models.direct_links import DirectLinks
from autobot.testing.virtual_time import ManualClock
from tests.conformance.planted import found_by

CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)


class WithJudge(HashingInference):
    """A worker with one more slot, which reads question and text together."""

    async def report(self, context: CallContext) -> InferenceReport:
        found = await super().report(context)
        judge = replace(found.slots[0], model=JUDGE, task="rerank", dimensions=None)
        return replace(found, slots=(*found.slots, judge))

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        judged = request.model == JUDGE
        found = await super().rerank(replace(request, model="" if judged else request.model), context)
        return replace(found, model=JUDGE, by="cross-encoder") if judged else found


class Hashing(RerankerSuite):
    made: type[HashingReranker] = HashingReranker

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Reranker]:
        yield self.made(ManualClock(), reads=self.reads)

    def open(self) -> AbstractAsyncContextManager[Reranker]:
        return self._open()

    def context(self) -> CallContext:
        return CONTEXT


class TestHashingReranker(Hashing):
    pass


class TestHashingRerankerThatComparesVectors(Hashing):
    reads = False


class TestFacadeReranker(Hashing):
    """Over the row to the model facade, whose accelerator is in place of a real one."""

    worker: type[HashingInference] = WithJudge

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Reranker]:
        clock = ManualClock()
        links = DirectLinks(clock)
        models = NpuModels("ai-npu", self.worker(clock))
        facade = ModelFacade(Catalogue((models,), clock), links)
        links.serve("agents-llm", DirectTransport(facade.calls, facade.streams))
        links.serve("backend-models", DirectTransport(over_facade(facade)[0]))
        yield FacadeReranker(links.link("backend-models"))

    def test_the_model_is_named_with_its_provider(self) -> None:
        """The answer names the model as everybody names it."""
        assert self.ask("a", "a").model == f"npu:{JUDGE if self.reads else MODEL}"


class TestFacadeRerankerWithoutAJudge(TestFacadeReranker):
    worker, reads = HashingInference, False


class TestNpuRanker(RankerSuite):
    model = MODEL

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Ranker]:
        yield NpuModels("ai-npu", HashingInference(ManualClock()))

    def open(self) -> AbstractAsyncContextManager[Ranker]:
        return self._open()

    def context(self) -> CallContext:
        return CONTEXT


class Silent:
    """A provider that must not be asked for its models."""

    provider, link_id = "ollama", "ai-ollama"

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        raise AssertionError("it was asked for its models")

    def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        raise AssertionError

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        raise AssertionError


def test_a_provider_that_ranks_nothing_is_not_asked_for_its_models() -> None:
    """A search does not wait for the list of a model server that may be slow or away."""
    clock = ManualClock()
    catalogue = Catalogue((Silent(), NpuModels("ai-npu", WithJudge(clock))), clock)
    assert asyncio.run(catalogue.ranker(None, CONTEXT)).name == f"npu:{JUDGE}"
    with pytest.raises(Absent):
        asyncio.run(Catalogue((Silent(),), clock).ranker(None, CONTEXT))


class WorstFirst(HashingReranker):
    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        found = await super().rerank(request, context)
        return replace(found, ranking=found.ranking[::-1])


class LosesOne(HashingReranker):
    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        found = await super().rerank(request, context)
        return replace(found, ranking=found.ranking[:-1])


class SaysTheWrongJudge(HashingReranker):
    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        return replace(await super().rerank(request, context), by="cross-encoder")


class TakesAnything(HashingReranker):
    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        documents = tuple(one or "x" for one in request.documents) or ("x",)
        return await super().rerank(replace(request, documents=documents), context)


class NamesNoModel(HashingReranker):
    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        return replace(await super().rerank(request, context), model="")


@pytest.mark.parametrize(
    "fault",
    [WorstFirst, LosesOne, SaysTheWrongJudge, TakesAnything, NamesNoModel],
    ids=lambda one: one.__name__,
)
def test_each_planted_fault_is_found(fault: type[HashingReranker]) -> None:
    """Over a reranker with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (Hashing,), {"made": fault})()) != []
