"""Who answers, what computes here and what it costs, as operators and others see it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Route, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    Visit,
    audit_in_both_looks,
)
from tests.e2e.conftest import Open, awake
from tests.e2e.test_looks import SIZES, settled
from tests.integration.product.host import Host
from tests.integration.product.people import Person

WORKER: Final[dict[str, Any]] = {
    "embedder": "npu:minilm",
    "items": [
        {
            "target": "http://127.0.0.1:8081", "state": "ready", "detail": "", "supervised": True, "starts": 2,
            "report": {
                "version": "1", "runtime": "OpenVINO 2026.1", "uptime_s": 60.0, "memory_bytes": 412_000_000,
                "devices": [{"id": "CPU", "name": "A processor"}, {"id": "NPU", "name": "An accelerator"}],
                "slots": [
                    {"model": "minilm", "task": "embed", "state": "ready", "window": 512, "dimensions": 384,
                     "device": "NPU", "precision": "f16", "loaded_s": 1.2, "source": "", "error": ""},
                    {"model": "ranker", "task": "rerank", "state": "failed", "window": 0, "dimensions": None,
                     "device": "", "precision": "", "loaded_s": None, "source": "", "error": "The file is damaged."},
                ],
                "load": {"waiting": 3, "waiting_max": 256, "texts": 75, "tokens": 900, "batches": 9, "hits": 25,
                         "refused": 0, "texts_per_second": 48.0, "batch_mean": 8.0, "compute_ms_mean": 12.5,
                         "window_s": 60.0},
            },
        }
    ],
}  # fmt: skip


def test_answers_are_counted_by_model_user_and_day(talker: Visit, bob: Person) -> None:
    """What a model did shows as its pace and today's tokens, and in the usage of whom one may see: oneself."""
    bob.ask(bob.chat(title="Counted", model="llamacpp:tiny"), "Hi")
    page = talker.go("/models")
    row = page.get_by_role("region", name="llama.cpp").get_by_role("row").filter(has_text="tiny")
    expect(row).to_contain_text("ready")
    usage = page.get_by_role("region", name="Usage and cost")
    expect(usage.get_by_role("row").filter(has_text="tiny")).to_be_visible()
    expect(page.get_by_text("of what you used")).to_be_visible()
    expect(usage).to_contain_text("No cost is shown where no price is set.")
    expect(usage.get_by_role("link", name="Set prices")).to_have_count(0)
    usage.get_by_role("combobox", name="Sum by").click()
    page.get_by_role("option", name="User").click()
    expect(usage.get_by_role("row").filter(has_text=bob.name)).to_be_visible()
    page.wait_for_url("**/models?by=user")
    expect(page.get_by_role("region", name="Accelerators")).to_have_count(0)


def test_an_accelerator_shows_its_devices_models_and_queue(admin: Visit) -> None:
    """A worker says what it computes on, which models it holds, how fast it is and how many texts wait."""
    page = admin.page
    page.route("**/api/v1/models/accelerators", lambda route: route.fulfill(json=WORKER))
    admin.go("/models")
    worker = page.get_by_role("region", name="http://127.0.0.1:8081")
    for text in (
        "ready",
        "48 texts/s",
        "3 of 256",
        "8 texts in 13 ms",
        "25 %",
        "412 MB",
        "An accelerator",
        "f16",
    ):
        expect(worker).to_contain_text(text)
    expect(worker.get_by_role("row").filter(has_text="ranker")).to_contain_text("failedThe file is damaged.")


def test_no_accelerator_says_how_to_get_one(admin: Visit) -> None:
    """Without a worker the page says so, with the step that adds one."""
    page = admin.go("/models")
    expect(page.get_by_role("region", name="Accelerators")).to_contain_text("autobot add npu")


def test_what_is_not_connected_leads_to_its_setting(admin: Visit) -> None:
    """Each provider that is missing says what it is for, with a command to copy or the setting to fill in."""
    page = admin.go("/models")
    missing = page.get_by_role("region", name="Not connected")
    expect(missing.get_by_role("heading", name="Connect a language model")).to_be_visible()
    expect(missing.get_by_role("listitem").filter(has_text="llama.cpp")).to_contain_text(
        "autobot add local-llm"
    )
    ollama = missing.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Ollama"))
    ollama.get_by_role("link", name="Set its address").click()
    page.wait_for_url("**/settings/ollama.url")
    expect(page.locator("#setting-ollama\\.url")).to_be_visible()


def test_usage_that_does_not_come_leaves_the_rest(admin: Visit) -> None:
    """An error of one part stands in its place, with its cause and Retry, and the other parts are there."""
    broken = True
    admin.watch.expects("500")
    page = admin.page
    problem = {"type": "urn:autobot:problem:internal", "title": "Internal", "status": 500, "code": "internal"}

    def answer(route: Route) -> None:
        if broken:
            route.fulfill(status=500, json=problem | {"detail": "No sums.", "correlation_id": "c-1"})
        else:
            route.continue_()

    page.route("**/api/v1/models/usage**", answer)
    admin.go("/models")
    usage = page.get_by_role("region", name="Usage and cost")
    expect(usage.get_by_role("alert")).to_contain_text("No sums.")
    expect(page.get_by_role("region", name="Built-in assistant")).to_be_visible()
    broken = False
    usage.get_by_role("button", name="Retry").click()
    expect(usage.get_by_role("alert")).to_have_count(0)


def test_the_default_model_is_chosen_from_those_that_are_known(
    opened: Open, modelled: ServerProcess, modelled_host: Host
) -> None:
    """The setting offers the models that there are; its own address opens it, points in its name or not."""
    visit = opened(modelled.address).becomes(awake(modelled_host).admin.client)
    page = visit.go("/settings/model.default")
    field = page.locator("#setting-model\\.default")
    field.click()
    expect(page.get_by_role("option", name="The first that is ready")).to_be_visible()
    page.get_by_role("option", name="tiny").click()
    expect(field).to_contain_text("tiny")
    expect(page.get_by_role("button", name="Save")).to_be_enabled()


@pytest.mark.parametrize("size", SIZES)
def test_the_page_is_accessible_and_fits(
    opened: Open, plain: ServerProcess, plain_host: Host, size: str
) -> None:
    """axe-core finds nothing serious, and nothing scrolls sideways."""
    visit = opened(plain.address, **SIZES[size]).becomes(awake(plain_host).admin.client)
    page = visit.page
    page.route("**/api/v1/models/accelerators", lambda route: route.fulfill(json=WORKER))
    visit.go("/models")
    expect(page.get_by_role("region", name="http://127.0.0.1:8081")).to_be_visible()
    settled(page)
    assert not audit_in_both_looks(page)
