"""Generating, embedding, reranking and searching change nothing, and so a row asks again for them: the next life of a process
that was killed in the middle, or another process, until the first chunk of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from autobot.contexts.agents.facade import EMBED, GENERATE, SAME, model_wires
from autobot.contexts.agents.ranking import RERANK
from autobot.contracts.inference import Ranked, RankTexts, Reranked, RerankTexts
from autobot.contracts.knowledge.search import SearchAnswer, SearchKnowledge, Took
from autobot.contracts.models import Embeddings, Finished, GenerateRequest, ModelMessage, TextDelta, Usage
from autobot.kernel.commands.decision import QuerySpec
from autobot.kernel.commands.linked import QUERY
from autobot.kernel.commands.wire import bus_wires
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ConnectionLost
from autobot.kernel.links.wire import Wire
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.workers.npu import ports as worker
from tests.integration.role_hop.kit import CONTEXT, Role, role
from tests.integration.role_hop.test_row import row

pytestmark = pytest.mark.anyio


async def _search(query: SearchKnowledge, context: CallContext) -> SearchAnswer:
    return FOUND


FOUND = SearchAnswer(
    items=(),
    asked="hybrid",
    mode="hybrid",
    group="passage",
    model="m",
    position=None,
    took=Took(total_ms=1.0),
)
ORDER = Reranked(model="m", by="cross-encoder", ranking=(Ranked(index=0, score=0.5),), tokens=3)
MODELS: Mapping[str, Wire] = model_wires()
SEARCHES: Mapping[str, Wire] = bus_wires(
    (), (QuerySpec(query=SearchKnowledge, action="knowledge:read", handler=_search),)
)
WISH = GenerateRequest(model="m", messages=(ModelMessage(role="user", content="Hello"),))


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as a row carries it, what is asked, and what is answered."""

    operation: Operation
    wires: Mapping[str, Wire]
    payload: Any
    answer: Any


CALLS: Mapping[str, Asked] = {
    "embed": Asked(
        EMBED,
        MODELS,
        ("m", ("a",)),
        Embeddings(model="m", vectors=[[1.0, 0.5]], usage=Usage(prompt_tokens=1)),
    ),
    "rerank": Asked(RERANK, MODELS, RankTexts(query="a", documents=("b",)), ORDER),
    "rerank at a worker": Asked(
        worker.RERANK, worker.inference_wires(), RerankTexts(query="a", documents=("b",)), ORDER
    ),
    "search": Asked(QUERY, SEARCHES, SearchKnowledge(query="a", rerank=True), FOUND),
}
RETRY = {"retry": {"max": 1, "delay": 0.001}, "idempotency": "effect-free"}


@pytest.mark.parametrize("one", CALLS.values(), ids=CALLS)
async def test_a_call_that_broke_off_is_asked_again(one: Asked) -> None:
    """Cut in the middle of the work, the row's one retry has the answer; without a retry in the row the caller is told."""
    times = 0
    async with AsyncExitStack() as stack:
        served: Role

        async def breaks(payload: Any, context: CallContext) -> Any:
            nonlocal times
            times += 1
            assert payload == one.payload
            if times in (1, 3):
                served.kill()
            return one.answer

        served = await stack.enter_async_context(role({one.operation.name: breaks}, wires=one.wires))
        patient = await stack.enter_async_context(row(dict(one.wires), served.address, **RETRY))
        assert await patient.link("gateway-backend").call(one.operation, one.payload, CONTEXT) == one.answer
        assert times == 2
        plain = await stack.enter_async_context(row(dict(one.wires), served.address))
        with pytest.raises(ConnectionLost):
            await plain.link("gateway-backend").call(one.operation, one.payload, CONTEXT)
        assert times == 3


@pytest.mark.parametrize("one", CALLS.values(), ids=CALLS)
async def test_another_process_answers_for_one_that_breaks_off(one: Asked) -> None:
    """One of two cuts every call in the middle: each call is answered, by the other where it began at the first."""
    began: list[str] = []
    async with AsyncExitStack() as stack:
        broken: Role

        async def breaks(payload: Any, context: CallContext) -> Any:
            began.append("broken")
            broken.kill()
            return one.answer

        async def answers(payload: Any, context: CallContext) -> Any:
            began.append("well")
            return one.answer

        broken = await stack.enter_async_context(role({one.operation.name: breaks}, wires=one.wires))
        well = await stack.enter_async_context(role({one.operation.name: answers}, wires=one.wires))
        registry = await stack.enter_async_context(
            row(
                dict(one.wires),
                broken.address,
                well.address,
                endpoint={"policy": "round_robin"},
                breaker={"failures": 100, "window": 60.0},
                **RETRY,
            )
        )
        link = registry.link("gateway-backend")
        for _ in range(4):
            assert await link.call(one.operation, one.payload, CONTEXT) == one.answer
    assert began.count("well") == 4
    assert began.count("broken") >= 1


@pytest.mark.parametrize("operation", [GENERATE, SAME], ids=["generate", "generate what others ask, too"])
@pytest.mark.parametrize("said", [0, 1], ids=["before the first chunk", "after it"])
async def test_a_stream_is_begun_again_until_its_first_chunk(operation: Operation, said: int) -> None:
    """Cut before anything came, the next attempt tells the whole; cut after a chunk, the caller is told and nobody asked."""
    times = 0
    async with AsyncExitStack() as stack:
        served: Role

        async def breaks(payload: Any, context: CallContext) -> AsyncIterator[Any]:
            nonlocal times
            times += 1
            for number in range(2):
                if times == 1 and number == said:
                    served.kill()
                yield TextDelta(text=f"{number}")
            yield Finished(reason="stop")

        served = await stack.enter_async_context(role({}, {operation.name: breaks}, wires=MODELS))
        registry = await stack.enter_async_context(row(dict(MODELS), served.address, **RETRY))
        text = []

        async def read() -> None:
            async for chunk in registry.link("gateway-backend").stream(operation, WISH, CONTEXT):
                if isinstance(chunk, TextDelta):
                    text.append(chunk.text)

        if said == 0:
            await read()
            assert (text, times) == (["0", "1"], 2)
        else:
            with pytest.raises(ConnectionLost):
                await read()
            assert (text, times) == (["0"], 1)


def test_they_are_declared_to_change_nothing() -> None:
    """Every operation of the models and of a worker is declared free of effects, and so is every query."""
    named = [EMBED, RERANK, GENERATE, SAME, QUERY]
    named += [value for value in vars(worker).values() if isinstance(value, Operation)]
    assert {one.name for one in named} >= {"generate", "embed", "rerank", "query", "classify", "similarity"}
    assert all(one.effect is Effect.FREE for one in named)
