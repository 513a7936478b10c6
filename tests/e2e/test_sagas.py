"""A removal as an administrator sees it: asked for, watched, stopped on its way."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    Visit,
    audit_in_both_looks,
    drawer,
)
from tests.e2e.conftest import Open
from tests.e2e.test_looks import SIZES
from tests.integration.product.host import Host


def test_a_removal_is_asked_for_watched_and_stopped(admin: Visit, plain_host: Host) -> None:
    """Who is removed with grace is shown as going; the saga names them and shows its way, and stopping it with a reason undoes it."""
    user = plain_host()
    page = admin.go("/users")
    page.get_by_role("button", name=f"Actions for {user.name}").click()
    page.get_by_role("menuitem", name="Delete user").click()
    asked = page.get_by_role("dialog", name="Delete this user?")
    asked.get_by_role("combobox", name="When").click()
    page.get_by_role("option", name="In 7 days").click()
    expect(asked).to_contain_text("Until then the removal can be stopped")
    asked.get_by_role("button", name="Delete user").click()
    expect(asked).to_be_hidden()
    row = page.get_by_role("row", name=re.compile(user.name))
    row.get_by_role("link", name="being removed").click()
    page.wait_for_url("**/sagas/*")
    shown = drawer(page)
    expect(shown.get_by_role("listitem").filter(has_text="Grace")).to_contain_text("waits")
    expect(shown).to_contain_text(
        "“Grace period” has to pass, then “Remove access” begins by itself. Until then it can be stopped."
    )
    expect(shown).to_contain_text(re.compile("It ends in [67] d"))
    ahead = shown.get_by_role("listitem").filter(has_text="Account")
    expect(ahead).to_contain_text("to come")
    expect(shown.get_by_role("listitem").filter(has_text="Remove").first).to_contain_text(
        "No return from here"
    )
    limits = ahead.get_by_text("At most 1 min a try, 200 tries")
    expect(limits).to_be_hidden()
    ahead.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(limits).to_be_visible()
    shown.get_by_role("button", name="Stop and undo").click()
    why = page.get_by_role("dialog", name="Stop this saga?")
    why.get_by_role("button", name="Stop and undo").click()
    expect(why).to_contain_text("reason", ignore_case=True)
    why.get_by_role("textbox", name="Reason").fill("They stay")
    why.get_by_role("textbox", name="Reason").press("Enter")
    expect(why).to_be_hidden()
    expect(shown).to_contain_text("Everything that it had started is undone.")
    expect(shown.get_by_role("listitem").filter(has_text="Requested")).to_contain_text("undone")
    expect(ahead).to_contain_text("not reached")
    page.keyboard.press("Escape")
    expect(page.get_by_role("row", name=re.compile(f"User removal.*{user.name}"))).to_contain_text("undone")
    page.get_by_role("tab", name="Waiting for you").click()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_the_picture_of_a_saga_fits_and_is_accessible(
    opened: Open, plain: ServerProcess, plain_host: Host, size: str
) -> None:
    """The way of a saga, forward and back, has nothing serious for axe-core and needs no scrolling sideways."""
    user = plain_host()
    reply = plain_host.admin.client("DELETE", f"/api/v1/auth/users/{user.id}?grace_days=7").expect(204)
    visit = opened(plain.address, **SIZES[size]).becomes(plain_host.admin.client)
    page = visit.go(reply.headers["location"].removeprefix("/api/v1"))
    shown = drawer(page)
    expect(shown.get_by_role("listitem").filter(has_text="Grace")).to_contain_text("waits")
    expect(shown.get_by_role("listitem").filter(has_text="Requested")).to_contain_text("can be undone")
    assert audit_in_both_looks(page) == []
