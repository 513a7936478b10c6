"""Read models as an operator sees them: rebuilt beside, compared, switched, taken back, and what stops one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    DESKTOP,
    PHONE,
    Visit,
    audit,
    audit_in_both_looks,
    drawer,
    visiting,
)
from tests.e2e.conftest import Open
from tests.integration.product.host import Host
from tests.integration.product.poison import poison, reply_requested

MODELS = "**/api/v1/system/read-models"


def chats(page: Page) -> Locator:
    """The read model of chats."""
    return page.get_by_role("region", name="Chats", exact=True)


def do(page: Page, act: str, why: str = "a test") -> None:
    """Press an act's button, say why, and send that with the Enter key."""
    chats(page).get_by_role("button", name=act, exact=True).click()
    asked = page.get_by_role("dialog")
    asked.get_by_role("textbox", name="Reason").fill(why)
    asked.get_by_role("textbox", name="Reason").press("Enter")
    expect(asked).to_be_hidden()


def newest(page: Page) -> Locator:
    """The last change."""
    return chats(page).get_by_role("list", name="Last changes").get_by_role("listitem").first


def test_the_way_of_a_rebuild(admin: Visit, plain_host: Host) -> None:
    """A rebuild, a comparison, a switch, a rollback and two discards, each with its reason, each shown as it ends."""
    plain_host.admin.chat(title="In both")
    page = admin.go("/events")
    page.get_by_role("navigation", name="Events").get_by_role("link", name="Read models").click()
    panel = chats(page)
    expect(panel).to_contain_text("live")
    expect(panel.get_by_role("button")).to_have_count(1)
    folded = page.get_by_role("region", name="Folded when asked").get_by_role("link")
    expect(folded.filter(has_text="Question sets")).to_be_visible()
    expect(folded.filter(has_text=re.compile("^[a-z_]+$"))).to_have_count(0)
    panel.get_by_role("button", name="Rebuild").click()
    asked = page.get_by_role("dialog", name="Rebuild Chats")
    asked.get_by_role("button", name="Rebuild").click()
    expect(asked).to_contain_text("Say why")
    asked.get_by_role("button", name="Cancel").click()
    do(page, "Rebuild", "rows looked wrong")
    expect(panel).to_contain_text("ready to switch")
    expect(newest(page)).to_contain_text("rows looked wrong")
    panel.get_by_role("button", name="Switch").click()
    expect(page.get_by_role("dialog")).to_contain_text("was not compared")
    page.keyboard.press("Escape")
    do(page, "Check parity")
    expect(panel.get_by_role("row").filter(has_text="chat.sessions")).to_contain_text("equal")
    do(page, "Switch")
    expect(panel).to_contain_text("kept for a rollback")
    do(page, "Roll back")
    expect(newest(page)).to_contain_text(re.compile("Roll back.*done"))
    expect(panel).to_contain_text("ready to switch")
    do(page, "Switch")
    expect(newest(page)).to_contain_text(re.compile("Switch.*done"))
    do(page, "Discard what is kept")
    expect(panel).not_to_contain_text("kept for a rollback")
    expect(panel.get_by_role("button")).to_have_count(1)


def test_by_keys_alone(admin: Visit) -> None:
    """An act is reached, given its reason and sent without a mouse, and focus comes back to the panel."""
    page = admin.go("/read-models")
    button = chats(page).get_by_role("button", name="Rebuild")
    expect(button).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Reason")).to_be_visible()
    page.get_by_role("textbox", name="Reason").focus()
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(chats(page)).to_contain_text("ready to switch")
    do(page, "Discard candidate")
    expect(newest(page)).to_contain_text(re.compile("Discard candidate.*done"))


def standing(**more: Any) -> dict[str, Any]:
    """A list of one read model as the API answers it."""
    beside = {
        "generation": 2, "candidate": None, "candidate_position": 0, "ready": False, "previous": None, "refused": "",
        "parity": None,
    }  # fmt: skip
    one = {
        "name": "chat", "version": 3, "tables": ["chat.sessions", "chat.messages"], "state": "live",
        "position": 2_000, "lag": 0, "lag_seconds": 0.0, "skipped": 0, "reason": "", "on_poison": "stop", "kept_by": "",
    }  # fmt: skip
    return {"items": [one | {"beside": beside | more.pop("beside", {})} | more], "head": 2_000}


def shown(page: Page, answer: dict[str, Any], changes: list[dict[str, Any]] | None = None) -> None:
    """Let the page see a state that a small installation does not come to by itself."""
    page.route(MODELS, lambda route: route.fulfill(json=answer))
    listed = {"items": changes or [], "next_cursor": None}
    page.route(f"{MODELS}/chat/changes**", lambda route: route.fulfill(json=listed))


def test_a_rebuild_under_way_is_cancelled(admin: Visit) -> None:
    """While a candidate is built its progress is shown, and the one thing to do is to cancel: it is discarded then."""
    page = admin.go("/communication")
    change = {
        "id": "c", "name": "chat", "act": "rebuild", "status": "running", "reason": "", "asked_by": "root",
        "asked_at": "2026-01-01T00:00:00Z", "ended_at": None, "error": None,
    }  # fmt: skip
    shown(page, standing(beside={"candidate": 3, "candidate_position": 500}), [change])
    sent: list[Any] = []
    page.route(
        f"{MODELS}/chat/discard",
        lambda route: (sent.append(route.request.post_data_json), route.fulfill(status=202, json=change)),
    )
    page = admin.go("/read-models")
    expect(chats(page).get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25")
    expect(chats(page).get_by_role("button")).to_have_count(1)
    do(page, "Cancel", "too slow")
    assert sent == [{"reason": "too slow"}]


def test_poison_is_seen(admin: Visit) -> None:
    """One that an event stopped says which and why, with its lag in time; events that one left out are listed."""
    page = admin.go("/communication")
    why = "Event 7 (autobot.chat.x.v1): no"
    shown(page, standing(state="stopped", lag=12, lag_seconds=95.0, reason=why, kept_by="backend-2@one"))
    page = admin.go("/read-models")
    expect(chats(page)).to_contain_text("Event 7 (autobot.chat.x.v1): no")
    expect(chats(page)).to_contain_text("1 min 35 s")
    expect(chats(page)).to_contain_text("kept by backend-2@one")
    expect(chats(page).get_by_role("button")).to_have_count(0)
    assert audit(page) == []
    page.unroute(MODELS)
    shown(page, standing(skipped=1, on_poison="skip"))
    row = {
        "position": 7,
        "event_id": "e",
        "type": "autobot.chat.x.v1",
        "version": 3,
        "reason": "no such chat",
    }
    page.route(
        f"{MODELS}/chat/skipped**",
        lambda route: route.fulfill(json={"items": [row], "next_cursor": None}),
    )
    chats(page).get_by_role("button", name="1 event was left out").click()
    expect(drawer(page)).to_contain_text("no such chat")
    assert audit(page) == []


def test_differences_and_what_was_dropped(admin: Visit) -> None:
    """A comparison that found differences names the table with both sizes; why a candidate was dropped is said."""
    page = admin.go("/communication")
    tables = [
        {"table": "chat.sessions", "equal": False, "documents": 4, "hash": "a" * 64,
         "candidate_documents": 5, "candidate_hash": "b" * 64},
    ]  # fmt: skip
    parity = {"generation": 3, "position": 1_999, "equal": False, "tables": tables}
    shown(page, standing(beside={"candidate": 3, "ready": True, "parity": parity, "refused": "Event 9: no"}))
    page = admin.go("/read-models")
    row = chats(page).get_by_role("row").filter(has_text="chat.sessions")
    expect(row).to_contain_text("differs")
    expect(chats(page)).to_contain_text("Event 9: no")
    chats(page).get_by_role("button", name="Switch").click()
    expect(page.get_by_role("dialog")).to_contain_text("found differences")
    assert audit(page) == []


def test_what_cannot_be_read_is_said(admin: Visit) -> None:
    """An error of the server is shown with a way to try again, which leads back; an empty list says what it is."""
    page = admin.go("/communication")
    admin.watch.expects("status of 500")
    problem = {"title": "Broken", "status": 500, "detail": "The store does not answer.", "code": "internal"}
    page.route(MODELS, lambda route: route.fulfill(status=500, json=problem))
    page = admin.go("/read-models")
    expect(page.get_by_text("The store does not answer.")).to_be_visible()
    page.unroute(MODELS)
    page.route(MODELS, lambda route: route.fulfill(json={"items": [], "head": 0}))
    expect(page.get_by_text("No read models")).to_be_visible()
    page.unroute(MODELS)
    expect(chats(page)).to_be_visible()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_it_fits_and_can_be_used_by_everybody(
    opened: Open, plain: ServerProcess, plain_host: Host, size: str
) -> None:
    """On a desktop and a phone, light and dark, the page and its dialog fit and have no fault of accessibility."""
    visit = opened(plain.address, viewport=DESKTOP if size == "desktop" else PHONE)
    page = visit.becomes(plain_host.admin.client).go("/read-models")
    expect(chats(page).get_by_role("button", name="Rebuild")).to_be_visible()
    assert audit_in_both_looks(page) == []
    do(page, "Rebuild")
    expect(chats(page)).to_contain_text("ready to switch")
    do(page, "Check parity")
    expect(chats(page).get_by_role("table")).to_be_visible()
    assert audit_in_both_looks(page) == []
    do(page, "Discard candidate")
    expect(chats(page).get_by_role("button", name="Rebuild")).to_be_visible()


def test_a_user_is_told_whom_to_ask(reader: Visit) -> None:
    """Who may not see read models is told so."""
    reader.watch.expects("status of 403")
    page = reader.go("/read-models")
    expect(page.get_by_text("Operators and administrators see read models")).to_be_visible()


@pytest.fixture
def halted(tmp_path: Path) -> Iterator[ServerProcess]:
    """AutoBot whose read model of chats was stopped by an event that it cannot fold."""
    folder = tmp_path / "data"
    with ServerProcess(folder):
        pass
    poison(folder, [reply_requested(1, {"session_id": 1}, "chat-bad")])
    with ServerProcess(folder) as running:
        yield running


def test_a_list_that_stopped_is_not_called_empty(browser: Browser, halted: ServerProcess) -> None:
    """Where an event stopped the read model of chats, the list says since when it lacks what is there, and leads an
    operator to what mends it; the chat itself is there."""
    with ExitStack() as closing:
        host = Host(halted, closing)
        alice = host()
        session = alice.chat(title="It is there")
        answer = alice.client.get("/api/v1/chat/sessions").expect(200).json
        assert (answer["items"], answer["behind"]["state"]) == ([], "stopped")
        assert answer["behind"]["since"] is not None
        page = closing.enter_context(visiting(browser, halted.address)).becomes(alice.client).go("/chat")
        rail = page.get_by_role("navigation", name="Chats")
        expect(rail.get_by_role("status")).to_contain_text("The list of chats has stopped")
        expect(rail.get_by_role("status")).to_contain_text("An operator sees why")
        expect(page.get_by_text("No chats yet")).to_have_count(0)
        page.goto(f"{halted.address}/chat/{session}")
        expect(page.get_by_role("heading", name="It is there")).to_be_visible()
        assert audit(page) == []
        page = closing.enter_context(visiting(browser, halted.address)).becomes(host.admin.client).go("/chat")
        page.get_by_role("link", name="Why, and what mends it").click()
        expect(chats(page)).to_contain_text("stopped")
        page.get_by_role("link", name="The setting for that").click()
        expect(page).to_have_url(re.compile(r"/settings/read_models\.on_poison$"))
