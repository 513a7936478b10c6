"""What people do with a conversation besides talking: answer again, edit, rename, find, take along, delete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import Visit, address_of_chat, answer, as_json, ask, audit, finished, question
from tests.e2e.conftest import Open
from tests.integration.product.people import Person
from tests.integration.product.stand_in import ModelServer


def chats(page: Page) -> list[str]:
    """Return the titles in the rail."""
    return page.get_by_role("navigation", name="Chats").get_by_role("link").all_inner_texts()


def menu(page: Page, title: str, item: str) -> None:
    """Choose from the menu of a chat in the rail."""
    row = page.get_by_role("navigation", name="Chats").get_by_role("listitem").filter(has_text=title)
    row.hover()
    row.get_by_role("button", name=f"Actions for {title}").click()
    page.get_by_role("menuitem", name=item).click()


@pytest.fixture
def known(alice: Person) -> tuple[str, str]:
    """Two chats of hers, by id: about Ollama, and about the links."""
    made = []
    for title, text in (("Models at home", "How do I connect Ollama?"), ("Which links", "/links")):
        made.append(alice.chat(title=title))
        alice.ask(made[-1], text)
    return made[0], made[1]


def test_a_chat_says_in_how_many_windows_it_is_open(
    opened: Open, plain: ServerProcess, alice: Person
) -> None:
    """A second window of one's own on the same chat is seen in both, and no more when it is closed."""
    visit = opened(plain.address).becomes(alice.client)
    session = alice.chat(title="twice")
    page = visit.go(f"/chat/{session}")
    expect(page.get_by_role("heading", name="twice")).to_be_visible()
    expect(page.get_by_text("Open in")).to_have_count(0)
    other = visit.tab(f"/chat/{session}")
    expect(other.get_by_text("Open in 2 windows")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Open in 2 windows")).to_be_visible(timeout=20_000)
    assert audit(page, "header") == []
    other.close()
    expect(page.get_by_text("Open in")).to_have_count(0, timeout=20_000)


def test_answering_again_makes_a_branch(talker: Visit, model_server: ModelServer) -> None:
    """A second answer stands beside the first: ‹2/2›, and the arrows lead back and forth, also after a reload."""
    page = talker.go("/")
    ask(page, "say something")
    model_server.take("say something").say("the first answer").end()
    expect(finished(page)).to_contain_text("the first answer")
    answer(page).get_by_role("button", name="Answer again").click()
    model_server.take("say something").say("the second answer").end()
    reply = finished(page)
    expect(reply).to_contain_text("the second answer")
    expect(reply.get_by_role("group", name="Branch 2 of 2")).to_contain_text("2/2")

    reply.get_by_role("button", name="Previous branch").click()
    expect(answer(page)).to_contain_text("the first answer")
    expect(answer(page)).to_contain_text("1/2")
    expect(page.get_by_role("article", name="AutoBot")).to_have_count(1)
    page.reload()
    expect(finished(page)).to_contain_text("the first answer")
    answer(page).get_by_role("button", name="Next branch").click()
    expect(answer(page)).to_contain_text("the second answer")


def test_editing_a_message_makes_a_branch(talker: Visit, model_server: ModelServer) -> None:
    """An edited message is answered anew; what was said before stays one arrow away."""
    page = talker.go("/")
    ask(page, "what is teh weather")
    model_server.take("what is teh weather").say("unsure").end()
    expect(finished(page)).to_contain_text("unsure")
    question(page).hover()
    question(page).get_by_role("button", name="Edit message").click()
    field = page.get_by_role("textbox", name="Edit your message")
    expect(field).to_be_focused()
    field.fill("what is the weather")
    page.get_by_role("button", name="Send as new branch").click()
    model_server.take("what is the weather").say("sunny").end()
    expect(finished(page)).to_contain_text("sunny")
    expect(question(page)).to_contain_text("what is the weather")
    question(page).get_by_role("button", name="Previous branch").click()
    expect(question(page)).to_contain_text("what is teh weather")
    expect(answer(page)).to_contain_text("unsure")


def test_editing_can_be_given_up(reader: Visit, known: tuple[str, str]) -> None:
    """Escape leaves the editor; the message is as it was and nothing was sent."""
    page = reader.go(f"/chat/{known[0]}")
    question(page).hover()
    question(page).get_by_role("button", name="Edit message").click()
    field = page.get_by_role("textbox", name="Edit your message")
    field.fill("something else")
    field.press("Escape")
    expect(field).to_be_hidden()
    expect(question(page)).to_contain_text("How do I connect Ollama?")
    expect(page.get_by_role("article")).to_have_count(2)


def test_a_chat_is_renamed_in_the_rail(reader: Visit, known: tuple[str, str]) -> None:
    """Rename is a field in place: Enter keeps the new title, Escape the old one, everywhere and after a reload."""
    page = reader.go(f"/chat/{known[0]}")
    menu(page, "Models at home", "Rename")
    field = page.get_by_role("textbox", name="Title of the chat")
    field.fill("Given up")
    field.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text("Models at home")
    menu(page, "Models at home", "Rename")
    field.fill("Local models")
    field.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Local models")
    expect(page.get_by_role("link", name="Local models")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Local models")
    expect(page).to_have_title(re.compile("Local models"))


def test_a_chat_is_renamed_at_its_head(reader: Visit, known: tuple[str, str]) -> None:
    """The menu of an open chat renames it, on a phone too where the rail is away; Escape leaves the old title."""
    session, _ = known
    page = reader.go(f"/chat/{session}")
    head = page.get_by_role("heading", level=1)
    expect(head).to_have_text("Models at home")
    for key, title in (("Escape", "Models at home"), ("Enter", "At its head")):
        page.get_by_role("button", name="More", exact=True).press("Enter")
        page.get_by_role("menuitem", name="Rename").press("Enter")
        field = page.get_by_role("textbox", name="Title of the chat")
        expect(field).to_be_focused()
        field.fill("At its head")
        field.press(key)
        expect(field).to_be_hidden()
        expect(head).to_have_text(title)
    expect(
        page.get_by_role("navigation", name="Chats").get_by_role("link", name="At its head")
    ).to_be_visible()


def test_a_chat_is_deleted_after_a_question(reader: Visit, alice: Person, known: tuple[str, str]) -> None:
    """Deleting asks first; Cancel changes nothing; confirmed, chat and address are gone."""
    page = reader.go(f"/chat/{known[0]}")
    menu(page, "Models at home", "Delete chat")
    asked = page.get_by_role("dialog", name="Delete this chat?")
    expect(asked).to_contain_text("“Models at home” and every message in it will be erased")
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_be_hidden()
    expect(page.get_by_role("link", name="Models at home")).to_be_visible()

    menu(page, "Models at home", "Delete chat")
    asked.get_by_role("button", name="Delete chat").click()
    expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()
    expect(page.get_by_role("link", name="Models at home")).to_be_hidden()
    expect(page.get_by_role("link", name="Which links")).to_be_visible()
    alice.client.get(f"/api/v1/chat/sessions/{known[0]}").problem(404)
    reader.watch.expects(rf"status of 404 .*{known[0]}")
    reader.go(f"/chat/{known[0]}")
    expect(page.get_by_text("This chat does not exist, or is not yours")).to_be_visible()


def test_search_finds_titles_and_words(reader: Visit, known: tuple[str, str]) -> None:
    """The search shows chats by title and messages by their words; a hit opens its chat at the message."""
    page = reader.go("/")
    rail = page.get_by_role("navigation", name="Chats")
    search = page.get_by_role("textbox", name="Search chats")
    search.fill("Which")
    expect(rail.get_by_role("link", name="Which links", exact=True)).to_be_visible()
    expect(rail.get_by_role("link", name="Models at home", exact=True)).to_be_hidden()
    search.fill("connect Ollama")
    expect(rail.get_by_role("heading", name="In messages")).to_be_visible()
    rail.get_by_role("link", name="Models at home").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Models at home")
    assert "message=" in page.url
    search.fill("nowhere to be found")
    expect(rail.get_by_text("No chat matches")).to_be_visible()
    page.get_by_role("button", name="Clear search").click()
    expect(rail.get_by_role("link", name="Which links", exact=True)).to_be_visible()


def test_a_chat_is_exported(reader: Visit, known: tuple[str, str], tmp_path: Path) -> None:
    """Both exports are files with the whole conversation."""
    page = reader.go(f"/chat/{known[0]}")
    finished(page)
    files = {}
    for kind in ("Markdown", "JSON"):
        page.get_by_role("region", name="Models at home").get_by_role("button", name="More").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=f"Export as {kind}").click()
        path = tmp_path / kind
        download.value.save_as(path)
        files[download.value.suggested_filename.rpartition(".")[2]] = path.read_text(encoding="utf-8")
    assert set(files) == {"md", "json"}
    assert "How do I connect Ollama?" in files["md"]
    messages = as_json(files["json"])["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant"]
    assert "AUTOBOT_OLLAMA_URL" in messages[1]["content"]


def test_markdown_is_drawn_and_never_run(talker: Visit, model_server: ModelServer) -> None:
    """Code is a block with its own copy button; markup in an answer is shown as text and runs nothing."""
    page = talker.go("/")
    ask(page, "write code")
    evil = "<img src=x onerror=\"document.title='taken over'\">"
    words = ("Here:\n\n```python\nprint('hello')\n```\n\n", evil, "\n\n**done**")
    model_server.take("write code").say(*words).end()
    reply = finished(page)
    expect(reply.locator("pre")).to_contain_text("print('hello')")
    expect(reply.get_by_role("button", name="Copy code")).to_be_visible()
    expect(reply.locator("strong")).to_have_text("done")
    expect(reply.locator("img")).to_have_count(0)
    assert "taken over" not in page.title()
    address_of_chat(page)


def test_a_draft_is_there_after_a_reload(reader: Visit, known: tuple[str, str]) -> None:
    """What was typed and not sent is still in its own chat's field, and in no other's."""
    page = reader.go(f"/chat/{known[0]}")
    field = page.get_by_role("textbox", name="Message")
    field.fill("not finished")
    page.reload()
    expect(field).to_have_value("not finished")
    page.get_by_role("link", name="Which links", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which links")
    expect(field).to_have_value("")
    assert sorted(chats(page)) == ["Models at home", "Which links"]
