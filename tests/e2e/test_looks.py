"""Every page in light and dark, at desktop and phone width: for screen readers, and without scrolling sideways."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    DESKTOP,
    IS_DARK,
    PHONE,
    audit,
    audit_in_both_looks,
    in_both_looks,
    is_wider_than_its_window,
    parts_wider_than_their_room,
)
from tests.e2e.conftest import Open, awake
from tests.integration.product.host import Host
from tests.integration.product.people import Person

PAGES: Final = {
    "/chat": "What shall we do?",
    "/communication": "Links",
    "/communication/gateway-ai": "API Gateway → AI Service",
    "/knowledge": "Knowledge",
    "/knowledge/search?q=anything": "Retrieval test",
    "/knowledge/measurements": "Measurements",
    "/events": "Events",
    "/events/1": "autobot.identity.user_added.v1",
    "/timeline": "Timeline",
    "/schemas": "Schemas",
    "/read-models": "Read models",
    "/messaging": "Messages",
    "/messaging/consumers": "Messages",
    "/sagas": "Sagas",
    "/roles": "Roles",
    "/models": "Models",
    "/settings": "Settings",
    "/users": "Access",
    "/users/keys": "Access",
    "/users/account": "Access",
    "/nowhere": "Nothing at this address",
}
"""Paths, with a heading that tells that the page is there."""
SIZES: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": DESKTOP},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
}


@pytest.fixture(scope="module")
def chatter(plain_host: Host) -> Person:
    """The administrator, with a conversation."""
    person = awake(plain_host).admin
    session = person.chat(title="A conversation")
    person.ask(session, "How do I connect Ollama?")
    person.ask(session, "/links")
    return person


def settled(page: Page) -> None:
    """Wait until nothing is loading any more, so that an audit sees the page and not its skeleton."""
    expect(page.locator(".skeleton")).to_have_count(0)


@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_and_fits(
    opened: Open, plain: ServerProcess, chatter: Person, size: str
) -> None:
    """axe-core finds nothing serious on any page, and neither it nor a part of it scrolls sideways, in either theme and width."""
    visit = opened(plain.address, **SIZES[size]).becomes(chatter.client)
    session = chatter.client.get("/api/v1/chat/sessions").expect(200).json["items"][0]["id"]
    pages = PAGES | {f"/chat/{session}": "A conversation"}
    wrong: list[str] = []
    for path, heading in pages.items():
        page = visit.go(path)
        expect(page.get_by_role("heading", name=heading).first).to_be_visible()
        settled(page)
        is_dark = page.evaluate("document.documentElement.classList.contains('dark')")
        assert is_dark == page.evaluate(IS_DARK), "the theme follows the system"
        for look in in_both_looks(page):
            wrong += [f"{path} in {look}: {one}" for one in audit(page)]
            if is_wider_than_its_window(page):
                wrong.append(f"{path} in {look} scrolls sideways")
            # A wide table of an answer scrolls by itself; so may a message that is shown as it is.
            wide = [part for part in parts_wider_than_their_room(page) if "table-scroll" not in part]
            wrong += [f"{path} in {look}: {part} scrolls sideways" for part in wide]
    assert not wrong, "\n".join(wrong)


def test_sign_in_and_dialogs_are_accessible(opened: Open, plain: ServerProcess, chatter: Person) -> None:
    """So are the sign-in page, the palette, the list of shortcuts, a menu, and a dialog with a form."""
    visit = opened(plain.address)
    page = visit.go("/sign-in")
    expect(page.get_by_label("User name")).to_be_visible()
    wrong = audit_in_both_looks(page)
    visit.becomes(chatter.client)
    for keys, name in (("Control+k", "Search and commands"), ("Control+/", "Keyboard shortcuts")):
        page = visit.go("/users")
        expect(page.get_by_role("heading", name="Access")).to_be_visible()
        page.keyboard.press(keys)
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        wrong += [f"{name} {one}" for one in audit_in_both_looks(page)]
    page = visit.go("/users")
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_role("dialog", name="Add a user")).to_be_visible()
    wrong += [f"dialog {one}" for one in audit_in_both_looks(page)]
    page = visit.go("/communication/gateway-ai")
    page.get_by_role("button", name="Change policy").click()
    form = page.get_by_role("dialog", name="Policy of API Gateway → AI Service")
    for strategy in ("Retry", "Bulkhead"):
        form.get_by_role("button", name=re.compile(f"^{strategy} ")).click()
    form.get_by_role("button", name="more options").click()
    form.get_by_role("switch", name="Limit calls at once").press("Space")
    wrong += [f"policy {one}" for one in audit_in_both_looks(page)]
    page = visit.go("/chat")
    page.get_by_role("button", name="Account of admin").click()
    expect(page.get_by_role("menu")).to_be_visible()
    # Not the page behind it: an open menu holds the focus, which axe-core recognises for dialogs alone.
    wrong += [f"menu {one}" for one in audit_in_both_looks(page, "[role=menu]")]
    assert not wrong, "\n".join(wrong)


def test_the_theme_is_chosen_and_kept(opened: Open, plain: ServerProcess, chatter: Person) -> None:
    """The chosen theme holds against the system's and after a reload, from the first paint on."""
    page = opened(plain.address, color_scheme="light").becomes(chatter.client).go("/chat")
    page.get_by_role("button", name="Switch to dark").click()
    expect(page.locator("html.dark")).to_be_attached()
    page.reload(wait_until="commit")
    expect(page.locator("html.dark")).to_be_attached()
    expect(page.get_by_role("button", name="Switch to light")).to_be_visible()


def test_a_phone_has_everything_within_reach(opened: Open, plain: ServerProcess, chatter: Person) -> None:
    """On a phone the chats are behind a button, the pages in a bar, a link's details cover the page."""
    visit = opened(plain.address, **SIZES["phone"]).becomes(chatter.client)
    page = visit.go("/chat")
    page.get_by_role("button", name="Show chats").tap()
    chats = page.get_by_role("dialog", name="Chats")
    chats.get_by_role("link", name="A conversation").first.tap()
    expect(chats).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("A conversation")
    expect(page.get_by_role("article")).to_have_count(4)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Links").tap()
    page.get_by_role("region", name="All links").get_by_role("link").first.tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert not is_wider_than_its_window(page)
    page.get_by_role("dialog").get_by_role("button", name="Hide details").tap()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_phone_shows_all_links_without_scrolling_sideways(
    opened: Open, plain: ServerProcess, chatter: Person
) -> None:
    """The map stands upright on a phone: every part lies in the window's width, and a line opens its row by touch."""
    page = opened(plain.address, **SIZES["phone"]).becomes(chatter.client).go("/communication")
    picture = page.get_by_role("group", name="Map of links")
    lines = picture.get_by_role("button")
    expect(lines).to_have_count(len(chatter.client.get("/api/v1/system/links").expect(200).json["items"]))
    settled(page)
    assert not parts_wider_than_their_room(page)
    box = picture.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    # A straight line has no height, which Playwright takes for hidden: the finger goes where the line is.
    line = picture.get_by_role("button", name=re.compile("^AI Service to NPU Worker"))
    x, y = line.evaluate("""(line) => {
      line.scrollIntoView({ block: "center" });
      const { x, y, width, height } = line.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    }""")
    page.touchscreen.tap(x, y)
    expect(page.get_by_role("dialog")).to_contain_text("AI Service → NPU Worker")


def test_a_phone_keeps_the_other_pages_behind_one_entry(
    opened: Open, plain: ServerProcess, chatter: Person
) -> None:
    """A sheet has the pages for which the bar has no room; the bar names the one that is open, and Escape goes back."""
    visit = opened(plain.address, **SIZES["phone"]).becomes(chatter.client)
    page = visit.go("/chat")
    bar = page.get_by_role("navigation", name="Pages")
    more = bar.get_by_role("button", name="More pages")
    sheet = page.get_by_role("dialog", name="More pages")
    expect(bar.get_by_role("listitem").filter(visible=True)).to_have_count(5)
    more.focus()
    page.keyboard.press("Enter")
    expect(sheet).to_be_visible()
    assert not audit_in_both_looks(page), "the sheet can be used by everybody"
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(more).to_be_focused()
    more.tap()
    sheet.get_by_role("link", name="Roles").tap()
    expect(page.get_by_role("heading", name="Roles", level=1)).to_be_visible()
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("main")).to_be_focused()
    expect(bar.get_by_role("button", name="this one is Roles")).to_have_attribute("aria-current", "true")


def test_a_crowd_of_words_does_not_widen_a_phone(
    opened: Open, plain: ServerProcess, plain_host: Host
) -> None:
    """A word without end, a long title and a wide table stay inside the page."""
    person = awake(plain_host)()
    session = person.chat(title="w" * 180)
    person.ask(session, "x" * 3000)
    person.ask(session, "/links")
    page = opened(plain.address, **SIZES["phone"]).becomes(person.client).go(f"/chat/{session}")
    expect(page.get_by_role("article")).to_have_count(4)
    assert not is_wider_than_its_window(page)
