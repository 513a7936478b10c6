"""Documents as people bring them, watch them being read, find passages in them and open those."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from tests.e2e.browser import Visit, audit, drop
from tests.e2e.test_keyboard import tab_to
from tests.integration.documents.files import encrypted_pdf, pdf, word
from tests.integration.product.people import Person

API: Final = "/api/v1/knowledge_base"
LONG: Final = "\n\n".join(f"Paragraph {n} tells of nothing in particular." for n in range(400))
FILES: Final[dict[str, bytes]] = {
    "lighthouse.pdf": pdf("The keeper trims the lamp.", "At dusk the foghorn sounds twice."),
    "birds.docx": word(),
    "bread.md": b"# Bread\n\n## Sourdough\n\nFeed the starter with rye.",
    "garden.html": b"<html><title>Garden</title><h1>Garden</h1><p>Prune the quince in winter.</p></html>",
    "harbour.txt": f"{LONG}\n\nThe pilot boards by the rope ladder.\n\n{LONG}".encode(),
    "tides.csv": b"place,metres\nBrest,6.9\nGranville,13.2\n",
    "sieve.py": b"def eratosthenes(limit):\n    return [n for n in range(limit)]\n",
}
QUESTIONS: Final = {
    "foghorn at dusk": "lighthouse",
    "heron in the reeds": "Birds",
    "rye starter": "Bread",
    "prune the quince": "Garden",
    "pilot rope ladder": "harbour",
    "Granville metres": "tides",
    "eratosthenes limit": "sieve",
}


def payload(name: str, data: bytes) -> FilePayload:
    """A file as a person picks it."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def pick(page: Page, *files: FilePayload) -> None:
    """Choose files in the browser's own dialog."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload files").first.click()
    chooser.value.set_files(list(files))


def row(page: Page, title: str) -> Locator:
    """The row of a document."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=title, exact=True))


def readable(person: Person, *documents: tuple[str, str]) -> None:
    """Have texts read."""
    for title, text in documents:
        made = person.client.post(f"{API}/documents", {"title": title, "text": text}).expect(202).json
        person.client.get(f"{API}/documents/{made['id']}", headers={"prefer": "wait=30"}).expect(200)


def test_files_of_every_kind_are_read_and_their_passages_open(reader: Visit) -> None:
    """Several files at once become documents, called as they call themselves or as their files; each is found by its words,
    and a result opens at its passage."""
    page = reader.go("/knowledge")
    pick(page, *(payload(name, data) for name, data in FILES.items()))
    for title in QUESTIONS.values():
        expect(row(page, title)).to_contain_text(re.compile("Words only|Ready"))
    page.get_by_role("link", name="Retrieval test").click()
    field = page.get_by_role("textbox", name="A question, or words")
    for question, title in QUESTIONS.items():
        field.fill(question)
        field.press("Enter")
        first = page.get_by_role("list", name="What was found").get_by_role("listitem").first
        expect(first.get_by_role("link")).to_have_text(title)
    log = page.get_by_role("region", name="What was searched for")
    expect(log.get_by_role("listitem")).to_have_count(len(QUESTIONS))
    log.get_by_role("link", name="pilot rope ladder").click()
    page.get_by_role("list", name="What was found").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="harbour", level=1)).to_be_visible()
    passage = page.locator("mark")
    expect(passage.first).to_contain_text("rope ladder")
    expect(passage.first).to_be_in_viewport()


def test_an_answer_cites_a_passage_that_opens(reader: Visit, alice: Person) -> None:
    """Asked in a chat, the built-in assistant quotes a document; its source leads to the passage in the text."""
    readable(
        alice, ("Harbour rules", f"{LONG}\n\nThe pilot boards by the rope ladder at slack water.\n\n{LONG}")
    )
    page = reader.go("/chat")
    field = page.get_by_role("textbox", name="Message")
    field.fill("When does the pilot board by the rope ladder?")
    field.press("Enter")
    sources = page.get_by_role("region", name="Sources")
    sources.get_by_role("button", name="Harbour rules").first.click()
    sources.get_by_role("link", name="Open at this passage").click()
    expect(page.get_by_role("heading", name="Harbour rules", level=1)).to_be_visible()
    passage = page.locator("mark")
    expect(passage.first).to_contain_text("slack water")
    expect(passage.first).to_be_in_viewport()


def test_a_chat_is_answered_from_the_collections_that_it_names(reader: Visit, alice: Person) -> None:
    """By keyboard a chat is told where to look and when; its answer shows the search and cites nothing from elsewhere,
    and the chat keeps the choice."""
    place = alice.client.post(f"{API}/collections", {"name": "Harbour"}).expect(201).json["id"]
    for title, where in (("Rules of the harbour", {"collection": place}), ("Rules of the club", {})):
        given = {"title": title, "text": "The pilot boards by the rope ladder at slack water.", **where}
        made = alice.client.post(f"{API}/documents", given).expect(202).json
        alice.client.get(f"{API}/documents/{made['id']}", headers={"prefer": "wait=30"}).expect(200)
    page = reader.go("/chat")
    page.get_by_role("button", name="Documents: All documents, When a question asks for them").focus()
    page.keyboard.press("Enter")
    for choice in ("Harbour", "Before every answer"):
        entry = page.get_by_role("menuitemcheckbox", name=choice)
        entry.focus()
        page.keyboard.press("Enter")
        expect(entry).to_be_checked()
    assert not audit(page, "[role=menu]")
    page.keyboard.press("Escape")
    chosen = page.get_by_role("button", name="Documents: Harbour, Before every answer")
    expect(chosen).to_be_focused()
    field = page.get_by_role("textbox", name="Message")
    field.fill("When does the pilot board by the rope ladder?")
    field.press("Enter")
    sources = page.get_by_role("region", name="Sources")
    expect(sources.get_by_role("button", name="Rules of the harbour")).to_have_count(1)
    expect(sources.get_by_role("button", name="Rules of the club")).to_have_count(0)
    expect(page.get_by_text("search_documents").first).to_be_visible()
    page.reload()
    expect(chosen).to_be_visible()


def test_a_passage_says_its_page_and_the_original_comes_back(reader: Visit, tmp_path: Path) -> None:
    """A document shows the pages of its original, and gives the file back as it came."""
    page = reader.go("/knowledge")
    pick(page, payload("lighthouse.pdf", FILES["lighthouse.pdf"]))
    expect(row(page, "lighthouse")).to_contain_text(re.compile("Words only|Ready"))
    row(page, "lighthouse").get_by_role("link").click()
    expect(page.get_by_text("Page 2", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download original").click()
    download.value.save_as(tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == FILES["lighthouse.pdf"]


def test_files_are_dropped_on_the_page(reader: Visit) -> None:
    """A file that is dragged onto the page is taken; the same one again is told, and leads to the first."""
    page = reader.go("/knowledge")
    expect(page.get_by_text("No documents yet")).to_be_visible()
    for _ in range(2):
        drop(page, "main > div", {"kites.txt": "A note about kites."})
        expect(row(page, "kites")).to_contain_text(re.compile("Words only|Ready"))
    told = page.get_by_role("region", name="Files on their way")
    expect(told).to_contain_text("The same file is there already.")
    told.get_by_role("link", name="Open").click()
    expect(page.get_by_role("region", name="What was read")).to_contain_text("A note about kites.")


def test_what_cannot_be_read_says_why_and_can_be_tried_again_or_deleted(reader: Visit) -> None:
    """A file with a password fails with its cause and a Retry; deleting asks first."""
    page = reader.go("/knowledge")
    pick(page, payload("locked.pdf", encrypted_pdf()))
    locked = row(page, "locked")
    expect(locked).to_contain_text("password")
    # When the second reading ends between dialog and deletion, the page asks again under the new tag by itself.
    reader.watch.expects("412")
    locked.get_by_role("button", name="Retry locked").click()
    expect(locked).to_contain_text("Failed")
    locked.get_by_role("button", name="Actions for locked").click()
    page.get_by_role("menuitem", name="Delete").click()
    asks = page.get_by_role("dialog", name="Delete this document?")
    asks.get_by_role("button", name="Cancel").click()
    expect(locked).to_be_visible()
    locked.get_by_role("button", name="Actions for locked").click()
    page.get_by_role("menuitem", name="Delete").click()
    asks.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No documents yet")).to_be_visible()


def test_a_document_that_changed_is_shown_before_it_is_deleted(reader: Visit, alice: Person) -> None:
    """Who is about to delete what somebody renamed meanwhile sees what it is now, and decides then."""
    given = {"title": "Draft", "text": "A draft of the plan for the garden."}
    made = alice.client.post(f"{API}/documents", given).expect(202).json["id"]
    alice.client("GET", f"{API}/documents/{made}", headers={"prefer": "wait=60"}).expect(200)
    page = reader.go("/knowledge")
    reader.watch.expects("412")
    row(page, "Draft").get_by_role("button", name="Actions for Draft").click()
    page.get_by_role("menuitem", name="Delete").click()
    asks = page.get_by_role("dialog", name="Delete this document?")
    expect(asks).to_contain_text("Version 1")
    alice.client("PATCH", f"{API}/documents/{made}", {"title": "The final plan"}).expect(200)
    asks.get_by_role("button", name="Delete").click()
    expect(asks.get_by_role("group", name="Somebody changed it meanwhile")).to_be_visible()
    expect(asks.get_by_role("button", name="Delete")).to_be_disabled()
    assert audit(page) == []
    asks.get_by_role("button", name="Show what it is now").click()
    expect(asks).to_contain_text("The final plan")
    asks.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No documents yet")).to_be_visible()


def test_a_chat_says_which_documents_its_answers_cannot_know_yet(reader: Visit, alice: Person) -> None:
    """While a document is read for the first time the chat names it; once it is found the line is gone."""
    given = {"title": "The pilot's book", "text": "The pilot boards at slack water."}
    made = alice.client.post(f"{API}/documents", given).expect(202).json["id"]
    alice.client("GET", f"{API}/documents/{made}", headers={"prefer": "wait=60"}).expect(200)
    page = reader.page

    def unread(route: Route) -> None:
        """Show it as it was a moment ago."""
        told = route.fetch().json()
        told["items"] = [{**one, "status": "embedding", "ready_version": None} for one in told["items"]]
        route.fulfill(json=told)

    page.route("**/knowledge_base/documents?limit=20", unread)
    reader.go("/chat")
    line = page.get_by_role("status").filter(has_text="“The pilot's book” is still being read")
    expect(line.get_by_role("link", name="How far")).to_be_visible()
    assert audit(page) == []
    page.unroute("**/knowledge_base/documents?limit=20")
    expect(line).to_have_count(0)


def test_a_text_comes_in_by_keyboard_alone(reader: Visit) -> None:
    """`g k`, a pasted text with its title, and the document: all without a mouse."""
    page = reader.go("/chat")
    expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()
    page.get_by_role("main").focus()
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url("**/knowledge")
    tab_to(page, "button", "Paste or link")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Add a document")).to_be_visible()
    tab_to(page, "textbox", "Title")
    page.keyboard.type("Knots")
    page.keyboard.press("Tab")
    page.keyboard.type("A bowline does not slip.")
    tab_to(page, "button", "Add")
    page.keyboard.press("Enter")
    expect(row(page, "Knots")).to_contain_text(re.compile("Words only|Ready"))
    tab_to(page, "link", "Knots")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="What was read")).to_contain_text("A bowline does not slip.")


def test_a_collection_takes_files_from_those_who_may(admin: Visit, reader: Visit, alice: Person) -> None:
    """Its owner says who may; who may only read sees it and is offered no upload; who may write is."""
    page = admin.go("/knowledge")
    name = f"For {alice.name}"
    page.get_by_role("button", name="New collection").click()
    form = page.get_by_role("dialog", name="New collection")
    form.get_by_label("Name").fill(name)
    form.get_by_label("May read", exact=True).click()
    page.get_by_role("option", name=alice.name, exact=True).click()
    page.keyboard.press("Escape")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name=name, exact=False).first).to_be_visible()
    other = reader.go("/knowledge")
    collections = other.get_by_role("navigation", name="Collections")
    collections.get_by_role("button", name=re.compile(f"^{name}")).click()
    expect(other.get_by_text("Nobody has put anything here that you may read.")).to_be_visible()
    expect(other.get_by_role("button", name="Upload files")).to_have_count(0)
    collections.get_by_role("button", name="All documents").click()
    expect(other.get_by_role("button", name="Upload files").first).to_be_visible()
