"""The OpenAI dialect at the edge: raw routes behind the whole middleware, over scripted models."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from autobot.contracts.models import (
    Chunk,
    Finished,
    GenerateRequest,
    TextDelta,
    ThinkingDelta,
    ToolCall,
)
from autobot.kernel.core import errors
from autobot.kernel.core.context import CallContext
from tests.unit.gateway.edge import AUTHORIZED, VIEWER_KEY
from tests.unit.models.dialect import CALLS, SERVED, Models, chat, client, events, post

pytestmark = pytest.mark.anyio


async def test_an_answer_comes_whole_with_usage_and_who_served_it() -> None:
    """Without `stream` the answer is one `chat.completion`."""
    reply = await post(Models(), chat())
    assert reply.status == 200
    assert reply["content-type"] == "application/json"
    assert reply.json["object"] == "chat.completion"
    assert reply.json["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Grüße 🦊", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert reply.json["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert reply.json["autobot"]["served_by"]["fallback"] is True


async def test_an_answer_comes_as_a_stream_that_ends_with_done() -> None:
    """With `stream` each delta is an event as it comes; usage is told when it is asked for."""
    reply = await post(Models(), chat(stream=True, stream_options={"include_usage": True}))
    assert reply["content-type"].startswith("text/event-stream")
    role, first, second, reason, usage, done = events(reply)
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [one["choices"][0]["delta"] for one in (first, second)] == [
        {"content": "Grüße"},
        {"content": " 🦊"},
    ]
    assert reason["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 5
    assert first["usage"] is None
    assert done == b"[DONE]"
    assert len({one["id"] for one in (role, first, second, reason, usage)}) == 1


async def test_a_stream_without_the_wish_has_no_usage() -> None:
    """Clients that did not ask for usage get no event without choices."""
    found = events(await post(Models(), chat(stream=True)))
    assert all(one == b"[DONE]" or one["choices"] for one in found)
    assert "usage" not in found[0]


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls_and_thoughts_keep_their_places(stream: bool) -> None:
    """Tool calls carry their arguments as JSON text, thoughts stay outside of the content."""
    script = (ThinkingDelta(text="Hm."), CALLS, Finished(reason="tool_calls", served_by=SERVED))
    reply = await post(Models(script), chat(stream=stream))
    if stream:
        _, thought, called, end, _ = events(reply)
        assert thought["choices"][0]["delta"] == {"reasoning_content": "Hm."}
        call = called["choices"][0]["delta"]["tool_calls"][0]
        assert call["index"] == 0
        assert end["choices"][0]["finish_reason"] == "tool_calls"
    else:
        message = reply.json["choices"][0]["message"]
        assert (message["reasoning_content"], message["content"]) == ("Hm.", None)
        call = message["tool_calls"][0]
    assert (call["id"], call["function"]["name"]) == ("a", "clock")
    assert json.loads(call["function"]["arguments"]) == {"zone": "utc"}


async def test_every_wish_reaches_the_model() -> None:
    """The whole body is passed on in the language of models, and the caller's context with it."""
    models = Models()
    body = chat(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "t", "arguments": '{"x":1}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "ok"},
        ],
        tools=[
            {"type": "function", "function": {"name": "t", "parameters": {"type": "object"}}},
            {"type": "function", "function": {"name": "u"}},
        ],
        tool_choice={"type": "function", "function": {"name": "t"}},
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
        max_completion_tokens=9,
        temperature=0,
        top_p=0.5,
        stop="END",
        seed=7,
        n=1,
        reasoning_effort="minimal",
        frequency_penalty=0,
        user="me",
    )
    assert (await post(models, body)).status == 200
    asked = models.asked[0]
    assert [one.role for one in asked.messages] == ["system", "user", "assistant", "tool"]
    assert asked.messages[1].content == "a\nb"
    assert asked.messages[2].tool_calls == (ToolCall(id="a", name="t", arguments={"x": 1}),)
    assert asked.messages[3].tool_call_id == "a"
    assert [one.name for one in asked.tools] == ["t"]
    assert asked.tool_choice == "required"
    assert (asked.max_tokens, asked.temperature, asked.top_p, asked.stop, asked.seed) == (
        9,
        0,
        0.5,
        ("END",),
        7,
    )
    assert (asked.json_schema, asked.reasoning) == ({"type": "object"}, "low")
    assert models.contexts[0].principal.id == "alice"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, None),
        (chat(model=7), "model"),
        (chat(model=""), "model"),
        (chat(messages=[]), "messages"),
        (chat(messages=[{"role": "robot", "content": "x"}]), "messages.0.role"),
        (chat(messages=[{"role": "user"}]), "messages.0.content"),
        (chat(messages=[{"role": "user", "content": [{"type": "image_url"}]}]), "messages.0.content.0"),
        (chat(messages=[{"role": "tool", "content": "x"}]), "messages.0.tool_call_id"),
        (
            chat(
                messages=[
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "a", "function": {"name": "t", "arguments": "[]"}}],
                    }
                ]
            ),
            "messages.0.tool_calls.0.function.arguments",
        ),
        (chat(temperature=3), "temperature"),
        (chat(top_p=-1), "top_p"),
        (chat(max_tokens=0), "max_tokens"),
        (chat(n=2), "n"),
        (chat(logprobs=True), "logprobs"),
        (chat(frequency_penalty=1), "frequency_penalty"),
        (chat(stop=["a", ""]), "stop"),
        (chat(tool_choice="required"), "tool_choice"),
        (chat(tool_choice={"type": "function", "function": {"name": "x"}}, tools=[]), "tool_choice"),
        (chat(response_format={"type": "json_schema"}), "response_format.json_schema"),
        (chat(made_up=1), "made_up"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name_and_nothing_is_asked(
    body: Any, param: str | None
) -> None:
    """Each refusal is a problem document and a dialect error that names the parameter."""
    models = Models()
    reply = await post(models, body)
    assert reply.status == 422
    assert reply["content-type"] == "application/problem+json"
    assert reply.json["code"] == "validation"
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert reply.json["error"]["message"]
    if param is not None:
        assert reply.json["error"]["param"] == param
    assert models.asked == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"metadata":' + b"[" * 100_000], ids=["none", "cut", "no UTF-8", "deep"]
)
async def test_a_body_that_is_no_json_is_malformed(body: bytes) -> None:
    """What cannot be parsed answers 400 in both shapes."""
    headers = {**AUTHORIZED, "content-type": "application/json"}
    reply = await client(Models())("POST", "/v1/chat/completions", headers=headers, body=body)
    assert reply.status == 400
    assert reply.json["error"]["code"] == "malformed"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_model_is_not_found_as_the_dialect_says_it(stream: bool) -> None:
    """404 with `model_not_found`, before a stream begins."""
    reply = await post(Models((errors.NotFound("There is no model called x."),)), chat(stream=stream))
    assert reply.status == 404
    assert reply["content-type"] == "application/problem+json"
    assert (reply.json["error"]["code"], reply.json["error"]["param"]) == ("model_not_found", "model")
    assert reply.json["code"] == "not-found"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.CircuitOpen("Open.", link="ai-ollama", target="x", since=0, retry_after=3), 503),
        (errors.Absent("llamacpp", "No file.", hint="autobot add local-llm"), 503),
        (errors.AttemptTimeout("Slow.", phase="first_byte"), 504),
        (errors.BadAnswer("Garbage."), 502),
        (errors.InvalidInput("Too long."), 422),
    ],
)
async def test_a_failure_before_the_first_chunk_has_its_own_status(error: Exception, status: int) -> None:
    """Also a stream answers with the status of the failure while nothing was sent yet."""
    reply = await post(Models((error,)), chat(stream=True))
    assert reply.status == status
    assert reply.json["error"]["message"]


async def test_a_failure_inside_a_stream_is_its_last_event_and_done_is_left_out() -> None:
    """A cut answer never looks whole."""
    reply = await post(Models((TextDelta(text="So"), errors.Interrupted("It broke."))), chat(stream=True))
    assert reply.status == 200
    *_, last = events(reply)
    assert last["error"]["message"] == "It broke."
    assert last["code"] == "interrupted"
    assert b"[DONE]" not in reply.body


async def test_an_answer_without_an_end_is_an_error() -> None:
    """A model that stops without an end is not believed."""

    class Endless(Models):
        async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
            yield TextDelta(text="half")

    assert (await post(Endless(), chat())).status == 502
    assert events(await post(Endless(), chat(stream=True)))[-1]["code"] == "bad-answer"


async def test_a_client_that_leaves_stops_the_model() -> None:
    """Cancelling the request closes the answer, and with it the provider's work."""
    models = Models((TextDelta(text="forever"),))
    async with asyncio.TaskGroup() as tasks:
        request = tasks.create_task(post(models, chat(stream=True)))
        await models.reached.wait()
        request.cancel()
    assert models.closed.is_set()


async def test_the_list_names_what_answers_now() -> None:
    """Only ready models are listed; one model is found by its name, slashes and all."""
    ask = client(Models())
    reply = await ask("GET", "/v1/models", headers=AUTHORIZED)
    assert [one["id"] for one in reply.json["data"]] == ["ollama:tiny", "agent:chat"]
    assert reply.json["data"][0]["owned_by"] == "ollama"
    assert (await ask("GET", "/v1/models/ollama:tiny", headers=AUTHORIZED)).json["context_window"] == 2048
    missing = await ask("GET", "/v1/models/org/none", headers=AUTHORIZED)
    assert (missing.status, missing.json["error"]["code"]) == (404, "model_not_found")


async def test_vectors_come_as_numbers_or_packed() -> None:
    """`base64` is little-endian 32-bit floats, which the official client asks for."""
    plain = await post(Models(), {"model": "tiny", "input": ["a", "bcd"]}, "/v1/embeddings")
    assert [one["embedding"] for one in plain.json["data"]] == [[0.5, 1.0], [0.5, 3.0]]
    assert plain.json["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    packed = await post(
        Models(), {"model": "tiny", "input": "abc", "encoding_format": "base64"}, "/v1/embeddings"
    )
    assert struct.unpack("<2f", base64.b64decode(packed.json["data"][0]["embedding"])) == (0.5, 3.0)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"model": "tiny", "input": []}, 422, "input"),
        ({"model": "tiny", "input": [""]}, 422, "input"),
        ({"model": "tiny", "input": [[1, 2]]}, 422, "input.0"),
        ({"model": "tiny", "input": "a", "dimensions": 3}, 422, "dimensions"),
        ({"model": "none", "input": "a"}, 404, "model"),
    ],
)
async def test_bad_embedding_input_is_named(body: Any, status: int, param: str) -> None:
    """Token arrays, empty texts and unknown models are refused by name."""
    reply = await post(Models(), body, "/v1/embeddings")
    assert (reply.status, reply.json["error"]["param"]) == (status, param)


async def test_a_viewer_may_look_and_not_use() -> None:
    """The routes demand `models:use` and `models:read`."""
    ask, viewer = client(Models()), {"authorization": f"Bearer {VIEWER_KEY}"}
    assert (await ask("GET", "/v1/models", headers=viewer)).status == 200
    refused = await ask("POST", "/v1/chat/completions", headers=viewer, json_body=chat())
    assert (refused.status, refused.json["error"]["type"]) == (403, "permission_error")
    assert (await ask("GET", "/v1/models")).status == 401
