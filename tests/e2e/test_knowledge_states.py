"""The list of documents in every state, as a real server is seldom seen, and the looks of all pages of documents."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    Visit,
    audit_in_both_looks,
)
from tests.e2e.conftest import Open
from tests.e2e.test_knowledge import API, readable, row
from tests.e2e.test_looks import SIZES
from tests.integration.product.people import Person


def document(title: str, status: str, **more: Any) -> dict[str, Any]:
    """A document as the API lists it."""
    progress = {"status": status, "done": 0, "total": 0, "unit": "", "position": None}
    return {
        "id": title.lower(), "collection": "c", "title": title, "version": 1, "ready_version": None, "status": status,
        "progress": progress | more.pop("progress", {}), "words_only": False, "passages": 0, "characters": 0, "model": "",
        "tags": [], "source": "upload", "url": "", "filename": f"{title}.pdf", "media_type": "application/pdf",
        "size": 52_000, "sha256": "0" * 64, "owner": "u", "may_write": True, "error": None,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    } | more  # fmt: skip


BUSY: Final = [
    document("Alpha", "queued", progress={"position": 4}),
    document("Beta", "parsing"),
    document("Gamma", "embedding", progress={"done": 30, "total": 120, "unit": "passages"}),
    document("Delta", "ready", ready_version=1, passages=12),
    document("Epsilon", "ready", ready_version=1, passages=7, words_only=True),
    document("Zeta", "failed", version=2, ready_version=1, error={"code": "bad-file", "detail": "The file is damaged.",
                                                                  "correlation_id": "c", "hint": "Save it anew."}),
    document("Eta", "cancelled"),
]  # fmt: skip


def listed(page: Page, seen: list[str]) -> None:
    """Let the page see documents in every state, and note what it asks to be done."""

    def answer(route: Route) -> None:
        request = route.request
        if request.method == "POST":
            seen.append(request.url.rpartition("/documents/")[2])
            route.fulfill(json=BUSY[0], status=202)
            return
        more = "cursor=next" in request.url
        items = [document("Last", "ready", ready_version=1)] if more else BUSY
        route.fulfill(json={"items": items, "next_cursor": None if more else "next"})

    page.route(f"**{API}/documents**", answer)


def test_every_state_says_what_is_happening(reader: Visit) -> None:
    """A queued document tells its place, one that is worked on its step, a failed one its cause; a list has an end."""
    seen: list[str] = []
    listed(reader.page, seen)
    page = reader.go("/knowledge")
    expect(row(page, "Alpha")).to_contain_text("Queued4 before it")
    expect(row(page, "Beta")).to_contain_text("Reading")
    expect(row(page, "Gamma")).to_contain_text("30 of 120 passages")
    expect(row(page, "Gamma").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25")
    expect(row(page, "Delta")).to_contain_text("Ready")
    expect(row(page, "Epsilon")).to_contain_text("Words only")
    expect(row(page, "Zeta")).to_contain_text(
        "The file is damaged. Save it anew.Version 1 is found meanwhile."
    )
    expect(row(page, "Eta")).to_contain_text("Cancelled")
    page.get_by_role("button", name="Retry Zeta").click()
    page.get_by_role("button", name="Cancel Gamma").click()
    page.get_by_role("button", name="Load more").click()
    expect(row(page, "Last")).to_be_visible()
    expect(page.get_by_role("button", name="Load more")).to_have_count(0)
    assert seen == ["zeta/retry", "gamma/cancel"]


def test_a_list_that_does_not_come_says_so_and_comes_on_retry(reader: Visit) -> None:
    """Before the answer there are grey rows, after an error its cause with Retry, and then the list."""
    held: list[Route] = []
    phase = "silent"
    problem = {"type": "urn:autobot:problem:internal", "title": "Internal", "status": 500, "code": "internal"}
    problem |= {"detail": "The disk is full.", "correlation_id": "c-1"}
    reader.watch.expects("500")
    page = reader.page

    def answer(route: Route) -> None:
        if phase == "silent":
            held.append(route)
        elif phase == "broken":
            route.fulfill(status=500, json=problem)
        else:
            route.continue_()

    page.route(f"**{API}/documents?**", answer)
    reader.go("/knowledge")
    expect(page.locator(".skeleton").first).to_be_visible()
    phase = "broken"
    for route in held:
        route.fulfill(status=500, json=problem)
    expect(page.get_by_role("alert")).to_contain_text("The disk is full.")
    phase = "well"
    page.get_by_role("alert").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("No documents yet")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_of_documents_are_accessible_and_fit(
    opened: Open, plain: ServerProcess, alice: Person, size: str
) -> None:
    """axe-core finds nothing serious in lists, texts, results and dialogs, and nothing scrolls sideways."""
    readable(alice, ("Knots", "A bowline does not slip. " * 30), ("w" * 120, "x" * 3000))
    visit = opened(plain.address, **SIZES[size]).becomes(alice.client)
    page = visit.page
    wrong: list[str] = []

    def check(name: str) -> None:
        expect(page.locator(".skeleton:not([role=progressbar] *)")).to_have_count(0)
        wrong.extend(f"{name} {one}" for one in audit_in_both_looks(page))

    visit.go("/knowledge")
    expect(row(page, "Knots")).to_be_visible()
    check("list")
    row(page, "Knots").get_by_role("link").click()
    expect(page.get_by_role("region", name="What was read")).to_contain_text("bowline")
    check("document")
    visit.go("/knowledge/search?q=bowline")
    expect(page.get_by_role("list", name="What was found")).to_be_visible()
    check("results")
    page.get_by_role("list", name="What was found").get_by_role("link").first.click()
    expect(page.locator("mark").first).to_be_visible()
    check("passage")
    for button, dialog in (
        ("Paste or link", "Add a document"),
        ("New collection", "New collection"),
        ("Import a collection", "Import a collection"),
    ):
        visit.go("/knowledge")
        page.get_by_role("button", name=button).and_(page.locator(":visible")).click()
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
        check(dialog)
    listed(page, [])
    visit.go("/knowledge")
    expect(row(page, "Zeta")).to_be_visible()
    check("states")
    assert not wrong, "\n".join(wrong)
