"""An installation whose log was begun by an earlier version: its events as stored, and as this version reads them."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, expect

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.kernel.event_store.transaction import Append, Transaction
from autobot.kernel.sagas.earlier import INTERRUPTED
from autobot.testing.harness import ServerProcess
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock
from tests.e2e.browser import drawer, visiting
from tests.integration.product.host import Host

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "events" / f"{INTERRUPTED}.json"


async def begun(folder: Path) -> None:
    """Write a log as an earlier version left it: one event of a type that is retired."""
    folder.mkdir(parents=True)
    clock = ManualClock()
    store = await SqliteEventStore.open(folder / "autobot.db", clock)
    data = json.loads(GOLDEN.read_text(encoding="utf-8"))["data"][0]
    message = Maker(clock, prefix="old").message("run-old", data, type=INTERRUPTED)
    await store.commit(Transaction(appends=(Append(stream="run-old", expected=-1, events=(message,)),)))
    await store.close()


def test_an_event_of_an_earlier_version_is_shown_both_ways(browser: Browser, tmp_path: Path) -> None:
    """The page shows type and data as stored, and below them what this version reads."""
    folder = tmp_path / "data"
    with ThreadPoolExecutor(1) as beside:  # The browser's driver holds this thread's loop.
        beside.submit(asyncio.run, begun(folder)).result()
    with ServerProcess(folder) as server, ExitStack() as closing:
        host = Host(server, closing)
        shown = host.admin.client.get("/api/v1/system/events/1/today").expect(200).json
        assert (shown["stored_type"], shown["type"][-3:], shown["data"]["error"]["detail"]) == (
            INTERRUPTED, ".v2", "text"
        )  # fmt: skip
        (stored,) = host.admin.client.get("/api/v1/system/events?after=0&limit=1").expect(200).json["items"]
        assert (stored["type"], stored["data"]["reason"]) == (INTERRUPTED, "text")
        with visiting(browser, server.address) as visit:
            page = visit.becomes(host.admin.client).go("/events/1")
            part = drawer(page)
            expect(part.get_by_role("heading", name=INTERRUPTED)).to_be_visible()
            expect(part.get_by_role("heading", name="As it is read today")).to_be_visible()
            expect(part).to_contain_text("autobot.runs.run_interrupted.v2")
