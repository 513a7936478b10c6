"""Answers: with nothing installed, from a real model server, and through reloads, stops and the server's end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from autobot.testing.harness import ServerProcess, free_port
from tests.e2e.browser import Visit, address_of_chat, answer, ask, finished, question
from tests.e2e.conftest import Open
from tests.integration.product.host import Host
from tests.integration.product.people import Person
from tests.integration.product.stand_in import ModelServer


def test_the_built_in_assistant_answers_with_nothing_installed(reader: Visit) -> None:
    """A first message gets an answer at once; the page says that no model is connected and what answers."""
    page = reader.go("/")
    expect(page.get_by_role("list", name="First steps")).to_contain_text("the built-in assistant answers")
    ask(page, "How do I connect Ollama?")
    reply = finished(page)
    expect(reply).to_contain_text("AUTOBOT_OLLAMA_URL")
    expect(reply.get_by_role("link", name="agents-llm")).to_be_visible()
    expect(reply.get_by_role("region", name="Sources").get_by_role("button").first).to_contain_text("Ollama")
    address_of_chat(page)
    expect(page.get_by_role("navigation", name="Chats").get_by_role("link")).to_have_count(1)


def test_a_new_installation_leads_to_model_and_documents(reader: Visit, alice: Person) -> None:
    """The first page has the steps to a model and to documents; each leads there, and what is done is ticked off."""
    page = reader.go("/chat")
    steps = page.get_by_role("list", name="First steps")
    steps.get_by_role("link", name="Connect a language model").click()
    missing = page.get_by_role("region", name="Not connected")
    expect(missing.get_by_role("heading", name="Ollama")).to_be_visible()
    expect(missing).to_contain_text("An administrator can connect one.")
    page.go_back()
    steps.get_by_role("link", name="Add documents").click()
    expect(page.get_by_text("No documents yet")).to_be_visible()
    added = {"title": "Knots", "text": "A bowline does not slip."}
    alice.client.post("/api/v1/knowledge_base/documents", added).expect(202)
    reader.go("/chat")
    expect(steps.get_by_role("listitem").nth(1)).to_contain_text("Add documents done")
    expect(steps.get_by_role("link")).to_have_text(["Connect a language model"])


def test_a_starter_and_a_command_are_answered(reader: Visit) -> None:
    """A starting question is one click; `/` offers commands, which answer with what is so now."""
    page = reader.go("/")
    page.get_by_role("button", name="How is the system?").click()
    expect(question(page)).to_contain_text("/status")
    finished(page)
    field = page.get_by_role("textbox", name="Message")
    field.fill("/li")
    expect(page.get_by_role("listbox", name="Commands").get_by_role("option")).to_have_count(1)
    field.press("Tab")
    expect(field).to_have_value("/links ")
    field.press("Enter")
    expect(page.get_by_role("article", name="AutoBot")).to_have_count(2)
    expect(finished(page)).to_contain_text("backend-ai")


def test_a_real_model_server_answers_and_is_named(talker: Visit) -> None:
    """The first answer of a model file comes from llama.cpp itself, and the line below it names the link."""
    page = talker.go("/")
    page.get_by_role("button", name="Model: stand-in").click()
    page.get_by_role("menuitemcheckbox", name="tiny").click()
    expect(page.get_by_role("button", name="Model: tiny")).to_be_visible()
    ask(page, "Hi")
    reply = finished(page)
    expect(reply).to_contain_text("Hello from a tiny model.")
    served = reply.get_by_role("link", name="ai-llamacpp")
    expect(served).to_be_visible()
    expect(reply).to_contain_text("llamacpp · tiny")
    served.click()
    expect(page.get_by_role("dialog")).to_contain_text("llama.cpp")


def test_a_reload_in_the_middle_keeps_the_answer(talker: Visit, model_server: ModelServer) -> None:
    """What was written before a reload is there after it, and what is written afterwards follows."""
    page = talker.go("/")
    ask(page, "count for me")
    call = model_server.take("count for me").say("one ", "two ")
    expect(answer(page)).to_contain_text("one two")
    address_of_chat(page)
    page.reload()
    expect(answer(page)).to_contain_text("one two")
    expect(answer(page)).to_have_attribute("aria-busy", "true")
    call.say("three").end()
    expect(finished(page)).to_contain_text("one two three")
    page.reload()
    expect(finished(page)).to_contain_text("one two three")


def test_a_second_tab_sees_the_same_answer(talker: Visit, model_server: ModelServer) -> None:
    """Two tabs of one chat show the same words as they come, and the question of one appears in the other."""
    first = talker.go("/")
    ask(first, "for both of us")
    call = model_server.take("for both of us").say("left ")
    path = address_of_chat(first)
    second = talker.tab(path)
    for page in (first, second):
        expect(answer(page)).to_contain_text("left")
    call.say("and right").end()
    for page in (first, second):
        expect(finished(page)).to_contain_text("left and right")
    ask(second, "and from the other tab")
    model_server.take("and from the other tab").say("seen").end()
    for page in (second, first):
        expect(question(page)).to_contain_text("and from the other tab")
        expect(finished(page)).to_contain_text("seen")


def test_stop_keeps_what_was_written(talker: Visit, model_server: ModelServer) -> None:
    """Stopping ends the answer at once, keeps its words, and frees the composer."""
    page = talker.go("/")
    ask(page, "go on for ever")
    call = model_server.take("go on for ever").say("this stays")
    expect(answer(page)).to_contain_text("this stays")
    page.get_by_role("button", name="Stop the answer").click()
    reply = finished(page)
    expect(reply).to_contain_text("this stays")
    expect(reply).to_contain_text("Stopped by you.")
    expect(page.get_by_role("button", name="Send message")).to_be_visible()
    call.end()
    page.reload()
    expect(finished(page)).to_contain_text("this stays")
    expect(answer(page)).to_contain_text("Stopped by you.")


def test_a_refused_answer_is_told_and_can_be_retried(talker: Visit, model_server: ModelServer) -> None:
    """When the model refuses there is a card with cause and id instead of a spinner, and Retry asks anew."""
    page = talker.go("/")
    ask(page, "you will refuse")
    model_server.take("you will refuse").refuse(400, "this is not for me")
    card = answer(page).get_by_role("alert")
    expect(card).to_be_visible()
    expect(card.get_by_role("button", name="Copy correlation id")).to_be_visible()
    card.get_by_role("button", name="Retry").click()
    model_server.take("you will refuse").say("now I do").end()
    expect(finished(page)).to_contain_text("now I do")


def test_a_message_typed_meanwhile_waits_its_turn(talker: Visit, model_server: ModelServer) -> None:
    """Enter while an answer is written queues the message; it is sent by itself when the answer has ended."""
    page = talker.go("/")
    ask(page, "the first")
    call = model_server.take("the first").say("one")
    expect(answer(page)).to_contain_text("one")
    ask(page, "the second")
    expect(page.get_by_text("Waits for the answer above")).to_be_visible()
    call.end()
    model_server.take("the second").say("two").end()
    expect(question(page)).to_contain_text("the second")
    expect(finished(page)).to_contain_text("two")


@pytest.fixture
def mortal(tmp_path: Path, model_server: ModelServer) -> Iterator[ServerProcess]:
    """A server of the test's own on a port of its own, to be killed and started again at the same address."""
    environment = {"AUTOBOT_OPENAI_BASE_URL": model_server.address}
    with ServerProcess(tmp_path / "data", environment, port=free_port()) as running:
        yield running


def test_a_killed_server_leaves_an_interrupted_answer_with_retry(
    opened: Open, mortal: ServerProcess, model_server: ModelServer
) -> None:
    """SIGKILL in the middle of an answer: the open page finds the server again by itself, keeps the words that it
    has read, says that the answer was cut off and offers Retry, which works. No spinner is left, neither there nor
    after a reload."""
    visit = opened(mortal.address)
    visit.watch.expects("ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET")
    visit.watch.expects("ERR_INCOMPLETE_CHUNKED_ENCODING|WebSocket connection")
    with ExitStack() as closing:
        visit.becomes(Host(mortal, closing).admin.client)
    page = visit.go("/")
    ask(page, "you will not finish")
    call = model_server.take("you will not finish").say("the beginning of an answer")
    expect(answer(page)).to_contain_text("the beginning of an answer")
    path = address_of_chat(page)
    mortal.kill()
    call.end()
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    mortal.start()

    for again in (False, True):
        if again:
            visit.go(path)
        cut = answer(page).get_by_role("alert")
        expect(cut).to_contain_text("The answer was cut off")
        expect(cut.get_by_role("button", name="Retry")).to_be_enabled()
        expect(question(page)).to_contain_text("you will not finish")
        expect(answer(page)).to_contain_text("the beginning of an answer")
        expect(answer(page)).to_have_attribute("aria-busy", "false")
        expect(page.locator(".animate-spin")).to_have_count(0)
        expect(page.get_by_text("The server does not answer.")).to_be_hidden()
    answer(page).get_by_role("button", name="Retry").click()
    model_server.take("you will not finish").say("and this is the end").end()
    reply = finished(page)
    expect(reply).to_contain_text("and this is the end")
    expect(reply.get_by_role("group", name="Branch 2 of 2")).to_be_visible()
