"""The processes of an installation as an operator sees them."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import PHONE, Visit, audit, audit_in_both_looks, parts_wider_than_their_room

REASON = "Ask as it is sent: the value null is not read"


def process(name: str, role: str, **more: Any) -> dict[str, Any]:
    """A process as the API lists it."""
    return {
        "id": name, "roles": [role], "address": f"http://10.0.0.{len(name)}:8001", "version": "1.1",
        "contracts": "c", "host": "one", "pid": 7, "started_at": "2026-01-01T00:00:00Z", "state": "live", "reason": "",
        "drained_by": "", "epoch": 1, "lease_seconds": 10.0, "age_seconds": 1.5, "lease_left_seconds": 8.5,
        "refused_by": [], "here": False, "key_mark": "0000aaaa", "children": [], "memory_bytes": 120 << 20,
    } | more  # fmt: skip


CHILD = {
    "what": "npu", "state": "ready", "address": "unix:/data/npu.sock", "starts": 1, "pid": 77,
    "memory_bytes": 300 << 20, "devices": ["CPU"], "detail": "",
}  # fmt: skip
SCALED: dict[str, Any] = {
    "mode": "scaled",
    "items": [
        process("gateway@one", "gateway"),
        process("backend@one", "backend", children=[CHILD], here=True),
        process("backend@two", "backend", state="draining", reason="an upgrade", drained_by="root", memory_bytes=None),
        process(
            "backend@new",
            "backend",
            state="incompatible",
            reason=REASON,
            refused_by=[
                {"role": "gateway", "version": "1.1", "contracts": "c", "instances": 1, "reason": REASON}
            ],
        ),
    ],
    "hops": [
        {"link": "gateway-backend", "caller": "gateway", "callee": "backend", "reachable": 1, "pairs": 2,
         "targets": ["dns:backend:8001"]},
        {"link": "gateway-ai", "caller": "gateway", "callee": "ai", "reachable": 0, "pairs": 0, "targets": []},
    ],
}  # fmt: skip


def answered(page: Page, seen: list[tuple[str, Any]]) -> None:
    """Let the page see an installation of several processes, and note what it asks for."""

    def answer(route: Route) -> None:
        request = route.request
        if request.method == "POST":
            seen.append((request.url.rsplit("/roles/", 1)[1], request.post_data_json))
        route.fulfill(json=SCALED)

    page.route("**/api/v1/system/roles**", answer)


def test_one_process_is_shown_with_all_its_roles_and_what_it_started(
    admin: Visit, plain: ServerProcess
) -> None:
    """The embedded mode is one process, by its number and memory, with its worker below it; nothing can be drained."""
    page = admin.go("/roles")
    expect(page.get_by_role("heading", name="One process holds all roles")).to_be_visible()
    expect(page.get_by_text("autobot up --scaled")).to_be_visible()
    picture = page.get_by_role("region", name="The process and what it started")
    expect(picture).to_contain_text(f"process {plain.pid}")
    expect(picture).to_contain_text("MB of memory")
    expect(picture).to_contain_text(plain.address)
    held = picture.get_by_role("list", name="Roles that it holds").get_by_role("listitem")
    expect(held).to_contain_text(["Gateway", "Backend", "AI"])
    expect(
        picture.get_by_role("list", name="Processes that it started").get_by_role("listitem")
    ).to_have_count(1)
    expect(page.get_by_role("button", name="Drain")).to_have_count(0)
    assert audit(page) == []
    page.set_viewport_size(PHONE)
    assert parts_wider_than_their_room(page) == []


def test_it_is_reached_by_keyboard(admin: Visit) -> None:
    """`g r` leads there."""
    page = admin.go("/communication")
    expect(page.get_by_role("heading", name="Links", exact=True)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/roles")


def test_processes_stand_in_lanes_and_one_is_drained(admin: Visit) -> None:
    """Each with its state and why it gets no calls; draining asks for a reason, and names the process."""
    seen: list[tuple[str, Any]] = []
    page = admin.go("/communication")
    answered(page, seen)
    page = admin.go("/roles")
    backend = page.get_by_role("region", name="Backend", exact=True)
    expect(backend.get_by_role("button", name="Copy address")).to_have_count(3)
    started = backend.get_by_role("list", name="Processes that it started")
    expect(started.get_by_role("listitem")).to_have_text(
        re.compile("Worker for inference.*running.*process 77 · 315 MB of memory · on CPU")
    )
    expect(backend).to_contain_text("does not tell its memory")
    expect(backend).to_contain_text("Drained by root: an upgrade")
    expect(backend).to_contain_text(f"1 process of gateway 1.1 cannot call it: {REASON}")
    expect(page.get_by_role("region", name="AI", exact=True)).to_contain_text("autobot serve ai")
    hops = page.get_by_role("region", name="Links between roles")
    expect(hops).to_contain_text("1 of 2 pairs meet")
    expect(hops).to_contain_text("dns:backend:8001")
    assert audit_in_both_looks(page) == []
    page.get_by_role("button", name="Drain backend@one").click()
    asked = page.get_by_role("dialog", name="Drain backend@one?")
    asked.get_by_role("button", name="Drain").click()
    expect(asked).to_contain_text("reason", ignore_case=True)
    asked.get_by_role("textbox", name="Reason").fill("it is exchanged")
    asked.get_by_role("textbox", name="Reason").press("Enter")
    expect(asked).to_be_hidden()
    assert seen == [("backend%40one/drain", {"reason": "it is exchanged"})]


def test_a_table_takes_the_place_of_lanes_on_a_phone(admin: Visit) -> None:
    """Where there is no room, the same processes stand in a table, without scrolling sideways."""
    page = admin.go("/communication")
    answered(page, [])
    page = admin.go("/roles")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.get_by_role("row")).to_have_count(5)
    expect(page.get_by_role("row").filter(has_text="backend@one")).to_contain_text("process 77")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_cannot_be_read_is_said(admin: Visit) -> None:
    """An error of the server is shown with a way to try again, which leads back."""
    page = admin.go("/communication")
    problem = {
        "title": "Overloaded",
        "status": 503,
        "detail": "The store does not answer.",
        "code": "overloaded",
    }
    admin.watch.expects("status of 500")
    page.route(
        "**/api/v1/system/roles",
        lambda route: route.fulfill(status=500, json=problem | {"status": 500}),
    )
    page = admin.go("/roles")
    expect(page.get_by_text("The store does not answer.")).to_be_visible()
    page.unroute("**/api/v1/system/roles")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("heading", name="One process holds all roles")).to_be_visible()
