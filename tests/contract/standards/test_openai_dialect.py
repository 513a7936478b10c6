"""The OpenAI dialect at the running product: shapes of answers, streams and errors by the API reference.

`tests/integration/models/test_product.py` has the official client talk to every provider; here are the corners
that a client does not show.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.standards.conftest import HELLO
from tests.contract.standards.raw import Answer, Asker

CHAT = "/v1/chat/completions"
HELLOS = [{"role": "user", "content": HELLO}]
ABSENT: Any = object()


def said(ask: Asker, **members: Any) -> Answer:
    """Ask for a completion; ABSENT leaves a member out."""
    body = {"model": "stand-in", "messages": HELLOS, **members}
    return ask("POST", CHAT, body={name: value for name, value in body.items() if value is not ABSENT})


def events(answer: Answer) -> list[Any]:
    """Return the chunks of a stream, which ends with `[DONE]` and has nothing else in it."""
    assert answer.status == 200, answer
    assert answer.fields["content-type"].startswith("text/event-stream")
    blocks = answer.body.decode().split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks[:-1])
    return [json.loads(block.removeprefix("data: ")) for block in blocks[:-2]]


def test_a_whole_answer_has_every_member(ask: Asker) -> None:
    """`chat.completion`: id, time, the model that was asked for, one choice, usage as numbers that add up."""
    answer = said(
        ask, stream=None, n=1, user="u", metadata={"a": "b"}, store=False, logit_bias={}, tools=[]
    ).json
    assert (answer["object"], answer["model"]) == ("chat.completion", "stand-in")
    assert answer["id"].startswith("chatcmpl-")
    assert type(answer["created"]) is int
    (choice,) = answer["choices"]
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "stop", None)
    assert choice["message"] == {"role": "assistant", "content": "Hello", "refusal": None}
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream_is_chunks_of_one_answer(ask: Asker) -> None:
    """`chat.completion.chunk`: the role first, then text, then the reason with an empty delta; no usage unasked."""
    chunks = events(said(ask, stream=True))
    assert {(one["object"], one["id"], one["created"], one["model"]) for one in chunks} == {
        ("chat.completion.chunk", chunks[0]["id"], chunks[0]["created"], "stand-in")
    }
    assert all("usage" not in one and len(one["choices"]) == 1 for one in chunks)
    deltas = [one["choices"][0] for one in chunks]
    assert deltas[0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(one["delta"].get("content", "") for one in deltas) == "Hello"
    assert [one["finish_reason"] for one in deltas] == [None] * (len(deltas) - 1) + ["stop"]
    assert deltas[-1]["delta"] == {}


def test_usage_in_a_stream_is_its_last_chunk(ask: Asker) -> None:
    """`include_usage`: null on every chunk, then one chunk more without choices; false is as if it were not there."""
    *chunks, last = events(said(ask, stream=True, stream_options={"include_usage": True}))
    assert all(one["usage"] is None for one in chunks)
    assert last["choices"] == []
    assert set(last["usage"]) >= {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert all(
        "usage" not in one for one in events(said(ask, stream=True, stream_options={"include_usage": False}))
    )


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": ABSENT}, "model"),
        ({"messages": ABSENT}, "messages"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "alien", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
        ({"bogus": 1}, "bogus"),
        ({"n": 2}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"seed": 1.5}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "bad name!"}}]}, "tools.0.function.name"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
    ],
)
def test_a_bad_request_names_its_parameter(ask: Asker, members: dict[str, Any], param: str) -> None:
    """The error is a problem document and has the dialect's member: message, type, param, code."""
    answer = said(ask, **members)
    assert answer.status == 422
    assert answer.fields["content-type"] == "application/problem+json"
    error = answer.json["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, "validation")
    assert error["message"] == answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [(b"{", 400, None), (b"", 400, None), (b"[]", 422, None), (b"\xff", 400, None)],
)
def test_what_is_no_object_is_told_without_a_parameter(
    ask: Asker, body: bytes, status: int, param: None
) -> None:
    """A body that is no JSON, or no object, has no parameter to name."""
    answer = ask("POST", CHAT, body=body)
    assert (answer.status, answer.json["error"]["param"]) == (status, param)


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_is_404_by_its_code(ask: Asker, stream: bool) -> None:
    """`model_not_found` with the parameter, before a stream begins too; other addresses below /v1 are plain 404."""
    for answer in (said(ask, model="nope", stream=stream), ask("GET", "/v1/models/nope")):
        assert answer.status == 404
        error = answer.json["error"]
        assert (error["type"], error["param"], error["code"]) == (
            "invalid_request_error",
            "model",
            "model_not_found",
        )
    assert ask("GET", "/v1/nothing").json["error"]["code"] == "not-found"


def test_models_are_listed_and_found(ask: Asker) -> None:
    """`list` of `model`s with id, created and owned_by; each is found by its id, slashes and colons included."""
    listed = ask("GET", "/v1/models").json
    assert listed["object"] == "list"
    assert {"openai:stand-in", "agent:assistant"} <= {one["id"] for one in listed["data"]}
    for one in listed["data"]:
        assert one["object"] == "model"
        assert type(one["created"]) is int
        assert type(one["owned_by"]) is str
        assert ask("GET", f"/v1/models/{one['id']}").json == one


def test_a_wrong_key_is_401_in_both_shapes(ask: Asker) -> None:
    """Without a key, and with a wrong one: a challenge, a problem, and the dialect's member."""
    for key in ("", "sk-wrong"):
        answer = Asker(ask.address, key)("GET", "/v1/models")
        assert answer.status == 401
        assert answer.fields["www-authenticate"].startswith("Bearer")
        assert answer.json["error"]["type"] == "authentication_error"
        assert answer.json["code"] == "unauthenticated"
