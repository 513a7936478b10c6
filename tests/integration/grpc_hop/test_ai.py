"""The model facade over gRPC: typed messages hold everything that the contracts can say."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from autobot.adapters.grpc.ai import ai_wires
from autobot.adapters.grpc.methods import AI_METHODS
from autobot.contexts.agents.facade import EMBED, GENERATE, MODELS, model_wires
from autobot.contracts.models import (
    Chunk,
    Citation,
    Embeddings,
    Finished,
    GenerateRequest,
    ModelMessage,
    ServedBy,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallsDelta,
    ToolSpec,
    Usage,
)
from autobot.contracts.runs import ModelChoice
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import BadAnswer, Interrupted, InvalidInput, Malformed
from autobot.kernel.links.wire import Wire
from tests.integration.grpc_hop.kit import role, transport
from tests.integration.role_hop.kit import CONTEXT

CALL = ToolCall(id="c-1", name="look", arguments={"at": [1, 2.5, None, "grüße"], "deep": {"a": True}})
SERVED = ServedBy(link="ai-ollama", target="http://a:1", provider="ollama", model="llama3", fallback=True)
FULL = GenerateRequest(
    model="ollama:llama3",
    messages=(
        ModelMessage(role="system", content="Be brief."),
        ModelMessage(role="user", content="", name="ann"),
        ModelMessage(role="assistant", content="", tool_calls=(CALL,)),
        ModelMessage(role="tool", content="😀", tool_call_id="c-1"),
    ),
    tools=(ToolSpec(name="look", description="Looks.", parameters={"type": "object"}),),
    tool_choice="required",
    max_tokens=7,
    temperature=0.0,
    top_p=1.0,
    stop=("a", "b"),
    seed=0,
    json_schema={},
    window=4096,
    reasoning="none",
    whole=True,
)
BARE = GenerateRequest(model="m", messages=(ModelMessage(role="user", content="hi"),))
CHUNKS: tuple[Chunk, ...] = (
    TextDelta(text=""),
    ThinkingDelta(text="hm"),
    TextDelta(text="grüße"),
    TextDelta(text="kept", cached="hit"),
    ThinkingDelta(text="hm, the same", cached="joined"),
    ToolCallsDelta(calls=(CALL, CALL)),
    Finished(
        reason="tool_calls",
        usage=Usage(prompt_tokens=0, completion_tokens=9),
        served_by=SERVED,
        citations=(Citation(title="t", source="s", excerpt="e"),),
        empty=True,
    ),
    Finished(reason="stop"),
)
PAYLOADS: tuple[tuple[str, Any], ...] = (
    (GENERATE.name, FULL),
    (GENERATE.name, BARE),
    (EMBED.name, ("m", ("a", ""))),
    (MODELS.name, None),
)
ANSWERS: tuple[tuple[str, Any], ...] = (
    *((GENERATE.name, one) for one in CHUNKS),
    (EMBED.name, Embeddings(model="m", vectors=[[0.1, -2.0], [1e-9, 3.0]], usage=Usage(), served_by=SERVED)),
    (EMBED.name, Embeddings(model="m", vectors=[], usage=Usage(prompt_tokens=3))),
    (
        MODELS.name,
        (
            ModelChoice(id="a", label="A", provider="p", link="ai-p", state="ready", window=8, default=True),
            ModelChoice(id="b", label="B", provider="p", link="ai-p", state="absent", detail="gone"),
            ModelChoice(id="c", label="C", provider="p", link="ai-p", state="unreachable"),
            ModelChoice(
                id="d", label="D", provider="p", link="ai-p", state="ready", generates=False, embeds=True
            ),
            ModelChoice(
                id="e", label="E", provider="p", link="ai-p", state="ready", generates=False, ranks=True
            ),
        ),
    ),
)


@pytest.mark.parametrize("wires", [ai_wires(), model_wires()], ids=["proto", "json"])
def test_both_wires_hold_the_same(wires: dict[str, Wire]) -> None:
    """Every payload and answer comes back equal, by the messages as by JSON."""
    for name, payload in PAYLOADS:
        wire = wires[name]
        assert wire.payload_of(wire.payload_bytes(payload)) == payload
    for name, answer in ANSWERS:
        wire = wires[name]
        assert wire.answer_of(None, wire.answer_bytes(answer)) == answer


def test_what_has_messages_is_an_operation_of_the_facade() -> None:
    """A method of its own leads to an operation that the facade has; others go as JSON."""
    assert ai_wires().keys() == {one.operation for one in AI_METHODS}
    assert ai_wires().keys() <= model_wires().keys()


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"\xff", Malformed), (b"\x12\x02\x08\x63", InvalidInput), (b'\x1a\x05\x1a\x03"a"', InvalidInput)],
    ids=["no message", "unknown role", "parameters that are no object"],
)
def test_what_no_request_can_be_is_refused(body: bytes, error: type[Exception]) -> None:
    """Garbage is malformed, and values outside of the contract are invalid."""
    with pytest.raises(error) as found:
        ai_wires()[GENERATE.name].payload_of(body)
    assert type(found.value) is error


@pytest.mark.parametrize(
    "body", [b"\xff", b"", b"\x22\x02\x08\x63"], ids=["garbage", "no kind", "unknown reason"]
)
def test_what_no_chunk_can_be_is_a_bad_answer(body: bytes) -> None:
    """A chunk of a kind that is not known here is never passed on as something else."""
    with pytest.raises(BadAnswer):
        ai_wires()[GENERATE.name].answer_of(None, body)


async def read(chunks: AsyncIterator[Chunk], got: list[Chunk]) -> None:
    """Take chunks until there are no more."""
    async for chunk in chunks:
        got.append(chunk)


@pytest.mark.anyio
async def test_tokens_stream_and_a_break_is_told_after_them() -> None:
    """What was generated before a failure arrives, then the failure as what it was; nothing is begun again."""
    begun: list[GenerateRequest] = []

    async def generate(payload: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        begun.append(payload)
        for one in CHUNKS[:3]:
            yield one
        raise Interrupted("cut", hint="Ask again.")

    got: list[Chunk] = []
    async with (
        role({}, {"generate": generate}, wires=ai_wires(), methods=AI_METHODS) as served,
        transport(ai_wires(), methods=AI_METHODS) as made,
    ):
        chunks = made.stream(served.address, GENERATE, FULL, CONTEXT)
        with pytest.raises(Interrupted) as found:
            await read(chunks, got)
    assert (found.value.detail, found.value.hint) == ("cut", "Ask again.")
    assert got == list(CHUNKS[:3])
    assert begun == [FULL]


@pytest.mark.anyio
async def test_calls_of_the_facade_cross_typed() -> None:
    """Embedding and the list of models are asked by their own methods."""

    async def embed(payload: Any, context: CallContext) -> Embeddings:
        model, texts = payload
        vectors = tuple((float(len(text)),) for text in texts)
        return Embeddings(model=model, vectors=vectors, usage=Usage())

    async def models(payload: Any, context: CallContext) -> tuple[ModelChoice, ...]:
        return ANSWERS[-1][1]  # type: ignore[no-any-return]

    async with (
        role({"embed": embed, "models": models}, {}, wires=ai_wires(), methods=AI_METHODS) as served,
        transport(ai_wires(), methods=AI_METHODS) as made,
    ):
        found = await made.call(served.address, EMBED, ("m", ("a", "bc")), CONTEXT)
        assert found.vectors == [[1.0], [2.0]]
        assert await made.call(served.address, MODELS, None, CONTEXT) == ANSWERS[-1][1]
