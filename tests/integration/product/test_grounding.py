"""What documents give to an answer, on a running product: a follow-up is searched as the model wrote it, and passages that a
small window has no room for are counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from tests.integration.product.people import CHAT
from tests.integration.product.stand_in import Call, ModelServer

DOCUMENTS = "/api/v1/knowledge_base/documents"
FERNS = "The heron fern wants water twice a week, in shade."
FOLLOW_UP = "And in the cold months?"
ALONE = "How often does the heron fern want water in the cold months?"


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """A model that writes questions anew, and answers what it is given."""
    with ModelServer() as running:
        running.on("The last question:", lambda call: call.say(f'"{ALONE}"', "\n", "I hope it helps.").end())
        running.on("heron fern", lambda call: call.say("Twice a week.").end())
        running.on("No passage", lambda call: call.say("I do not know.").end())
        yield running


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Client]:
    """Somebody with documents about ferns, on a server with that model."""
    folder = tmp_path_factory.mktemp("grounding")
    with (
        ServerProcess(folder / "data", {"AUTOBOT_OPENAI_BASE_URL": model.address}) as server,
        Client(server.local, key=server.key("*")) as client,
    ):
        for number in range(6):
            text = f"{FERNS} " + f"Note {number} of the gardener. " * 12
            made = client.post(DOCUMENTS, {"title": f"Ferns {number}", "text": text}).expect(202).json
            view = client("GET", f"{DOCUMENTS}/{made['id']}", headers={"prefer": "wait=20"}).expect(200).json
            assert view["status"] == "ready", view
        yield client


def chat(client: Client) -> str:
    """Begin a chat whose answers rest on documents."""
    made = client.post(f"{CHAT}/sessions", {"documents": {"first": True, "collections": []}}).expect(201)
    return str(made.json["id"])


def answer(client: Client, session: str, text: str) -> Any:
    """Say something and return the reply as threads show it."""
    path = f"{CHAT}/sessions/{session}/messages"
    client("POST", path, {"content": text}, headers={"prefer": "wait=30"}).expect(200)
    return client.get(path).expect(200).json["items"][-1]


def rewritings(model: ModelServer) -> list[Call]:
    """Return the calls that asked for a question."""
    return [one for one in model.seen if "The last question:" in one.asked]


def test_a_follow_up_is_searched_as_the_model_wrote_it(client: Client, model: ModelServer) -> None:
    """The first question is searched as it is; the next one, which has no word of the documents, is found by what the model
    made of it and the talk; by setting it is not, and the answer says so each time."""
    session = chat(client)
    first = answer(client, session, "How often does the heron fern want water?")
    assert first["grounding"] == {
        "question": "",
        "rewritten_by": "",
        "not_rewritten": "",
        "found": 6,
        "given": 6,
    }
    assert rewritings(model) == []
    then = answer(client, session, FOLLOW_UP)
    assert then["status"] == "complete", then["error"]
    assert then["content"] == "Twice a week."
    assert (then["grounding"]["question"], then["grounding"]["rewritten_by"]) == (ALONE, "openai:stand-in")
    assert then["tool_calls"][0]["arguments"] == {"query": ALONE}
    assert len(then["citations"]) == 6
    (call,) = rewritings(model)
    assert "> Person: How often does the heron fern want water?" in call.asked
    assert (call.body["max_tokens"], call.body.get("tools")) == (96, None)

    client("PUT", "/api/v1/settings/chat.rewrite_follow_ups", {"value": False}).expect(200)
    try:
        plain = answer(client, session, FOLLOW_UP)
    finally:
        client("DELETE", "/api/v1/settings/chat.rewrite_follow_ups").expect(200)
    assert plain["grounding"]["not_rewritten"] == "off"
    assert plain["tool_calls"][0]["arguments"] == {"query": FOLLOW_UP}
    assert len(rewritings(model)) == 1


def test_passages_that_have_no_room_are_counted(client: Client, model: ModelServer) -> None:
    """With a window that holds some of six passages the model gets the best, the answer says how many, and cites those
    alone."""
    client("PUT", "/api/v1/settings/model.windows", {"value": ["openai:stand-in=1700"]}).expect(200)
    try:
        reply = answer(client, chat(client), "How often does the heron fern want water?")
    finally:
        client("DELETE", "/api/v1/settings/model.windows").expect(200)
    assert reply["status"] == "complete", reply["error"]
    told = reply["grounding"]
    assert told["found"] == 6
    assert 0 < told["given"] < 6
    sent = model.seen[-1].body["messages"][-1]["content"]
    assert sent.count('"source"') == told["given"]
    assert len(reply["citations"]) == told["given"]
    assert all(one["source"] in sent for one in reply["citations"])
