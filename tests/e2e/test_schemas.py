"""The schemas page: every type of message with its versions, members and an example, on both sizes and looks."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    DESKTOP,
    PHONE,
    Visit,
    audit_in_both_looks,
    drawer,
)
from tests.e2e.conftest import Open
from tests.integration.product.host import Host

SCHEMAS = "/api/v1/messaging/schemas"
ORDER: dict[str, Any] = {
    "type": "object",
    "description": "Somebody ordered.",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "description": "Number of the order."},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"count": {"type": "integer"}}}},
    },
    "additionalProperties": False,
}


def registered(host: Host) -> None:
    """Two versions of a type of another program; the same again changes nothing."""
    newer = {**ORDER, "properties": {**ORDER["properties"], "state": {"enum": ["new", "paid"]}}}
    for version, schema in ((1, ORDER), (2, newer)):
        body = {"type": "com.shop.order", "version": version, "schema": schema}
        host.admin.client("POST", SCHEMAS, body).expect(201)


def test_a_type_is_found_and_read(admin: Visit, plain_host: Host) -> None:
    """From the log a tab leads to all types; one is found by name and shown with versions, members and an example."""
    registered(plain_host)
    page = admin.go("/events")
    page.get_by_role("navigation", name="Events").get_by_role("link", name="Schemas").click()
    expect(page.get_by_role("link", name="autobot.chat.message_posted")).to_be_visible()
    page.get_by_role("textbox", name="Find a type").fill("shop ordered")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="com.shop.order").click()
    shown = drawer(page)
    expect(shown.get_by_text("com.shop.order.v2")).to_be_visible()
    for member, kind in (("id", "text"), ("lines[].count", "whole number"), ("state", '"new", "paid"')):
        expect(shown.get_by_role("listitem").filter(has_text=member).first).to_contain_text(kind)
    expect(shown.get_by_text('"state": "new"').first).to_be_visible()
    shown.get_by_role("button", name="1", exact=True).click()
    expect(shown.get_by_text("com.shop.order.v1")).to_be_visible()
    expect(shown.get_by_text('"state"')).to_have_count(0)
    expect(shown.get_by_text("admin")).to_be_visible()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_it_fits_and_can_be_used_by_everybody(
    opened: Open, plain: ServerProcess, plain_host: Host, size: str
) -> None:
    """On a desktop and a phone, light and dark, the page and its details fit and have no fault of accessibility."""
    registered(plain_host)
    visit = opened(plain.address, viewport=DESKTOP if size == "desktop" else PHONE)
    page = visit.becomes(plain_host.admin.client).go("/schemas")
    expect(page.get_by_role("link", name="com.shop.order")).to_be_visible()
    assert audit_in_both_looks(page) == []
    page.get_by_role("link", name="com.shop.order").click()
    expect(drawer(page).get_by_text("com.shop.order.v2")).to_be_visible()
    assert audit_in_both_looks(page) == []
