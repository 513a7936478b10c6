"""The timeline: any chat, setting and user as it was, and the difference between two moments, by mouse and by keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    DESKTOP,
    PHONE,
    Visit,
    audit_in_both_looks,
)
from tests.e2e.conftest import Open
from tests.integration.product.host import Host

MODELS = "/api/v1/system/read-models"


def head(host: Host) -> int:
    """Return the end of the log."""
    return int(host.admin.client.get(MODELS).expect(200).json["head"])


def handle(page: Page, name: str) -> Locator:
    """Return a handle of the strip."""
    return page.get_by_role("slider", name=name)


def test_a_chat_as_it_was(admin: Visit, plain_host: Host) -> None:
    """From the log a tab leads to the strip; before its messages the chat is empty, and the end shows them all."""
    session = plain_host.admin.chat(title="Then and now")
    before = head(plain_host)
    plain_host.admin.ask(session, "/help")
    page = admin.go("/events")
    page.get_by_role("navigation", name="Events").get_by_role("link", name="Timeline").click()
    expect(handle(page, "Moment")).to_be_visible()
    page = admin.go(f"/timeline?chat={session}&at={before}")
    expect(page.get_by_text("No message yet")).to_be_visible()
    expect(handle(page, "Moment")).to_have_attribute("aria-valuenow", str(before))
    handle(page, "Moment").press("End")
    expect(page.get_by_role("listitem").filter(has_text="/help").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"at=\d+"))


def test_the_difference_between_two_moments_by_keys_alone(admin: Visit, plain_host: Host) -> None:
    """A setting that changed is shown before and after; a handle moves by keys, and the address holds both moments."""
    client = plain_host.admin.client
    client("PUT", "/api/v1/settings/chat.system_prompt", {"value": "Answer in verse."}).expect(200)
    first = head(plain_host)
    client("PUT", "/api/v1/settings/chat.system_prompt", {"value": "Answer in prose."}).expect(200)
    second = head(plain_host)
    page = admin.go(f"/timeline?what=settings&at={first}&to={second}")
    row = page.get_by_role("listitem").filter(has_text="chat.system_prompt")
    expect(row).to_contain_text("Answer in verse.")
    expect(row).to_contain_text("Answer in prose.")
    handle(page, "After").focus()
    for _ in range(second - first):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("Nothing differs between the two moments")).to_be_visible()
    expect(page).to_have_url(re.compile(f"at={first}&to={first}"))
    page.keyboard.press("ArrowLeft")
    expect(handle(page, "After")).to_have_attribute("aria-valuenow", str(first))


def test_a_handle_is_dragged(admin: Visit, plain_host: Host) -> None:
    """A press on the strip takes the handle there, and it follows the mouse; the newest user is gone at the beginning."""
    newest = plain_host("user").name
    page = admin.go("/timeline?what=users")
    expect(page.get_by_text(newest)).to_be_visible()
    box = handle(page, "Moment").locator("..").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] - 5, box["y"] + 30, steps=5)
    page.mouse.up()
    expect(handle(page, "Moment")).to_have_attribute("aria-valuenow", "0")
    expect(page.get_by_text("Nothing was there at this moment")).to_be_visible()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_it_fits_and_can_be_used_by_everybody(
    opened: Open, plain: ServerProcess, plain_host: Host, size: str
) -> None:
    """On a desktop and a phone, light and dark, every state of the page fits and has no fault of accessibility."""
    session = plain_host.admin.chat(title="Compared")
    plain_host.admin.ask(session, "/help")
    end = head(plain_host)
    visit = opened(plain.address, viewport=DESKTOP if size == "desktop" else PHONE)
    visit.becomes(plain_host.admin.client)
    for query, shown in (
        (f"chat={session}&at=1&to={end}", "listitem"),
        (f"what=users&at=0&to={end}", "listitem"),
        ("what=settings&at=0", "slider"),
        (f"what=users&at={end}", "listitem"),
    ):
        page = visit.go(f"/timeline?{query}")
        expect(handle(page, "Moment" if "to=" not in query else "Before")).to_be_visible()
        expect(page.get_by_role("main").get_by_role(shown).first).to_be_visible()
        assert audit_in_both_looks(page) == []
