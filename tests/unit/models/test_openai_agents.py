"""Agents in the OpenAI dialect: what a request asks of them, and how their answers and errors leave the edge."""

from typing import Any

import pytest

from autobot.contracts.chat import CONTENT_MAX, Earlier
from autobot.contracts.models import TextDelta
from autobot.kernel.core import errors
from tests.unit.gateway.edge import AUTHORIZED, Reply
from tests.unit.models.dialect import Agents, Models, chat, client, events

pytestmark = pytest.mark.anyio

USER = {"role": "user", "content": "Hi"}


async def ask(agents: Agents, **members: Any) -> Reply:
    """Post a chat body for the agent; plain models are not asked."""
    models = Models()
    body = chat(**({"model": "agent:chat"} | members))
    reply = await client(models, agents)("POST", "/v1/chat/completions", headers=AUTHORIZED, json_body=body)
    assert models.asked == []
    return reply


async def test_an_agents_answer_leaves_in_the_dialect() -> None:
    """Whole and streamed, under the agent's name; the last message is asked, the others came before."""
    agents = Agents()
    before = [{"role": "developer", "content": "Be kind."}, {"role": "assistant", "content": None}]
    whole = await ask(agents, messages=[*before, USER])
    assert (whole.json["model"], whole.json["choices"][0]["message"]["content"]) == ("agent:chat", "Grüße 🦊")
    streamed = await ask(agents, stream=True)
    assert events(streamed)[-1] == b"[DONE]"
    asked = agents.asked[0]
    assert (asked.agent, asked.content) == ("agent:chat", "Hi")
    assert asked.earlier == (
        Earlier(role="system", content="Be kind."),
        Earlier(role="assistant", content=""),
    )


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"temperature": 0.5}, "temperature"),
        ({"max_tokens": 5}, "max_tokens"),
        ({"stop": "x"}, "stop"),
        ({"seed": 1}, "seed"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": [USER, {"role": "tool", "content": "1", "tool_call_id": "a"}]}, "messages.1"),
        ({"messages": [USER, {"role": "assistant", "content": "Hello"}]}, "messages.1.role"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "x" * (CONTENT_MAX + 1)}, USER]}, "messages.0.content"),
    ],
)
async def test_what_an_agent_cannot_take_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    """Nothing that would change the answer is passed over in silence."""
    agents = Agents()
    reply = await ask(agents, **members)
    assert (reply.status, reply.json["error"]["param"]) == (422, param)
    assert agents.asked == []


async def test_what_asks_for_nothing_is_taken() -> None:
    """Members that clients send with their neutral value are no reason to refuse."""
    reply = await ask(Agents(), tools=[], tool_choice="auto", response_format={"type": "text"}, n=1)
    assert reply.status == 200


async def test_unknown_agents_and_agents_without_a_model_are_told_apart() -> None:
    """404 for a name that no agent has, 503 with the step while there is no model; both carry `error`."""
    unknown = await ask(Agents(), model="agent:nobody")
    assert (unknown.status, unknown.json["error"]["code"]) == (404, "model_not_found")
    absent = await ask(Agents(model=None))
    assert (absent.status, absent.json["code"], absent.json["part"]) == (503, "absent", "model")
    assert absent.json["error"]["message"] == absent.json["detail"]
    for agents, status in ((Agents(), 200), (Agents(model=None), 503)):
        one = await client(Models(), agents)("GET", "/v1/models/agent:chat", headers=AUTHORIZED)
        assert one.status == status
        listed = await client(Models(), agents)("GET", "/v1/models", headers=AUTHORIZED)
        assert ("agent:chat" in {entry["id"] for entry in listed.json["data"]}) == (status == 200)


async def test_a_failure_after_the_first_word_is_the_streams_last_event() -> None:
    """The error comes as an event with `error`, and `[DONE]` is left out."""
    agents = Agents((TextDelta(text="Half"), errors.Interrupted("It was cut off.")))
    found = events(await ask(agents, stream=True))
    assert found[-1]["error"]["code"] == "interrupted"
    assert b"[DONE]" not in found
