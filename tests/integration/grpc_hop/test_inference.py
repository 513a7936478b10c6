"""A worker for inference over gRPC keeps the port's promises, and embeds in bulk both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from autobot.adapters.grpc.generated.autobotapi.inference.v1 import inference_pb2
from autobot.adapters.grpc.inference import inference_proto_wires
from autobot.adapters.grpc.methods import INFERENCE_METHODS
from autobot.adapters.grpc.transport import GrpcTransport
from autobot.adapters.system.clock import SystemClock
from autobot.contracts.inference import (
    Classified,
    ClassifyTexts,
    CompareTexts,
    Device,
    Embedded,
    EmbedMany,
    EmbedTexts,
    InferenceReport,
    Load,
    Prototype,
    Ranked,
    Reranked,
    RerankTexts,
    Similarities,
    Slot,
    Verdict,
    WarmUp,
    vectors_of,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import BadAnswer, InvalidInput
from autobot.kernel.resilience.operation import Operation
from autobot.testing.conformance.inference import InferenceSuite, Subject
from autobot.testing.inference.hashing import MODEL, WINDOW, HashingInference
from autobot.workers.npu.bulk import EMBED_EXCHANGE, EMBED_STREAM, bulk_wires, streams_of
from autobot.workers.npu.ports import (
    CLASSIFY,
    EMBED,
    REPORT,
    RERANK,
    SIMILARITY,
    WARM_UP,
    calls_of,
    inference_wires,
)
from tests.integration.grpc_hop.kit import role, transport
from tests.integration.role_hop.kit import CONTEXT

WIRES = inference_proto_wires()
VECTORS = vectors_of([(0.5, -1.0), (0.25, 3.0)])
SLOT = Slot(
    model="minilm", task="embed", state="ready", window=256, dimensions=384, device="CPU", precision="f32",
    loaded_s=0.25, source="wheel",
)  # fmt: skip
LOAD = Load(
    waiting=1, waiting_max=2, texts=3, tokens=4, batches=5, hits=7, refused=6, texts_per_second=0.5, batch_mean=1.5,
    compute_ms_mean=2.5, window_s=10.0,
)  # fmt: skip
PAYLOADS: tuple[tuple[Operation, Any], ...] = (
    (EMBED, EmbedTexts(texts=("a", "grüße"), model="minilm")),
    (EMBED_STREAM, EmbedMany(texts=("a", "b", "c"), step=2)),
    (EMBED_EXCHANGE, EmbedTexts(texts=("a",))),
    (SIMILARITY, CompareTexts(texts=("a",), others=("b", "c"), model="m")),
    (CLASSIFY, ClassifyTexts(texts=("a",), classes=(Prototype(label="x", examples=("b", "c")),))),
    (RERANK, RerankTexts(query="q", documents=("a", "b"), top=1)),
    (RERANK, RerankTexts(query="q", documents=("a",))),
    (REPORT, None),
    (WARM_UP, WarmUp(model="m")),
)
EMBEDDED = Embedded(model="m", vectors=VECTORS, tokens=7, truncated=(1,))
ANSWERS: tuple[tuple[Operation, Any], ...] = (
    (EMBED, EMBEDDED),
    (EMBED_STREAM, EMBEDDED),
    (EMBED_EXCHANGE, EMBEDDED),
    (SIMILARITY, Similarities(model="m", cosines=VECTORS, tokens=0)),
    (CLASSIFY, Classified(model="m", verdicts=(Verdict(label="x", confidence=0.1, margin=2.0, scores=(0.1, -1.0)),), tokens=1)),
    (RERANK, Reranked(model="m", by="cross-encoder", ranking=(Ranked(index=3, score=-9.5),), tokens=2)),
    (RERANK, Reranked(model="m", by="embedding", ranking=(), tokens=2, truncated=(0, 2))),
    (WARM_UP, SLOT),
    (
        REPORT,
        InferenceReport(
            version="1", runtime="2", devices=(Device(id="NPU", name="n"),),
            slots=(SLOT, Slot(model="r", task="rerank", state="absent", window=512, error="gone")),
            load=LOAD, memory_bytes=1 << 40, uptime_s=0.5,
        ),
    ),
)  # fmt: skip


@pytest.mark.parametrize("wires", [WIRES, {**inference_wires(), **bulk_wires()}], ids=["proto", "json"])
def test_both_wires_hold_the_same(wires: Any) -> None:
    """Every payload and answer comes back equal, by the messages as by JSON."""
    for operation, payload in PAYLOADS:
        wire = wires[operation.name]
        assert wire.payload_of(wire.payload_bytes(payload)) == payload
    for operation, answer in ANSWERS:
        wire = wires[operation.name]
        assert wire.answer_of(None, wire.answer_bytes(answer)) == answer


def test_the_same_operations_have_messages_as_have_json() -> None:
    """No operation of a worker is left to one wire alone."""
    json = inference_wires().keys() | bulk_wires().keys()
    assert WIRES.keys() == json == {one.operation for one in INFERENCE_METHODS}


def test_vectors_that_are_no_rows_are_a_bad_answer() -> None:
    """Seven bytes are no vector of any length."""
    torn = inference_pb2.Vectors(dimensions=2, data=b"1234567")
    body = inference_pb2.EmbedResponse(model="m", vectors=torn).SerializeToString()
    with pytest.raises(BadAnswer):
        WIRES[EMBED.name].answer_of(None, body)


class OverTransport:
    """Implements `Inference` by calls on a transport."""

    def __init__(self, carried: GrpcTransport, target: str) -> None:
        self._carried, self._target = carried, target

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        return await self._carried.call(self._target, EMBED, request, context)

    async def similarity(self, request: CompareTexts, context: CallContext) -> Similarities:
        return await self._carried.call(self._target, SIMILARITY, request, context)

    async def classify(self, request: ClassifyTexts, context: CallContext) -> Classified:
        return await self._carried.call(self._target, CLASSIFY, request, context)

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        return await self._carried.call(self._target, RERANK, request, context)

    async def report(self, context: CallContext) -> InferenceReport:
        return await self._carried.call(self._target, REPORT, None, context)

    async def warm_up(self, request: WarmUp, context: CallContext) -> Slot:
        return await self._carried.call(self._target, WARM_UP, request, context)


@asynccontextmanager
async def worker(path: str | None = None) -> AsyncIterator[tuple[GrpcTransport, str]]:
    """A worker that serves, and a transport to it."""
    inference = HashingInference(SystemClock())
    async with (
        role(
            calls_of(inference), streams_of(inference), wires=WIRES, methods=INFERENCE_METHODS, path=path
        ) as served,
        transport(WIRES, methods=INFERENCE_METHODS) as made,
    ):
        yield made, served.address


class TestInferenceOverGrpc(InferenceSuite):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Subject]:
        async with worker() as (made, target):
            yield Subject(
                inference=OverTransport(made, target),
                context=CONTEXT,
                model=MODEL,
                long=" ".join(f"word{number}" for number in range(WINDOW + 8)),
            )

    def open(self) -> AbstractAsyncContextManager[Subject]:
        return self._open()


@pytest.mark.anyio
async def test_very_many_texts_come_in_steps() -> None:
    """Each step holds the vectors of its own texts, and all of them together are what single calls give."""
    texts = tuple(f"text number {number}" for number in range(25))
    async with worker() as (made, target):
        asked = EmbedMany(texts=texts, step=8)
        steps = [one async for one in made.stream(target, EMBED_STREAM, asked, CONTEXT)]
        assert [len(one.vectors) for one in steps] == [8, 8, 8, 1]
        whole = await made.call(target, EMBED, EmbedTexts(texts=texts), CONTEXT)
        assert b"".join(one.vectors.data for one in steps) == whole.vectors.data


@pytest.mark.anyio
async def test_requests_are_answered_one_by_one_as_they_come() -> None:
    """An exchange goes on both ways at once: an answer is there before the next request is made."""
    made_so_far: list[int] = []

    def requests() -> Iterator[EmbedTexts]:
        for number in range(5):
            made_so_far.append(number)
            yield EmbedTexts(texts=(f"text {number}",) * (number + 1))

    async with worker() as (made, target):
        answers = made.stream(target, EMBED_EXCHANGE, requests(), CONTEXT)
        assert made_so_far == []
        assert [len(one.vectors) async for one in answers] == [1, 2, 3, 4, 5]


@pytest.mark.anyio
async def test_a_wrong_request_ends_an_exchange_after_the_answers_before_it() -> None:
    """What was asked before it is answered; then the refusal comes as what it is."""
    got: list[Embedded] = []

    async def read(answers: AsyncIterator[Embedded]) -> None:
        async for one in answers:
            got.append(one)

    async with worker() as (made, target):
        requests = (EmbedTexts(texts=("a",)), EmbedTexts(texts=()), EmbedTexts(texts=("b",)))
        answers = made.stream(target, EMBED_EXCHANGE, requests, CONTEXT)
        with pytest.raises(InvalidInput):
            await read(answers)
        assert len(got) == 1
        deadline = asyncio.get_running_loop().time() + 60
        late = made.stream(target, EMBED_EXCHANGE, (), replace(CONTEXT, deadline=deadline))
        assert [one async for one in late] == []
