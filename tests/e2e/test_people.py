"""Users, keys, accounts: what administrators and people themselves do, and what a viewer may not."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import Visit, ask, drawer, finished
from tests.e2e.conftest import Open, awake
from tests.integration.product.host import Host
from tests.integration.product.people import Person

LINKS: Final = "/api/v1/system/links"


def test_an_added_user_signs_in_by_the_link(admin: Visit, opened: Open, plain: ServerProcess) -> None:
    """A new user without a password gets a link, shown once; it signs them in, and suspension locks them out."""
    page = admin.go("/users")
    page.get_by_role("button", name="Add user").click()
    asked = page.get_by_role("dialog", name="Add a user")
    asked.get_by_role("textbox", name="User name").fill("carol")
    asked.get_by_role("button", name="Add user").click()
    shown = page.get_by_role("dialog", name="One-time sign-in link")
    expect(shown).to_contain_text("Hand this to carol.")
    link = shown.locator("code").inner_text()
    shown.get_by_role("button", name="Done").click()
    row = page.get_by_role("row").filter(has_text="carol")
    expect(row).to_contain_text("link only")

    theirs = opened(plain.address)
    theirs.page.goto(link)
    expect(theirs.page.get_by_role("button", name="Account of carol")).to_be_visible()
    row.get_by_role("button", name="Actions for carol").click()
    page.get_by_role("menuitem", name="Suspend").click()
    question = page.get_by_role("dialog", name="Suspend this user?")
    question.get_by_role("button", name="Suspend").click()
    expect(row).to_contain_text("suspended")
    theirs.page.reload()
    expect(theirs.page.get_by_label("User name")).to_be_visible()


def test_a_key_is_shown_once_and_can_be_revoked(reader: Visit, plain: ServerProcess, alice: Person) -> None:
    """A new key is shown in whole once and works; afterwards only its beginning; revoked, it works no more."""
    page = reader.go("/users/keys")
    expect(page.get_by_text("No keys yet")).to_be_visible()
    page.get_by_role("button", name="New key").first.click()
    asked = page.get_by_role("dialog", name="New API key")
    asked.get_by_role("textbox", name="Name").fill("backup script")
    scopes = asked.get_by_role("textbox", name="Scopes")
    scopes.fill("nonsense scope!")
    expect(asked).to_contain_text("is no scope.")
    expect(asked.get_by_role("button", name="Create")).to_be_disabled()
    scopes.fill("*")
    asked.get_by_role("button", name="Create").click()
    shown = page.get_by_role("dialog", name="Your new key")
    key = shown.locator("code").inner_text()
    with plain.client(key=key) as program:
        assert program.get("/api/v1/auth/me").expect(200).json["username"] == alice.name
        page.keyboard.press("Escape")
        expect(shown).to_be_visible()
        shown.get_by_role("button", name="Done").click()
        page.reload()
        row = page.get_by_role("row").filter(has_text="backup script")
        expect(row).to_be_visible()
        assert key not in page.content()
        row.get_by_role("button", name="Revoke: backup script").click()
        question = page.get_by_role("dialog", name="Revoke this key?")
        question.get_by_role("button", name="Revoke").click()
        expect(page.get_by_text("No keys yet")).to_be_visible()
        program.get("/api/v1/auth/me").problem(401)


def test_a_password_is_set_on_the_account_page(opened: Open, plain: ServerProcess, alice: Person) -> None:
    """One's own password is changed with the old one, which stops working."""
    page = opened(plain.address).becomes(alice.client).go("/users/account")
    page.get_by_label("Current password").fill("correct horse battery")
    page.get_by_label("New password").fill("a better battery staple")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("Password set")).to_be_visible()
    with plain.client() as again:
        again.sign_in(alice.name, "correct horse battery").problem(401)
        again.sign_in(alice.name, "a better battery staple").expect(200)


def test_a_viewer_looks_and_changes_nothing(opened: Open, plain: ServerProcess, plain_host: Host) -> None:
    """A viewer sees links, is not offered what would be refused, and a forbidden page says who may see it."""
    visit = opened(plain.address).becomes(awake(plain_host)("viewer").client)
    visit.watch.expects(r"status of 403 .*/api/v1/(settings|system/events)")
    page = visit.go("/chat")
    page.get_by_role("textbox", name="Message").fill("hello")
    expect(page.get_by_role("button", name="Send message")).to_be_disabled()
    page.get_by_role("textbox", name="Message").press("Enter")
    expect(page.get_by_role("article")).to_have_count(0)
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages.get_by_role("link", name="Links", exact=True)).to_be_visible()
    expect(pages.get_by_role("link", name="Settings")).to_have_count(0)
    visit.go("/communication/gateway-ai")
    expect(drawer(page).get_by_role("button", name="Isolate", exact=True)).to_be_disabled()
    expect(drawer(page).get_by_role("button", name="Change policy")).to_be_disabled()
    visit.go("/settings")
    expect(page.get_by_text("Operators and administrators see settings")).to_be_visible()
    visit.go("/events")
    expect(page.get_by_text("Operators and administrators read the log")).to_be_visible()
    visit.go("/users")
    expect(page.get_by_role("navigation", name="Access").get_by_role("link", name="Users")).to_have_count(0)


def test_an_answer_leads_to_its_events(admin: Visit) -> None:
    """The events of an answer are one click away from it."""
    page = admin.go("/")
    ask(page, "/status")
    finished(page).get_by_role("link", name="Events of this answer").click()
    expect(page.locator("tbody").get_by_role("row").filter(has_text="run_completed")).to_have_count(1)
