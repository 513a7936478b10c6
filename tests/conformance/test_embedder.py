"""What makes vectors keeps its port's promises, and the suite finds what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from autobot.adapters.npu.model import NpuModels
from autobot.bootstrap.documents import FacadeEmbedder
from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.facade import ModelFacade, over_facade
from autobot.contexts.knowledge.ports.embedding import Embedder
from autobot.contracts.models import Embeddings
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.links.direct import DirectTransport
from autobot.testing.conformance.embedder import EmbedderSuite
from autobot.testing.inference.embedding import HashingEmbedder
from autobot.testing.inference.hashing import MODEL, HashingInference
from autobot.testing.models.direct_links import DirectLinks
from autobot.testing.virtual_time import ManualClock
from tests.conformance.planted import found_by


class Hashing(EmbedderSuite):
    made: type[HashingEmbedder] = HashingEmbedder

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Embedder]:
        yield self.made(ManualClock())

    def open(self) -> AbstractAsyncContextManager[Embedder]:
        return self._open()

    def context(self) -> CallContext:
        return CallContext(
            correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
        )


class TestHashingEmbedder(Hashing):
    pass


class TestFacadeEmbedder(Hashing):
    """Over the row to the model facade, whose accelerator is in place of a real one."""

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Embedder]:
        clock = ManualClock()
        links = DirectLinks(clock)
        models = NpuModels("ai-npu", HashingInference(clock))
        facade = ModelFacade(Catalogue((models,), clock), links)
        links.serve("agents-llm", DirectTransport(facade.calls, facade.streams))
        links.serve("backend-models", DirectTransport(over_facade(facade)[0]))
        yield FacadeEmbedder(links.link("backend-models"))

    def test_the_model_is_named_with_its_provider(self) -> None:
        """Vectors of two providers' models of one name are told apart."""
        (answer,) = self.ask(["a"])
        assert answer.model == f"npu:{MODEL}"


class TurnsThemAround(HashingEmbedder):
    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        found = await super().embed(texts, context)
        return replace(found, vectors=found.vectors[::-1])


class NamesTheModelByTheCall(HashingEmbedder):
    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        return replace(await super().embed(texts, context), model=f"model-{len(texts)}")


class TakesNothing(HashingEmbedder):
    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        return await super().embed(texts or ("x",), context)


class KnowsNoLikeness(HashingEmbedder):
    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        return await super().embed([one.replace(" ", "") for one in texts], context)


@pytest.mark.parametrize(
    "fault",
    [TurnsThemAround, NamesTheModelByTheCall, TakesNothing, KnowsNoLikeness],
    ids=lambda one: one.__name__,
)
def test_each_planted_fault_is_found(fault: type[HashingEmbedder]) -> None:
    """Over an embedder with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (Hashing,), {"made": fault})()) != []
