"""A conversation over HTTP, on a real server: said, followed, stopped, answered again, found, erased."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.product.people import CHAT, Person, fact_types, text_of
from tests.integration.product.stand_in import ModelServer


def test_a_message_is_accepted_followed_and_answered_once(alice: Person) -> None:
    """A message is a 202 with a run; its stream tells every fact to the end; the reply stands there once."""
    session = alice.chat()
    accepted = alice.say(session, "How do I connect Ollama?").expect(202)
    assert accepted.headers["location"].endswith("/api/v1/chat/runs/" + accepted.json["run_id"])
    events = alice.follow(accepted)
    types = fact_types(events)
    assert types[0] == "autobot.runs.run_started.v1"
    assert types[-1] == "autobot.runs.run_completed.v1"
    assert events[-1].data["event"]["data"]["message_id"]
    seqs = [int(one.id) for one in events if one.name == "event"]
    assert seqs == list(range(1, len(seqs) + 1))
    question, reply = alice.messages(session)
    assert (question["role"], question["content"]) == ("user", "How do I connect Ollama?")
    assert question["id"] == accepted.json["message_id"]
    assert (reply["role"], reply["status"]) == ("assistant", "complete")
    assert reply["run_id"] == accepted.json["run_id"]
    assert reply["citations"], "the assistant answers from the guide"


def test_who_follows_late_gets_all_and_who_resumes_gets_the_rest(alice: Person) -> None:
    """The stream of a run that ended begins at its first fact, or after the one that was seen; then it is over."""
    accepted = alice.say(alice.chat(), "/help").expect(202)
    everything = alice.follow(accepted)
    facts = [one for one in everything if one.name == "event"]
    rest = alice.follow(accepted, after=2)
    assert [one.id for one in rest if one.name == "event"] == [one.id for one in facts[2:]]
    url = accepted.json["events_url"]
    resumed = alice.client.events(url, **{"last-event-id": facts[-2].id})
    assert [one.id for one in resumed] == [facts[-1].id]
    assert alice.client.get(f"{url}?after={facts[-1].id}").status == 204


def test_prefer_wait_answers_with_the_finished_reply(alice: Person) -> None:
    """Under `Prefer: wait` the answer is the reply itself."""
    session = alice.chat()
    answer = alice.say(session, "/help", wait=20).expect(200)
    assert answer.headers["preference-applied"].startswith("wait=")
    assert answer.json["role"] == "assistant"
    assert "/links" in answer.json["content"]
    assert alice.messages(session)[-1]["id"] == answer.json["id"]


def test_prefer_wait_that_passes_is_the_202(bob: Person, model_server: ModelServer) -> None:
    """When the seconds pass before the reply is finished, the answer is the 202, and the run goes on."""
    session = bob.chat()
    answer = bob.say(session, "take your time", wait=1)
    call = model_server.take("take your time")
    accepted = answer.expect(202)
    call.say("Here", " it is.").end()
    assert fact_types(bob.follow(accepted))[-1] == "autobot.runs.run_completed.v1"
    assert bob.messages(session)[-1]["content"] == "Here it is."


def test_text_streams_as_it_is_written(bob: Person, model_server: ModelServer) -> None:
    """Each piece reaches who follows while the model still writes; offsets have no hole."""
    accepted = bob.say(bob.chat(), "write slowly").expect(202)
    with bob.client.stream(accepted.json["events_url"]) as events:
        call = model_server.take("write slowly")
        seen: list[Any] = []
        for word in ("One", " two", " three"):
            call.say(word)
            for one in events:
                seen.append(one)
                if text_of(seen).endswith(word):
                    break
        call.end()
        seen += list(events)
    assert text_of(seen) == "One two three"
    assert bob.run(accepted.json["run_id"])["text"] == "One two three"


def test_a_run_that_waits_says_for_what(bob: Person, model_server: ModelServer) -> None:
    """While the model is silent the run shows the link it waits for, and since when."""
    accepted = bob.say(bob.chat(), "be silent").expect(202)
    call = model_server.take("be silent")
    run = bob.run(accepted.json["run_id"])
    assert run["state"] == "running"
    assert run["waiting_for"]["link"] == "ai-openai"
    assert run["waiting_for"]["since"].endswith("Z")
    call.say("Done.").end()
    bob.follow(accepted)
    assert bob.run(accepted.json["run_id"])["waiting_for"] is None


def test_stop_keeps_what_was_written(bob: Person, model_server: ModelServer) -> None:
    """A stopped run ends as stopped with its text, and the call to the model is given up."""
    session = bob.chat()
    accepted = bob.say(session, "stop me").expect(202)
    call = model_server.take("stop me").say("So far")
    with bob.client.stream(accepted.json["events_url"]) as events:
        seen: list[Any] = []
        for one in events:
            seen.append(one)
            if text_of(seen) == "So far":
                break
        stopping = bob.client.post(f"{CHAT}/runs/{accepted.json['run_id']}/stop").expect(202)
        assert stopping.json == {"run_id": accepted.json["run_id"], "state": "running"}
        seen += list(events)
    assert fact_types(seen)[-1] == "autobot.runs.run_stopped.v1"
    reply = bob.messages(session)[-1]
    assert (reply["status"], reply["content"]) == ("stopped", "So far")
    call.say(" and more").say(" and more")
    assert call.ended.wait(10), "the model's connection was closed"


def test_a_model_that_fails_tells_cause_and_next_step(bob: Person, model_server: ModelServer) -> None:
    """An answer that failed carries the problem: what, where, under which id, and what to do."""
    model_server.on("fail now", lambda call: call.refuse(400, "the prompt is cursed"))
    session = bob.chat()
    reply = bob.ask(session, "fail now")
    assert reply["status"] == "failed"
    error = reply["error"]
    assert error["code"]
    assert error["detail"]
    assert error["correlation_id"]
    run = bob.run(reply["run_id"])
    assert (run["state"], run["error"]["code"]) == ("failed", error["code"])


def test_a_connection_lost_midway_is_interrupted_and_can_be_answered_again(
    bob: Person, model_server: ModelServer
) -> None:
    """What came before the break stays, marked as interrupted; regenerating makes a sibling that is whole."""
    session = bob.chat()
    model_server.on("break off", lambda call: call.say("Half an").hang_up())
    cut = bob.ask(session, "break off")
    assert (cut["status"], cut["content"]) == ("interrupted", "Half an")
    model_server.on("break off", lambda call: call.say("A whole answer.").end())
    path = f"{CHAT}/sessions/{session}/messages/{cut['id']}/regenerate"
    whole = bob.client.post(path, headers={"prefer": "wait=20"}).expect(200).json
    assert (whole["status"], whole["content"]) == ("complete", "A whole answer.")
    assert bob.messages(session)[-1]["siblings"] == [cut["id"], whole["id"]]


def test_edit_makes_a_branch_and_branches_can_be_shown_again(alice: Person) -> None:
    """An edited message stands beside the first; choosing either shows its own continuation."""
    session = alice.chat()
    first_reply = alice.ask(session, "/help")
    first = alice.messages(session)[0]
    path = f"{CHAT}/sessions/{session}/messages/{first['id']}/edit"
    second_reply = (
        alice.client.post(path, {"content": "/links"}, headers={"prefer": "wait=20"}).expect(200).json
    )
    shown = alice.messages(session)
    assert shown[0]["content"] == "/links"
    assert shown[1]["id"] == second_reply["id"]
    assert shown[0]["siblings"] == [first["id"], shown[0]["id"]]
    alice.client.post(f"{CHAT}/sessions/{session}/branch", {"message_id": first["id"]}).expect(200)
    back = alice.messages(session)
    assert [one["id"] for one in back] == [first["id"], first_reply["id"]]


def test_sessions_are_named_found_and_listed(alice: Person) -> None:
    """A chat has the title it was given, or its first words; lists are newest first, with cursors."""
    named = alice.chat(title="Garden plans")
    unnamed = alice.chat()
    alice.ask(unnamed, "/status")
    page = alice.client.get(f"{CHAT}/sessions?limit=1").expect(200).json
    assert [one["id"] for one in page["items"]] == [unnamed]
    assert page["items"][0]["title"]
    assert page["items"][0]["message_count"] == 2
    rest = alice.client.get(f"{CHAT}/sessions?limit=5&cursor={page['next_cursor']}").expect(200).json
    assert [one["id"] for one in rest["items"]] == [named]
    assert rest["next_cursor"] is None
    alice.client("PATCH", f"{CHAT}/sessions/{named}", {"title": "Winter garden"}).expect(200)
    found = alice.client.get(f"{CHAT}/sessions?q=winter").expect(200).json["items"]
    assert [one["title"] for one in found] == ["Winter garden"]


def test_forged_cursors_are_refused(alice: Person) -> None:
    """A cursor that this server never gave is a clear problem."""
    for forged in ("x", "eyJhIjoxfQ", "%00", "a" * 499):
        alice.client.get(f"{CHAT}/sessions?cursor={forged}").problem(422)


def test_search_finds_messages_by_their_words(alice: Person) -> None:
    """A word of a message finds it, with the words around it; another's messages are never found."""
    session = alice.chat(title="Fruit")
    alice.ask(session, "persimmonquest is what I look for")
    hits = alice.client.get(f"{CHAT}/search?q=persimmonquest").expect(200).json["items"]
    assert {one["session_id"] for one in hits} == {session}
    assert hits[0]["session_title"] == "Fruit"
    assert "persimmonquest" in hits[0]["excerpt"]


def test_search_is_ones_own(alice: Person, admin: Person) -> None:
    """Nobody finds what somebody else said, the administrator included."""
    alice.ask(alice.chat(), "quincewhisper")
    assert admin.client.get(f"{CHAT}/search?q=quincewhisper").expect(200).json["items"] == []


def test_export_has_every_branch_as_json_and_the_shown_one_as_markdown(alice: Person) -> None:
    """JSON holds all messages; Markdown reads as the person sees it."""
    session = alice.chat(title="Exported")
    alice.ask(session, "/help")
    first = alice.messages(session)[0]
    path = f"{CHAT}/sessions/{session}/messages/{first['id']}/edit"
    alice.client.post(path, {"content": "/links"}, headers={"prefer": "wait=20"}).expect(200)
    exported = alice.client.get(f"{CHAT}/sessions/{session}/export?format=json").expect(200)
    assert exported.headers["content-disposition"].startswith("attachment")
    document = json.loads(exported.body)
    assert {one["content"] for one in document["messages"] if one["role"] == "user"} == {"/help", "/links"}
    markdown = alice.client.get(f"{CHAT}/sessions/{session}/export?format=markdown").expect(200)
    assert markdown.text.startswith("# Exported")
    assert "/links" in markdown.text


def test_the_chat_as_it_was(alice: Person) -> None:
    """`?position=` and `?at=` show messages and title as they were; both together are refused."""
    made = alice.client.post(f"{CHAT}/sessions", {"title": "Before"}).expect(201)
    session, position = made.json["id"], int(made.headers["x-log-position"])
    alice.ask(session, "/help")
    moment = alice.messages(session)[-1]["created_at"]
    alice.client("PATCH", f"{CHAT}/sessions/{session}", {"title": "After"}).expect(200)
    assert alice.messages(session, f"?position={position}") == []
    past = alice.client.get(f"{CHAT}/sessions/{session}?position={position}").expect(200).json
    assert past["title"] == "Before"
    assert alice.client.get(f"{CHAT}/sessions/{session}?at={moment}").expect(200).json["title"] == "Before"
    assert len(alice.messages(session)) == 2
    alice.client.get(f"{CHAT}/sessions/{session}/messages?position=1&at={moment}").problem(422)
    alice.client.get(f"{CHAT}/sessions/{session}/messages?at=yesterday").problem(422)


def test_messages_page_by_cursor_oldest_first(alice: Person) -> None:
    """Pages follow one another without a gap or a double."""
    session = alice.chat()
    for _ in range(3):
        alice.ask(session, "/help")
    seen: list[Any] = []
    query = "?limit=2"
    while True:
        page = alice.client.get(f"{CHAT}/sessions/{session}/messages{query}").expect(200).json
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=2&cursor={page['next_cursor']}"
    assert seen == [one["id"] for one in alice.messages(session)]
    assert len(seen) == len(set(seen)) == 6
