"""What operators do with dead letters and consumers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    PHONE,
    Visit,
    audit,
    audit_in_both_looks,
)
from tests.e2e.conftest import Open, awake
from tests.integration.product.host import Host
from tests.integration.product.poison import poison, reply_requested

GOOD = """{"session_id": "none", "message_id": "m2", "run_id": "r1", "parent_id": "m1", "model": null,
"asked_by": {"id": "u1", "kind": "user", "role": "user", "user_id": "u1", "scopes": ["*"]}}"""
LETTERS = "/api/v1/messaging/dead-letters"


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """AutoBot whose log holds events that its consumer cannot handle: six keys, two events each."""
    folder = tmp_path_factory.mktemp("failing") / "data"
    with ServerProcess(folder) as server:
        server.stop()
    poison(folder, [reply_requested(one, {"session_id": one}, f"chat-bad-{one % 6}") for one in range(12)])
    with ServerProcess(folder) as running:
        yield running


@pytest.fixture(scope="module")
def failing_host(failing: ServerProcess) -> Iterator[Host]:
    """Makes people on that server."""
    with ExitStack() as closing:
        yield Host(failing, closing)


@pytest.fixture
def operator(opened: Open, failing: ServerProcess, failing_host: Host) -> Visit:
    """Its administrator, at a browser."""
    return opened(failing.address).becomes(awake(failing_host).admin.client)


def count(host: Host) -> int:
    """How many dead letters there are."""
    return len(awake(host).admin.client.get(f"{LETTERS}?limit=200").expect(200).json["items"])


def open_first(page: Page) -> None:
    """Open the first dead letter of the list by the keyboard."""
    first = page.get_by_role("region", name="Dead letters").locator("tbody a").first
    first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").first).to_contain_text("Why it failed")


def test_a_dead_letter_is_looked_at_edited_and_discarded(operator: Visit, failing_host: Host) -> None:
    """The drawer shows event, place and followers; a wrong copy is refused, a right one and a discard are done."""
    page = operator.go("/messaging")
    operator.watch.expects(r"422")
    causes = page.get_by_role("region", name="Causes").get_by_role("listitem")
    expect(causes).to_have_count(1)
    assert audit(page) == []
    open_first(page)
    details = page.get_by_role("dialog").first
    expect(details).to_contain_text("1 later event of the same key waits behind it")
    expect(details).to_contain_text("codec.py")
    assert audit(page, "[role=dialog]") == []
    details.get_by_role("button", name="Edit as copy").click()
    asked = page.get_by_role("dialog", name="Give the consumer a copy")
    asked.get_by_role("textbox", name="Reason").fill("A slip.")
    data = asked.get_by_role("textbox", name="Data of")
    data.fill("{")
    asked.get_by_role("button", name="Give the copy").click()
    expect(asked).to_contain_text("This is not JSON.")
    data.fill('{"session_id": 7}')
    asked.get_by_role("button", name="Give the copy").click()
    expect(asked.get_by_role("alert")).to_contain_text("The data is not that of")
    data.fill(GOOD)
    asked.get_by_role("button", name="Give the copy").click()
    expect(asked).to_be_hidden()
    page.wait_for_url("**/messaging/dead-letters")
    open_first(page)
    details.get_by_role("button", name="Discard").click()
    asked = page.get_by_role("dialog", name="Discard this dead letter")
    asked.get_by_role("button", name="Discard").click()
    expect(asked).to_contain_text("Say why")
    asked.get_by_role("textbox", name="Reason").fill("Nobody needs it.")
    asked.get_by_role("button", name="Discard").click()
    expect(asked).to_be_hidden()
    # Behind each of the two another of its key comes to the front, and fails, too.
    expect(page.get_by_role("region", name="Dead letters").locator("tbody tr")).to_have_count(6)


def test_all_of_a_cause_are_replayed(operator: Visit, failing_host: Host) -> None:
    """A cause is chosen and replayed as a whole at a rate; the page says how it went."""
    page = operator.go("/messaging")
    before = count(failing_host)
    cause = page.get_by_role("region", name="Causes").get_by_role("listitem").first
    cause.get_by_role("button", name="The event cannot be read as its type says").click()
    page.wait_for_url("**/messaging/dead-letters?cause=**")
    cause.get_by_role("button", name="Replay all").click()
    asked = page.get_by_role("dialog", name=f"Replay {before} dead letters")
    asked.get_by_role("button", name="Replay", exact=True).click()
    expect(asked).to_be_hidden()
    status = page.get_by_role("status", name="Replay")
    expect(status).to_contain_text(f"{before} delivered again: 0 handled, {before} failed again")
    status.get_by_role("button", name="Dismiss").click()
    expect(status).to_have_count(0)
    assert count(failing_host) == before


def test_a_consumer_is_paused_and_resumed(operator: Visit) -> None:
    """The consumers show where they are served, their lag in events and the age of the oldest; pausing one needs a
    reason, which is shown until it is resumed."""
    page = operator.go("/messaging")
    page.get_by_role("link", name="Consumers").click()
    group = page.get_by_role("region", name="reactions")
    expect(group).to_contain_text("running")
    expect(group).to_contain_text("all roles, one process")
    expect(group.locator("dl")).to_contain_text("Behind0 events")
    expect(page.get_by_role("region", name="unclaimed")).to_contain_text("all roles, one process")
    assert audit(page) == []
    group.get_by_role("button", name="Pause").click()
    asked = page.get_by_role("dialog", name="Pause reactions")
    asked.get_by_role("button", name="Pause").click()
    expect(asked).to_contain_text("Say why")
    asked.get_by_role("textbox", name="Reason").fill("Looking.")
    asked.get_by_role("button", name="Pause").click()
    expect(group).to_contain_text("Held by admin: Looking.")
    group.get_by_role("button", name="Resume").click()
    asked = page.get_by_role("dialog", name="Resume reactions")
    asked.get_by_role("textbox", name="Reason").fill("Looked.")
    asked.get_by_role("button", name="Resume").click()
    expect(group).to_contain_text("running")


def test_it_fits_a_phone(opened: Open, failing: ServerProcess, failing_host: Host) -> None:
    """At a phone's width nothing scrolls sideways, in light and dark, and nothing serious is wrong for readers."""
    client = awake(failing_host).admin.client
    visit = opened(failing.address, viewport=PHONE).becomes(client)
    page = visit.go("/messaging")
    open_first(page)
    assert audit_in_both_looks(page, "[role=dialog]") == []
    page = visit.go("/messaging/consumers")
    expect(page.get_by_role("region", name="reactions")).to_be_visible()
    assert audit_in_both_looks(page) == []


def test_without_dead_letters_and_without_the_right(admin: Visit, reader: Visit) -> None:
    """Nothing to decide on is said so; who may not look is told, and is not offered the page."""
    expect(admin.go("/messaging").get_by_text("No dead letters", exact=True)).to_be_visible()
    page = reader.go("/messaging")
    expect(page.get_by_text("Only for operators")).to_be_visible()
    expect(page.get_by_role("link", name="Messages")).to_have_count(0)
