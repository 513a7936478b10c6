"""The library of documents: what happens to it is seen as it happens; what is wrong is put right; it can be taken along."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Route, expect

from tests.e2e.browser import Visit
from tests.e2e.test_knowledge import API, readable, row
from tests.integration.documents.files import collection_file
from tests.integration.documents.test_documents import upload
from tests.integration.product.people import Person

SLOW: Final = "Ferns grow in the shade of tall trees, and mosses on stones.\n\n" * 95_400

NOTE_ROWS: Final = """() => {
  const seen = window.rowsSeen = [];
  const note = () => { for (const row of document.querySelectorAll("tr")) seen.push(row.textContent); };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""Keeps what rows say, however short they say it: a look now and then may miss it."""


def test_what_is_done_with_a_document_is_seen_without_asking(reader: Visit, alice: Person) -> None:
    """While nothing that the page asks for is answered, a document that waits is seen to be read."""
    page, told, asked = reader.page, list[str](), list[Route]()
    page.on("websocket", lambda one: one.on("framereceived", lambda frame: told.append(str(frame))))
    # Few and long: they come in much less time than they are read in, also where all takes longer.
    for number in range(8):
        upload(alice.client, f"{number}. {SLOW}".encode(), f"before-{number}.txt").expect(202)
    made = upload(alice.client, SLOW.encode(), "woods.txt").expect(202).json
    reader.go("/knowledge")
    last = row(page, "woods")
    expect(last).to_contain_text("Queued")
    page.evaluate(NOTE_ROWS)
    followed_by = time.monotonic() + 30
    while not any(f"document:{made['id']}" in one for one in told):
        assert time.monotonic() < followed_by, "the page follows its documents"
        page.evaluate("null")  # Frames are handed over while something is asked.
    page.route(f"**{API}/**", lambda one: asked.append(one))
    page.wait_for_function(
        "() => window.rowsSeen.some((one) => /woods/.test(one) && /Reading|Cutting|Embedding/.test(one))",
        timeout=25_000,
    )
    page.unroute(f"**{API}/**")
    reader.go("/knowledge")
    expect(last).to_contain_text(re.compile("Words only|Ready"), timeout=60_000)


def test_a_document_gets_another_title_tags_and_place(reader: Visit, alice: Person) -> None:
    """Changed in its menu it is found under the new title at once, as the same version, in its new collection."""
    alice.client.post(f"{API}/collections", {"name": "Shade plants"}).expect(201)
    readable(alice, ("Plants", "Ferns grow in the shade."))
    page = reader.go("/knowledge")
    row(page, "Plants").get_by_role("button", name="Actions for Plants").click()
    page.get_by_role("menuitem", name="Title, tags, collection").click()
    form = page.get_by_role("dialog", name="Title, tags and collection")
    form.get_by_label("Title").fill("Ferns")
    form.get_by_label("Tags").fill("damp")
    form.get_by_label("Tags").press("Enter")
    form.get_by_label("Collection").click()
    page.get_by_role("option", name="Shade plants").click()
    form.get_by_role("button", name="Save").click()
    expect(row(page, "Ferns")).to_contain_text("#damp")
    expect(row(page, "Ferns")).to_contain_text("Shade plants")
    row(page, "Ferns").get_by_role("link").click()
    expect(page.get_by_role("region", name="What was read")).to_contain_text("Ferns grow in the shade.")


def test_a_collection_is_taken_along_and_taken_in(reader: Visit, alice: Person, tmp_path: Path) -> None:
    """What the page exports it imports: into a collection of its own, again without doubles; a broken file says why."""
    place = alice.client.post(f"{API}/collections", {"name": "Field notes"}).expect(201).json["id"]
    for title in ("Ferns", "Mosses"):
        body = {"title": title, "text": f"{title} grow in the shade.", "collection": place}
        alice.client.post(f"{API}/documents", body).expect(202)
    page = reader.go("/knowledge")
    page.get_by_role("button", name="Name and permissions of Field notes").and_(
        page.locator(":visible")
    ).click()
    with page.expect_download() as download:
        page.get_by_role("dialog", name="Field notes").get_by_role("link", name="Export").click()
    taken, broken = tmp_path / "notes.tar", tmp_path / "broken.tar"
    download.value.save_as(taken)
    broken.write_bytes(taken.read_bytes()[:-700])
    for file, told in (
        (taken, "2 documents came."),
        (taken, "0 documents came, 2 were there already."),
        (broken, "The archive"),
    ):
        reader.go("/knowledge")
        page.get_by_role("button", name="Import a collection").click()
        form = page.get_by_role("dialog", name="Import a collection")
        with page.expect_file_chooser() as chooser:
            form.get_by_role("button", name="Choose a file").click()
        chooser.value.set_files(file)
        form.get_by_role("button", name="Import", exact=True).click()
        expect(form).to_contain_text(told, timeout=30_000)
    reader.go("/knowledge")
    expect(
        page.get_by_role("navigation", name="Collections").get_by_role(
            "button", name=re.compile("^Field notes")
        )
    ).to_have_count(2)


def test_people_are_named_by_who_is_no_administrator(reader: Visit, alice: Person) -> None:
    """A person adds another by the whole name and sees the name again; one that nobody has is told."""
    reader.watch.expects("404")
    page = reader.go("/knowledge")
    page.get_by_role("button", name="New collection").and_(page.locator(":visible")).click()
    form = page.get_by_role("dialog", name="New collection")
    form.get_by_label("Name", exact=True).fill("Shared notes")
    field = form.get_by_label("Name to add to “May read”")
    field.fill("nobody-of-this-name")
    field.press("Enter")
    expect(form).to_contain_text("Nobody here is called nobody-of-this-name.")
    field.fill("ADMIN")
    field.press("Enter")
    expect(form.get_by_role("list", name="May read", exact=True)).to_contain_text("admin")
    form.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Name and permissions of Shared notes").and_(
        page.locator(":visible")
    ).click()
    form = page.get_by_role("dialog", name="Shared notes")
    expect(form.get_by_role("list", name="May read", exact=True)).to_contain_text("admin")
    form.get_by_role("button", name="Take admin off").click()
    expect(form.get_by_role("list", name="May read", exact=True)).to_have_count(0)


def test_an_import_is_cancelled_where_it_is_seen(reader: Visit, alice: Person, tmp_path: Path) -> None:
    """It goes on behind the closed dialog, is there when that is opened again, and leaves nothing when it is cancelled."""
    (tmp_path / "many.tar").write_bytes(collection_file("Far too many", 1_000))
    page = reader.go("/knowledge")
    page.get_by_role("button", name="Import a collection").click()
    form = page.get_by_role("dialog", name="Import a collection")
    with page.expect_file_chooser() as chooser:
        form.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(tmp_path / "many.tar")
    form.get_by_role("button", name="Import", exact=True).click()
    expect(form).to_contain_text("Documents are taken in", timeout=30_000)
    form.get_by_role("button", name="Close", exact=True).click()
    expect(form).to_have_count(0)
    page.get_by_role("button", name="Import a collection").click()
    form.get_by_role("button", name="Cancel the import").click()
    expect(form).to_contain_text("Cancelled. Nothing was taken in", timeout=30_000)
    names = [one["name"] for one in alice.client.get(f"{API}/collections").expect(200).json["items"]]
    assert "Far too many" not in names


def test_what_somebody_changed_meanwhile_is_not_written_over(reader: Visit, alice: Person) -> None:
    """A document, a collection and a question set say so, show what they are now, or are written all the same."""
    reader.watch.expects("412")
    place = alice.client.post(f"{API}/collections", {"name": "Held plants"}).expect(201).json["id"]
    body = {"title": "Held fern", "text": "Ferns grow.", "collection": place}
    fern = alice.client.post(f"{API}/documents", body).expect(202).json["id"]
    sets = f"{API}/collections/{place}/question_sets"
    asked = alice.client.post(sets, {"name": "Held set"}).expect(201).json["id"]
    page = reader.go(f"/knowledge?collection={place}")

    def meet(form: Locator, field: str, theirs: str, mine: str, save: str = "Save") -> None:
        """See what somebody else wrote, then write over it."""
        form.get_by_label(field, exact=True).fill(mine)
        form.get_by_role("button", name=save).click()
        expect(form.get_by_role("alert")).to_contain_text("Somebody changed it meanwhile")
        form.get_by_role("button", name="Show what it is now").click()
        expect(form.get_by_label(field, exact=True)).to_have_value(theirs)

    row(page, "Held fern").get_by_role("button", name="Actions for Held fern").click()
    page.get_by_role("menuitem", name="Title, tags, collection").click()
    form = page.get_by_role("dialog", name="Title, tags and collection")
    expect(form.get_by_label("Title", exact=True)).to_have_value("Held fern")
    alice.client("PATCH", f"{API}/documents/{fern}", {"title": "Their fern"}).expect(200)
    meet(form, "Title", "Their fern", "My fern")
    alice.client("PATCH", f"{API}/documents/{fern}", {"title": "Their last fern"}).expect(200)
    form.get_by_label("Title", exact=True).fill("My fern")
    form.get_by_role("button", name="Save", exact=True).click()
    form.get_by_role("button", name="Save mine all the same").click()
    expect(row(page, "My fern")).to_be_visible()

    page.get_by_role("button", name="Name and permissions of Held plants").and_(
        page.locator(":visible")
    ).click()
    form = page.get_by_role("dialog", name="Held plants")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Held plants")
    alice.client("PATCH", f"{API}/collections/{place}", {"name": "Their plants"}).expect(200)
    meet(form, "Name", "Their plants", "My plants")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form).to_have_count(0)

    reader.go(f"/knowledge/measurements?collection={place}")
    page.get_by_role("button", name="Rename this question set").click()
    form = page.get_by_role("dialog", name="Rename this question set")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Held set")
    graded = {"query": "where do ferns grow", "relevant": {fern: 3}}
    alice.client.post(f"{sets}/{asked}/questions", graded).expect(200)
    form.get_by_label("Name", exact=True).fill("My set")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form).to_have_count(0)
    now = alice.client.get(f"{sets}/{asked}").expect(200).json
    assert (now["name"], [one["query"] for one in now["questions"]]) == ("My set", ["where do ferns grow"])
    expect(page.get_by_role("region", name="Questions").get_by_role("link")).to_have_count(1)
    alice.client.post(f"{sets}/{asked}/questions", {**graded, "query": "another"}).expect(200)
    page.get_by_role("button", name="Delete this question set?").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Delete").click()
    expect(form.get_by_role("alert")).to_contain_text("Somebody changed it meanwhile")
    form.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No question set yet")).to_be_visible()
