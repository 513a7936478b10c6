"""Documents, citations, collections, retrieval and models by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.browser import Visit, finished
from tests.e2e.test_keyboard import tab_to
from tests.e2e.test_knowledge import FILES, payload, readable, row
from tests.integration.documents.files import encrypted_pdf
from tests.integration.product.people import Person


def test_a_file_is_chosen_and_a_failed_one_tried_again_by_keyboard(reader: Visit) -> None:
    """What a mouse drops, the file picker takes: Tab to it and Enter; Retry and the menu of a row are on the way."""
    page = reader.go("/knowledge")
    expect(page.get_by_role("main")).to_be_focused()
    tab_to(page, "button", "Paste or link")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Upload files").first).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([payload("bread.md", FILES["bread.md"]), payload("locked.pdf", encrypted_pdf())])
    expect(row(page, "Bread")).to_contain_text(re.compile("Words only|Ready"))
    expect(row(page, "locked")).to_contain_text("password")
    # When the second reading ends between dialog and deletion, the page asks again under the new tag by itself.
    reader.watch.expects("412")
    tab_to(page, "button", "Retry locked", most=60)
    with page.expect_response("**/documents/*/retry") as answered:
        page.keyboard.press("Enter")
    assert answered.value.status == 202
    expect(row(page, "locked")).to_contain_text("Failed")
    tab_to(page, "button", "Actions for locked", most=60)
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    asks = page.get_by_role("dialog", name="Delete this document?")
    tab_to(page, "button", "Delete")
    page.keyboard.press("Enter")
    expect(asks).to_be_hidden()
    expect(row(page, "locked")).to_have_count(0)


def test_a_citation_is_opened_and_left_by_keyboard(reader: Visit, alice: Person) -> None:
    """From an answer to its source, to the passage in the document, and back to the chat as it was."""
    readable(alice, ("Harbour rules", "The pilot boards by the rope ladder at slack water."))
    page = reader.go("/chat")
    tab_to(page, "textbox", "Message", most=80)
    page.keyboard.type("When does the pilot board by the rope ladder?")
    page.keyboard.press("Enter")
    reply = finished(page)
    source = reply.get_by_role("region", name="Sources").get_by_role("button").first
    source.focus()
    page.keyboard.press("Enter")
    expect(source).to_have_attribute("aria-expanded", "true")
    tab_to(page, "link", "Open at this passage")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Harbour rules", level=1)).to_be_visible()
    expect(page.locator("mark").first).to_contain_text("slack water")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Back to the chat")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="AutoBot")).to_contain_text("slack water")


def test_permissions_of_a_collection_are_changed_by_keyboard(reader: Visit, alice: Person) -> None:
    """The gear of a collection, its choice of who may, Save: with Tab, arrows and Enter."""
    made = alice.client.post("/api/v1/knowledge_base/collections", {"name": "Notes"}).expect(201).json
    page = reader.go("/knowledge")
    expect(page.get_by_role("main")).to_be_focused()
    tab_to(page, "button", "Name and permissions of Notes")
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="Notes")
    expect(form).to_be_visible()
    tab_to(page, "combobox", "Everybody with an account")
    page.keyboard.press("Enter")
    expect(page.get_by_role("option", name="may not see it")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", name="may read it", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(form.get_by_role("combobox", name="Everybody with an account")).to_contain_text("may read it")
    tab_to(page, "button", "Save")
    page.keyboard.press("Enter")
    expect(form).to_be_hidden()
    stored = alice.client.get(f"/api/v1/knowledge_base/collections/{made['id']}").expect(200).json
    assert stored["everybody"] == "read"


def test_retrieval_and_models_are_used_by_keyboard(reader: Visit, alice: Person) -> None:
    """A question is asked and its result opened; the models page is walked through to its choices."""
    readable(alice, ("Knots", "A bowline does not slip."))
    page = reader.go("/knowledge/search")
    expect(page.get_by_role("heading", name="Retrieval test", level=1)).to_be_visible()
    tab_to(page, "textbox", "A question, or words")
    page.keyboard.type("bowline")
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="What was found").get_by_role("link").first).to_be_visible()
    tab_to(page, "link", "Knots", most=60)
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_contain_text("bowline")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/models")
    expect(page.get_by_role("main")).to_be_focused()
    tab_to(page, "combobox", "Sum by")
    page.keyboard.press("Enter")
    expect(page.get_by_role("option", name="Model")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("option", name="Day")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/models?by=day")


def test_twice_as_large_a_text_loses_nothing(reader: Visit, alice: Person) -> None:
    """With the browser's text at 200 percent, headings and first actions stay in the window and nothing scrolls sideways."""
    readable(alice, ("Knots", "A bowline does not slip."))
    cut: list[str] = []
    for path, heading in (
        ("/chat", "What shall we do?"),
        ("/knowledge", "Knowledge"),
        ("/models", "Models"),
        ("/communication", "Links"),
        ("/users/account", "Access"),
    ):
        page = reader.go(path)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        expect(page.get_by_role("heading", name=heading).first).to_be_in_viewport()
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            cut.append(path)
    assert not cut
