"""The library of documents: what happens to it is seen as it happens; what is wrong is put right; it can be taken along."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import expect

from tests.e2e.browser import Visit
from tests.e2e.test_knowledge import API, row
from tests.integration.product.people import Person

SLOW: Final = "Ferns grow in the shade of tall trees, and mosses on stones.\n\n" * 15_900


def test_what_is_done_with_a_document_is_seen_without_asking(reader: Visit, alice: Person) -> None:
    """While the page's clock stands still, so that it asks for nothing, a document that waits is seen to be read."""
    page = reader.page
    page.clock.install()
    for title in ("First", "Second", "Third"):
        body = {"title": title, "text": f"{title}. {SLOW}"}
        alice.client.post(f"{API}/documents", body).expect(202)
    reader.go("/knowledge")
    third = row(page, "Third")
    expect(third).to_contain_text("Queued")
    page.clock.pause_at(page.evaluate("Date.now() + 1"))
    expect(third).to_contain_text(re.compile("Reading|Cutting|Embedding"), timeout=60_000)
    page.clock.resume()
    for title in ("First", "Second", "Third"):
        expect(row(page, title)).to_contain_text(re.compile("Words only|Ready"), timeout=60_000)
