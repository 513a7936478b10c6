"""`agent:chat` in the OpenAI dialect: a chat of its own for each request, followed to the end of its run."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from tests.integration.product.host import Host
from tests.integration.product.people import CHAT, Person, new_key
from tests.integration.product.stand_in import Call, ModelServer

COMPLETIONS = "/v1/chat/completions"
BEFORE = [
    {"role": "system", "content": "Answer in rhymes."},
    {"role": "user", "content": "brought along question"},
    {"role": "assistant", "content": "brought along answer"},
]


@pytest.fixture
def program(modelled: Host, bob: Person) -> Person:
    """A program that uses a key of Bob's."""
    return modelled.by_key(bob)


def asked(text: str, *before: Any, **members: Any) -> dict[str, Any]:
    """The body of a request to the chat agent."""
    return {"model": "agent:chat", "messages": [*before, {"role": "user", "content": text}], **members}


def links_of(field: str) -> tuple[str, str]:
    """Return chat and run that an answer's `Link` names."""
    chat, run = re.findall(r"<[^>]*/([^/>]+)>", field)
    return chat, run


@pytest.fixture
def official(modelled: Host, bob: Person) -> Iterator[openai.OpenAI]:
    """The `openai` package with a key of Bob's."""
    key = bob.client.post("/api/v1/auth/keys", {"name": "official", "scopes": ["*"]}).expect(201).json["key"]
    base = f"{modelled.server.address}/v1"
    with openai.OpenAI(api_key=key, base_url=base, max_retries=0) as client:
        yield client


def test_the_official_client_talks_to_the_chat_agent(
    official: openai.OpenAI, bob: Person, model_server: ModelServer
) -> None:
    """Listed with the model it uses, whole and streamed; each request is a chat that its user sees, titled by origin."""
    model_server.on("rhyme on", lambda call: call.say("One,", " two,", " three.").end())
    (listed,) = [one for one in official.models.list() if one.id == "agent:chat"]
    assert listed.to_dict()["autobot"] == {"model": "openai:stand-in", "state": "ready"}
    assert official.models.retrieve("agent:chat").owned_by == "autobot"
    body: Any = [*BEFORE, {"role": "user", "content": "rhyme on"}]
    whole = official.chat.completions.create(model="agent:chat", messages=body)
    assert whole.choices[0].message.content == "One, two, three."
    assert whole.choices[0].finish_reason == "stop"
    assert whole.to_dict()["autobot"]["served_by"]["model"] == "stand-in"  # type: ignore[index]
    stream = official.chat.completions.create(
        model="agent:chat", messages=body, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == "One, two, three."
    assert chunks[-1].usage is not None
    page = bob.client.get(f"{CHAT}/sessions").expect(200).json["items"]
    assert [one["title"] for one in page] == ["agent:chat · brought along question"] * 2
    assert page[0]["message_count"] == 5


def test_the_documents_agent_begins_with_a_search(
    program: Person, bob: Person, model_server: ModelServer
) -> None:
    """A program asks `agent:documents`: the model gets what a search of its user's documents found, the chat shows the
    search, the answer cites the passage, and the documents of others are not looked into."""
    told: list[Any] = []

    def answers(call: Call) -> None:
        told.append(call.body["messages"])
        call.say("Twice a week.").end()

    text = "The heron fern wants water twice a week, in shade."
    made = (
        bob.client.post("/api/v1/knowledge_base/documents", {"title": "Ferns", "text": text}).expect(202).json
    )
    place = f"/api/v1/knowledge_base/documents/{made['id']}"
    view = bob.client("GET", place, headers={"prefer": "wait=20"}).expect(200).json
    assert view["status"] == "ready", view
    model_server.on("heron fern", answers)
    body = {**asked("How often does the heron fern want water?"), "model": "agent:documents"}
    answer = program.client.post(COMPLETIONS, body).expect(200)
    assert answer.json["choices"][0]["message"]["content"] == "Twice a week."
    assert [one["role"] for one in told[0]][-3:] == ["user", "assistant", "tool"]
    assert text in told[0][-1]["content"]
    chat, _ = links_of(answer.headers["link"])
    view = bob.client.get(f"{CHAT}/sessions/{chat}").expect(200).json
    assert view["documents"] == {"first": True, "collections": []}
    reply = bob.client.get(f"{CHAT}/sessions/{chat}/messages").expect(200).json["items"][-1]
    assert [one["name"] for one in reply["tool_calls"]] == ["search_documents"]
    assert reply["citations"][0]["source"].startswith(f"/knowledge/documents/{made['id']}?version=1&")


def test_what_came_along_is_told_to_the_model_and_behaves_as_any_message(
    program: Person, bob: Person, model_server: ModelServer
) -> None:
    """Earlier messages stand in the chat, are told, found, exported, edited into branches, and erased with it."""
    model_server.on("and then?", lambda call: call.say("The end.").end())
    reply = program.client.post(COMPLETIONS, asked("and then?", *BEFORE)).expect(200)
    session, _ = links_of(reply.headers["link"])
    said = model_server.seen[-1].body["messages"]
    assert [one["role"] for one in said] == ["system", "user", "assistant", "user"]
    assert said[0]["content"].endswith("Answer in rhymes.")
    shown = bob.messages(session)
    assert [(one["role"], one["brought"], one["status"]) for one in shown] == [
        ("system", True, "complete"),
        ("user", True, "complete"),
        ("assistant", True, "complete"),
        ("user", False, "complete"),
        ("assistant", False, "complete"),
    ]
    assert bob.client.get(f"{CHAT}/sessions/{session}").expect(200).json["active_run_id"] is None
    found = bob.client.get(f"{CHAT}/search?q=brought").expect(200).json["items"]
    assert {one["message_id"] for one in found if one["session_id"] == session} == {
        shown[1]["id"],
        shown[2]["id"],
    }
    text = bob.client.get(f"{CHAT}/sessions/{session}/export?format=markdown").expect(200).body.decode()
    assert "## Assistant (brought along)" in text
    assert "## System (brought along)" in text
    edit = f"{CHAT}/sessions/{session}/messages/{shown[1]['id']}/edit"
    bob.client.post(edit, {"content": "and then? anew"}, headers={"prefer": "wait=30"}).expect(200)
    branch = bob.messages(session)
    assert [one["role"] for one in branch] == ["system", "user", "assistant"]
    assert set(branch[1]["siblings"]) == {shown[1]["id"], branch[1]["id"]}
    again = f"{CHAT}/sessions/{session}/messages/{shown[2]['id']}/regenerate"
    bob.client.post(again, {}).expect(202)
    bob.client("DELETE", f"{CHAT}/sessions/{session}").expect(204)
    found = bob.client.get(f"{CHAT}/search?q=brought").expect(200).json["items"]
    assert session not in {one["session_id"] for one in found}


def test_a_repeat_with_the_same_key_follows_the_same_run(program: Person, model_server: ModelServer) -> None:
    """Idempotency-Key makes one chat and one answer of two requests, streamed or whole; another body is refused."""
    model_server.on("only once", lambda call: call.say("Once.").end())
    fields = {"idempotency-key": f'"{new_key()}"'}
    first = program.client.post(COMPLETIONS, asked("only once"), headers=fields).expect(200)
    before = len(model_server.seen)
    second = program.client.post(COMPLETIONS, asked("only once", stream=True), headers=fields).expect(200)
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["link"] == first.headers["link"]
    assert b'"content":"Once."' in second.body
    assert len(model_server.seen) == before
    program.client.post(COMPLETIONS, asked("something else"), headers=fields).expect(422)


@contextmanager
def speaking(official: openai.OpenAI, models: ModelServer, text: str) -> Iterator[tuple[Call, Any]]:
    """Ask for a stream and let the model say `First`; yields the model's call and the stream after that word.

    The answer begins with the first word, so somebody else has to say it.
    """
    calls: list[Call] = []
    speaker = threading.Thread(target=lambda: calls.append(models.take(text).say("First")))
    speaker.start()
    messages: Any = [{"role": "user", "content": text}]
    with official.chat.completions.create(model="agent:chat", messages=messages, stream=True) as stream:
        speaker.join()
        while next(stream).choices[0].delta.content != "First":
            continue
        yield calls[0], stream


def test_words_come_as_they_are_written_and_a_client_that_leaves_leaves_the_run(
    official: openai.OpenAI, bob: Person, model_server: ModelServer
) -> None:
    """The first word is there before the model says the second; the answer is whole in the chat without its client."""
    with speaking(official, model_server, f"slowly {new_key()}") as (call, stream):
        session, run = links_of(stream.response.headers["link"])
    call.say(" and second.").end()
    bob.client.events(f"{CHAT}/runs/{run}/events")
    assert bob.messages(session)[-1]["content"] == "First and second."
    assert bob.run(run)["state"] == "completed"


def test_a_stop_of_the_run_ends_the_answer(
    official: openai.OpenAI, bob: Person, model_server: ModelServer
) -> None:
    """The stream ends in order with what was written, for who stops the run in the chat."""
    with speaking(official, model_server, f"stop me {new_key()}") as (_, stream):
        _, run = links_of(stream.response.headers["link"])
        bob.client.post(f"{CHAT}/runs/{run}/stop", {}).expect(202)
        rest = list(stream)
    assert [one.choices[0].finish_reason for one in rest] == ["stop"]
    assert bob.run(run)["state"] == "stopped"


def test_errors_are_problems_that_carry_the_dialects_error(
    official: openai.OpenAI, program: Person, model_server: ModelServer
) -> None:
    """Unknown agents, what an agent decides for itself, and a model that fails, before and after the first word."""
    with pytest.raises(openai.NotFoundError) as unknown:
        official.chat.completions.create(model="agent:nobody", messages=[{"role": "user", "content": "Hi"}])
    assert unknown.value.code == "model_not_found"
    assert "agent:assistant, agent:chat" in unknown.value.message
    refused = program.client.post(COMPLETIONS, asked("Hi", temperature=0.1)).expect(422).json
    assert refused["error"]["param"] == "temperature"
    last = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    ends = program.client.post(COMPLETIONS, {"model": "agent:chat", "messages": last}).expect(422).json
    assert ends["error"]["param"] == "messages.1.role"
    model_server.on("fail at once", lambda call: call.refuse(400, "no"))
    failed = program.client.post(COMPLETIONS, asked("fail at once", stream=True)).expect(502).json
    assert (failed["code"], failed["link"]) == ("upstream-error", "ai-openai")
    assert failed["error"]["message"] == failed["detail"]
    model_server.on("fail midway", lambda call: call.say("Half").hang_up())
    broken = program.client.post(COMPLETIONS, asked("fail midway", stream=True)).expect(200)
    *_, half, error = [line for line in broken.body.decode().split("\n\n") if line]
    assert json.loads(half[6:])["choices"][0]["delta"] == {"content": "Half"}
    assert json.loads(error[6:])["error"]["code"] == "interrupted"


def test_without_a_model_the_agent_is_absent_with_the_step(host: Host, alice: Person) -> None:
    """It is not listed, asking for it is 503, and the built-in assistant does not answer in its name."""
    program = host.by_key(alice)
    names = {one["id"] for one in program.client.get("/v1/models").expect(200).json["data"]}
    assert "agent:chat" not in names
    for reply in (
        program.client.get("/v1/models/agent:chat"),
        program.client.post(COMPLETIONS, asked("Hi")),
    ):
        problem = reply.expect(503).json
        assert (problem["code"], problem["part"]) == ("absent", "model")
        assert problem["hint"]
    assert alice.client.get(f"{CHAT}/sessions").expect(200).json["items"] == []
