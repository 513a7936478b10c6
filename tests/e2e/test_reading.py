"""Reading a long document: to a page or a passage by its number, and to words; the address keeps the place."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser import PHONE, Visit, audit, is_wider_than_its_window
from tests.e2e.test_knowledge import API
from tests.integration.documents.files import pdf
from tests.integration.documents.test_documents import upload
from tests.integration.product.people import Person

PAGES = 1000
LINE = "Leaf {n} of the herbal. Ferns grow in the shade of tall trees; mosses on stones, number {n}."


def long_document(person: Person, data: bytes, name: str) -> str:
    """Have a file read that is longer than what the page loads at once; return its path."""
    made = upload(person.client, data, name).expect(202).json["id"]
    ready = person.client.get(f"{API}/documents/{made}", headers={"prefer": "wait=60"}).expect(200).json
    assert ready["status"] == "ready"
    assert ready["characters"] > 60_000
    return f"/knowledge/documents/{made}"


def place(page: Page) -> dict[str, str]:
    """What the address says of the place."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def reading(page: Page) -> Locator:
    """The text of the document."""
    return page.get_by_role("region", name="What was read")


def test_a_page_and_words_are_gone_to_by_keyboard(reader: Visit, alice: Person) -> None:
    """The field shows the page that is read; words are found in what was not loaded, forward, backward and around."""
    path = long_document(alice, pdf(*(LINE.format(n=n) for n in range(1, PAGES + 1))), "herbal.pdf")
    page = reader.go(path)
    field = page.get_by_role("textbox", name="Page")
    expect(field).to_have_value("1")
    expect(reading(page)).to_contain_text(f"of {PAGES:,}")
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(field).to_be_focused()
    page.keyboard.type("900")
    page.keyboard.press("Enter")
    leaf = page.get_by_text("Leaf 900 of", exact=False)
    expect(leaf).to_be_in_viewport()
    expect(field).to_have_value("900")
    page.wait_for_url(re.compile("page=900"))
    page.reload()
    expect(leaf).to_be_in_viewport()
    expect(field).to_have_value("900")
    field.fill("99999")
    field.press("Enter")
    expect(page.get_by_text(f"Leaf {PAGES} of")).to_be_in_viewport()
    field.fill("none")
    field.press("Enter")
    page.keyboard.press("Control+f")
    sought = page.get_by_role("textbox", name="Find in this document")
    expect(sought).to_be_focused()
    page.keyboard.type("LEAF 5 of")
    expect(page.get_by_role("status").filter(has_text="1 of 1")).to_be_visible()
    expect(page.locator("[data-here]")).to_be_in_viewport()
    expect(page.locator("[data-here]")).to_have_text("Leaf 5 of")
    sought.fill("mosses on")
    told = page.get_by_role("status").filter(has_text=f"of {PAGES:,}")
    expect(told).to_have_text(f"5 of {PAGES:,}")
    assert audit(page) == []
    for keys, number in (("Shift+Enter", "4"), ("Enter", "5"), ("Enter", "6")):
        sought.press(keys)
        expect(told).to_have_text(f"{number} of {PAGES:,}")
    page.wait_for_url(re.compile("find=mosses"))
    told_by = place(page)
    page.reload()
    expect(told).to_have_text(f"6 of {PAGES:,}")
    expect(page.locator("[data-here]")).to_be_in_viewport()
    assert place(page) == told_by
    sought.press("Escape")
    expect(page.locator("[data-here]")).to_have_count(0)
    page.wait_for_url(lambda url: "find=" not in url)
    sought.fill("lichen")
    expect(page.get_by_role("status").filter(has_text="not found")).to_be_visible()


def test_a_passage_is_gone_to_where_there_are_no_pages(reader: Visit, alice: Person) -> None:
    """It is marked, on a phone too; an address with a place that is not there says so and shows the text."""
    reader.watch.expects("404")
    text = "\n\n".join(f"## Bed {n}\n\n" + LINE.format(n=n) * 10 for n in range(1, 300))
    path = long_document(alice, text.encode(), "beds.md")
    reader.page.set_viewport_size(PHONE)
    page = reader.go(path)
    field = page.get_by_role("textbox", name="Passage")
    field.fill("200")
    field.press("Enter")
    marked = reading(page).locator("mark")
    expect(marked.first).to_be_in_viewport()
    page.wait_for_url(re.compile("passage=200"))
    assert not is_wider_than_its_window(page)
    assert audit(page) == []
    said = marked.first.text_content()
    reader.go(f"{path}?passage=200")
    expect(marked.first).to_have_text(said or "")
    reader.go(f"{path}?page=3")
    expect(reading(page).get_by_role("alert")).to_contain_text("no page of that number")
    expect(reading(page)).to_contain_text("Bed 1")
