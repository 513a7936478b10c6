"""The OpenAI adapter over a scripted link: what it sends, and how it reads what comes back."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.adapters.openai.model import OpenAIModels, OpenAIOptions, options_for
from autobot.contracts.models import (
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
from autobot.kernel.core.errors import (
    AutoBotError,
    BadAnswer,
    ConfigurationError,
    ConnectionLost,
    InvalidInput,
    NotFound,
    RemoteError,
    RemoteThrottled,
)
from autobot.testing.models.contexts import CONTEXT, ask, collect, text_of
from autobot.testing.models.scripted_link import Reply, Script, ScriptedLink, always, by_path

pytestmark = pytest.mark.anyio

TARGET = "http://127.0.0.1:8080"
SERVED = ServedBy(link="ai-scripted", target=TARGET, provider="openai", model="tiny")


def adapter(script: Script, key: str | None = None) -> tuple[OpenAIModels, ScriptedLink]:
    """An adapter and the link under it."""
    link = ScriptedLink(script)
    return OpenAIModels(link, OpenAIOptions(target=TARGET), lambda: key), link


def event(document: Any) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def delta(reason: str | None = None, **members: Any) -> bytes:
    """A chunk with this delta."""
    return event({"choices": [{"index": 0, "delta": members, "finish_reason": reason}]})


USAGE = event({"choices": [], "usage": {"prompt_tokens": 22, "completion_tokens": 4}})
DONE = b"data: [DONE]\n\n"
ANSWER = b": hello\n\n" + b"".join(
    [
        delta(role="assistant", content=None),
        delta(content="Grüße, "),
        delta(content="🦊!"),
        delta("stop"),
        USAGE,
        DONE,
    ]
)


async def test_a_streamed_answer_is_read_with_its_usage_and_who_served_it() -> None:
    """Text that arrived in one piece is one delta; the end waits for the usage that follows the last one."""
    model, _ = adapter(always(ANSWER))
    assert await collect(model.generate(ask(), CONTEXT)) == [
        TextDelta(text="Grüße, 🦊!"),
        Finished(reason="stop", usage=Usage(prompt_tokens=22, completion_tokens=4), served_by=SERVED),
    ]


async def test_text_is_given_piece_by_piece_and_before_what_breaks_behind_it() -> None:
    """Each piece of the network is a delta at once, also when garbage follows in the same piece."""
    model, _ = adapter(always(delta(content="a"), delta(content="b") + b"data: garbage\n\n"))
    seen: list[object] = []

    async def listen() -> None:
        async for chunk in model.generate(ask(), CONTEXT):
            seen.append(chunk)

    with pytest.raises(BadAnswer):
        await listen()
    assert seen == [TextDelta(text="a"), TextDelta(text="b")]


@given(cuts=st.lists(st.integers(0, len(ANSWER)), max_size=8))
async def test_any_cutting_gives_the_same_answer(cuts: list[int]) -> None:
    """Whatever the network does to the pieces, the answer stays the same."""
    edges = [0, *sorted(cuts), len(ANSWER)]
    model, _ = adapter(always(*[ANSWER[low:high] for low, high in itertools.pairwise(edges)]))
    assert text_of(await collect(model.generate(ask(), CONTEXT))) == "Grüße, 🦊!"


async def test_tool_calls_are_put_together_from_their_fragments() -> None:
    """Calls that come side by side in pieces are given whole, in order, once, before the end."""
    first = {"index": 0, "id": "a", "function": {"name": "clock", "arguments": ""}}
    second = {"index": 1, "id": "b", "function": {"name": "search", "arguments": '{"q":'}}
    pieces = [
        delta(tool_calls=[first]),
        delta(tool_calls=[second]),
        delta(tool_calls=[{"index": 1, "function": {"arguments": ' "fox"}'}}]),
        delta("tool_calls"),
        DONE,
    ]
    model, _ = adapter(always(*pieces))
    called, end = await collect(model.generate(ask(), CONTEXT))
    assert called == ToolCallsDelta(
        calls=(
            ToolCall(id="a", name="clock", arguments={}),
            ToolCall(id="b", name="search", arguments={"q": "fox"}),
        )
    )
    assert isinstance(end, Finished)
    assert end.reason == "tool_calls"


async def test_thoughts_are_told_apart_from_text() -> None:
    """Both spellings of reasoning in the field become thinking deltas, never text."""
    pieces = [
        delta(reasoning_content="Hm. "),
        delta(reasoning="So."),
        delta(content="Yes"),
        delta("stop"),
        DONE,
    ]
    model, _ = adapter(always(*pieces))
    chunks = await collect(model.generate(ask(), CONTEXT))
    assert chunks[:3] == [ThinkingDelta(text="Hm. "), ThinkingDelta(text="So."), TextDelta(text="Yes")]


@pytest.mark.parametrize(
    ("pieces", "reason", "empty"),
    [
        ([delta(content="x"), delta("length"), DONE], "length", False),
        ([delta("stop"), DONE], "stop", True),
        ([delta(content="x"), delta("stop")], "stop", False),
        ([delta(content="x"), DONE], "stop", False),
        ([delta(content="x"), delta("content_filter"), DONE], "content_filter", False),
        ([delta(content="x"), delta("eos_token"), DONE], "stop", False),
        ([delta(refusal="I cannot."), delta("stop"), DONE], "stop", False),
        (
            [event({"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]})[6:]],
            "stop",
            False,
        ),
    ],
    ids=["length", "empty", "no DONE", "no reason", "filter", "own word", "refusal", "not streamed"],
)
async def test_what_servers_leave_out_or_add_is_understood(
    pieces: list[bytes], reason: str, empty: bool
) -> None:
    """A missing `[DONE]`, a missing reason, an own reason and an answer in one piece are all read."""
    model, _ = adapter(always(*pieces))
    end = (await collect(model.generate(ask(), CONTEXT)))[-1]
    assert isinstance(end, Finished)
    assert (end.reason, end.empty) == (reason, empty)


def called(arguments: Any, **more: Any) -> bytes:
    """A chunk with one tool call."""
    return delta(
        tool_calls=[{"index": 0, "id": "a", "function": {"name": "clock", "arguments": arguments}} | more]
    )


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([delta(content="x")], ConnectionLost),
        ([], ConnectionLost),
        ([b"data: <html>\n\n"], BadAnswer),
        ([b"data: 7\n\n"], BadAnswer),
        ([event({"hello": 1})], BadAnswer),
        ([event({"choices": 3})], BadAnswer),
        ([delta(content=["x"])], BadAnswer),
        ([called("{not json"), delta("tool_calls"), DONE], BadAnswer),
        ([called("[1]"), delta("tool_calls"), DONE], BadAnswer),
        ([called("{}", index=-1), DONE], BadAnswer),
        ([called("{}", index=10**9), DONE], BadAnswer),
        ([called("{}", function={"name": ""}), DONE], BadAnswer),
        ([called("x" * ((1 << 20) + 1))], BadAnswer),
        ([delta("tool_calls"), DONE], BadAnswer),
        ([event({"error": {"message": "secret", "code": 429}})], RemoteThrottled),
        ([delta(content="x"), event({"error": {"message": "secret", "type": "server_error"}})], RemoteError),
    ],
)
async def test_a_broken_answer_is_named_with_its_hop(pieces: list[bytes], kind: type[AutoBotError]) -> None:
    """What the dialect does not allow raises an error of the tree that names link and target."""
    model, _ = adapter(always(*pieces))
    with pytest.raises(kind) as caught:
        await collect(model.generate(ask(), CONTEXT))
    assert (caught.value.link, caught.value.target) == ("ai-scripted", TARGET)  # type: ignore[attr-defined]
    assert "secret" not in caught.value.detail


TOO_LONG = {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 12020, "n_ctx": 1024}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, {"error": {"code": "model_not_found"}}, NotFound, "no model called tiny"),
        (400, {"error": {"code": "context_length_exceeded"}}, InvalidInput, "longer than the window of tiny"),
        (400, TOO_LONG, InvalidInput, "12020 tokens of 1024"),
        (
            400,
            {"error": {"code": "unknown_parameter", "message": "secret"}},
            RemoteError,
            "(unknown_parameter)",
        ),
        (401, {"error": {"message": "secret sk-123"}}, RemoteError, "refused the key"),
        (429, {}, RemoteThrottled, "slow down"),
        (503, {"error": "secret"}, RemoteError, "status 503"),
    ],
)
async def test_an_error_answer_means_what_the_dialect_says(
    status: int, body: Any, kind: type[AutoBotError], words: str
) -> None:
    """Each error answer becomes its error, with our words and never the server's."""
    model, _ = adapter(always(json.dumps(body).encode(), status=status))
    with pytest.raises(kind) as caught:
        await collect(model.generate(ask(), CONTEXT))
    assert words in caught.value.detail
    assert "secret" not in caught.value.detail


async def test_the_request_says_all_that_the_dialect_can_say() -> None:
    """Limits, sampling, stop words, schema, tools, effort and usage reach the documented members."""
    model, link = adapter(always(ANSWER), key="sk-1")
    request = GenerateRequest(
        model="tiny",
        messages=(
            ModelMessage(
                role="assistant", content="", tool_calls=(ToolCall(id="a", name="t", arguments={"x": 1}),)
            ),
            ModelMessage(role="tool", content="ok", tool_call_id="a", name="t"),
        ),
        tools=(ToolSpec(name="t", description="d", parameters={"type": "object"}),),
        tool_choice="required",
        max_tokens=5,
        temperature=0.0,
        top_p=1.0,
        stop=("END",),
        seed=7,
        json_schema={"type": "object"},
        window=4096,
        reasoning="low",
    )
    await collect(model.generate(request, CONTEXT))
    assert link.sent[0].path == "/v1/chat/completions"
    assert link.sent[0].headers["authorization"] == "Bearer sk-1"
    assert json.loads(link.sent[0].body) == {
        "model": "tiny",
        "messages": [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "t", "arguments": '{"x":1}'}}
                ],
            },
            {"role": "tool", "content": "ok", "tool_call_id": "a"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {
                "type": "function",
                "function": {"name": "t", "description": "d", "parameters": {"type": "object"}},
            }
        ],
        "tool_choice": "required",
        "max_tokens": 5,
        "temperature": 0.0,
        "top_p": 1.0,
        "stop": ["END"],
        "seed": 7,
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}},
        },
    }


@pytest.mark.parametrize(
    ("wishes", "streams"),
    [
        ({}, True),
        ({"max_tokens": 50}, True),
        ({"whole": True}, True),
        ({"whole": True, "max_tokens": 5000}, True),
        ({"whole": True, "max_tokens": 50}, False),
    ],
)
async def test_only_a_short_answer_that_nobody_watches_is_asked_for_in_one_piece(
    wishes: dict[str, Any], streams: bool
) -> None:
    """Everything else is streamed, so that silence means that the server hangs."""
    whole = {
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1},
    }
    model, link = adapter(always(ANSWER if streams else json.dumps(whole).encode()))
    chunks = await collect(model.generate(ask(**wishes), CONTEXT))
    assert json.loads(link.sent[0].body).get("stream", False) is streams
    assert text_of(chunks) == ("Grüße, 🦊!" if streams else "Hi")


async def test_the_key_shows_in_no_representation() -> None:
    """A request that is logged shows that there is a key, not which."""
    model, link = adapter(always(ANSWER), key="sk-very-secret")
    await collect(model.generate(ask(), CONTEXT))
    assert "sk-very-secret" not in repr(link.sent[0])
    assert "***" in repr(link.sent[0])


async def test_models_are_listed_with_their_windows_where_a_server_says() -> None:
    """Windows are read from where llama.cpp, vLLM and others put them; entries that are none are passed over."""
    data = [
        {"id": "a", "meta": {"n_ctx": 1024, "n_ctx_train": 4096}},
        {"id": "b", "max_model_len": 32768},
        {"id": "text-embedding-3-small"},
        {"id": 7},
        "x",
    ]
    model, _ = adapter(by_path({"/v1/models": Reply(pieces=(json.dumps({"data": data}).encode(),))}))
    found = [(one.id, one.window, one.embeds) for one in await model.models(CONTEXT)]
    assert found == [("a", 1024, False), ("b", 32768, False), ("text-embedding-3-small", None, True)]


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html>", b'{"data":7}'])
async def test_a_list_that_is_none_is_a_bad_answer(body: bytes) -> None:
    """Garbage in place of the model list is said, not shown as no models."""
    model, _ = adapter(always(body))
    with pytest.raises(BadAnswer):
        await model.models(CONTEXT)


async def test_vectors_come_back_in_the_order_of_the_texts() -> None:
    """Vectors are sorted by their index, counted, and their numbers checked."""
    good = {"data": [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}]}
    model, _ = adapter(always(json.dumps(good).encode()))
    assert (await model.embed("tiny", ["a", "b"], CONTEXT)).vectors == [[1.0, 2.0], [3.0, 4.0]]
    for bad in (
        {"data": [{"index": 0, "embedding": [1]}]},
        {"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]},
        {"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]},
        {"data": [{"index": 0, "embedding": ["x"]}, {"index": 1, "embedding": [1]}]},
    ):
        model, _ = adapter(always(json.dumps(bad).encode()))
        with pytest.raises(BadAnswer):
            await model.embed("tiny", ["a", "b"], CONTEXT)


@pytest.mark.parametrize(
    ("url", "target", "prefix"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", "/v1"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080", "/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai", "/api/v1"),
        ("https://host/v1beta/openai/", "https://host", "/v1beta/openai"),
        ("https://host/llm", "https://host", "/llm/v1"),
        ("http://[::1]:1/v1/chat/completions", "http://[::1]:1", "/v1"),
    ],
)
def test_a_base_address_works_with_and_without_its_version(url: str, target: str, prefix: str) -> None:
    """People write the address with `/v1` or without; both mean the same."""
    options = options_for(url)
    assert (options.target, options.prefix) == (target, prefix)


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "localhost:8080", "http://me:secret@host/v1", "http://h/v1?k=1"]
)
def test_an_address_that_is_none_is_refused_with_the_fix(url: str) -> None:
    """What is no address, or hides a password in it, is refused when it is set."""
    with pytest.raises(ConfigurationError) as caught:
        options_for(url)
    assert caught.value.hint
