"""Take the screenshots of `docs/screenshots/` from a run of the product with a little life in it.

    .venv/bin/python -m tests.e2e.take_screenshots [FOLDER]

Nothing is staged: what answers is the built-in assistant and llama.cpp with a tiny model file; vectors are the worker's.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, expect, sync_playwright

from autobot.testing.harness import ServerProcess
from autobot.testing.models.tiny_gguf import write_scripted
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer
from tests.e2e.browser import ARGUMENTS, CHROMIUM, DESKTOP, PHONE, finished, visiting
from tests.integration.product.host import Host
from tests.integration.product.people import Person
from tests.integration.product.test_read_model_changes import change

FOLDER: Final = Path("docs/screenshots")
ASSISTANT: Final = "agent:assistant"
CHAT: Final = "Connecting a model"
KNOWLEDGE: Final = "/api/v1/knowledge_base"
CITED: Final = "Cleaning day"
QUESTION: Final = "How is the coffee machine cleaned?"
COFFEE: Final = """# The coffee machine

Fill the tank, press the left button twice and wait for the light.

## Cleaning

The coffee machine is cleaned every Friday with citric acid; rinse it twice afterwards.

## When it leaks

Close the tap below the sink and tell the caretaker.
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its file, path of the page, and the heading that tells that the page is there."""

    name: str
    path: str
    heading: str
    look: str = "light"
    phone: bool = False
    opens: tuple[str, ...] = ()
    """Names of what is pressed among the sources of an answer, one after another, before the picture."""


def shots(session: str, cited: str, saga: str, document: str) -> list[Shot]:
    """Return all pictures; `session` is the chat to show, `cited` one with sources, `saga` the address of the removal."""
    chat = f"/chat/{session}"
    machine = "The coffee machine"
    return [
        Shot("chat", chat, CHAT),
        Shot("phone", f"/chat/{cited}", CITED, "dark", phone=True),
        Shot("links", "/communication", "Links"),
        Shot("links-dark", "/communication", "Links", "dark"),
        Shot("links-phone", "/communication", "Links", phone=True),
        Shot("citation", f"/chat/{cited}", CITED, opens=(machine,)),
        Shot("passage", f"/chat/{cited}", CITED, opens=(machine, "Open at this passage")),
        Shot("events", "/events", "Events"),
        Shot("timeline", "/timeline", "Timeline"),
        Shot("read-models", "/read-models", "Read models"),
        Shot("sagas", saga.removeprefix("/api/v1"), "Sagas"),
        Shot("saga-phone", saga.removeprefix("/api/v1"), "User removal", "dark", phone=True),
        Shot("settings", "/settings", "Settings"),
        Shot("knowledge", "/knowledge", "Knowledge"),
        Shot("find", f"/knowledge/documents/{document}?find=machine", machine),
        Shot("retrieval", "/knowledge/search?q=how+is+the+coffee+machine+cleaned", "Retrieval test"),
        Shot("measurements", "/knowledge/measurements", "Measurements"),
        Shot("models", "/models", "Models"),
        Shot("roles-one", "/roles", "Roles"),
    ]


@contextmanager
def product() -> Iterator[ServerProcess]:
    """AutoBot with a model file and a worker for inference."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {
            "AUTOBOT_MODEL_FILE": str(write_scripted(folder / "tiny.gguf")),
            "AUTOBOT_NPU_DEVICE": "AUTO",
        }
        with ServerProcess(folder / "data", environment) as running:
            yield running


@contextmanager
def scaled() -> Iterator[ServerProcess]:
    """AutoBot with a process of its own for each role, two of some."""
    with tempfile.TemporaryDirectory() as name, Cluster() as postgres, ValkeyServer() as valkey:
        environment = {"AUTOBOT_DATABASE_URL": postgres.database(), "AUTOBOT_REDIS_URL": valkey.url}
        counts = ("--backends", "2", "--gateways", "2")
        with ServerProcess(Path(name) / "data", environment, scaled=counts) as running:
            yield running


def live(admin: Person) -> str:
    """Let something happen; return the chat to show."""
    admin.ask(admin.chat(title="A model in a file", model="llamacpp:tiny"), "Hi")
    for title, text in (
        ("Which links are there?", "/links"),
        ("How is the system?", "/status"),
        ("Back up the data", "How do I make a backup?"),
    ):
        admin.ask(admin.chat(title=title, model=ASSISTANT), text)
    session = admin.chat(title=CHAT, model=ASSISTANT)
    admin.ask(session, "How do I connect Ollama?")
    admin.ask(session, "/models")
    body = {"value": "Answer briefly.", "reason": "the team reads on phones"}
    admin.client("PUT", "/api/v1/settings/chat.system_prompt", body).expect(200)
    return session


def library(admin: Person) -> str:
    """Have documents of several kinds read, one of which cannot be; return the first one's id."""
    handbook = admin.client.post(f"{KNOWLEDGE}/collections", {"name": "Handbook", "everybody": "read"})
    collection = handbook.expect(201).json["id"]
    given: tuple[dict[str, str], ...] = (
        {"title": "The coffee machine", "text": COFFEE, "collection": collection},
        {"title": "The tap in the yard", "text": "The gardener repairs the tap.", "collection": collection},
        {"title": "Opening hours", "text": "The office is open from eight to six."},
        {"title": "A page inside", "url": "http://127.0.0.1:9/inside"},
    )
    ids = []
    for one in given:
        made = admin.client.post(f"{KNOWLEDGE}/documents", one).expect(202).json
        admin.client.get(f"{KNOWLEDGE}/documents/{made['id']}", headers={"prefer": "wait=30"}).expect(200)
        ids.append(made["id"])
    measured(admin, collection, ids[0])
    return str(ids[0])


def measured(admin: Person, collection: str, answer: str) -> None:
    """Measure each mode of search by questions that one document answers."""
    sets = f"{KNOWLEDGE}/collections/{collection}/question_sets"
    asked = (QUESTION, "What do I do when it leaks?", "Who repairs the tap?")
    questions = [{"query": query, "relevant": {answer: 3}} for query in asked]
    made = admin.client.post(sets, {"name": "Kitchen", "questions": questions}).expect(201).json["id"]
    for mode in ("lexical", "vector", "hybrid"):
        asked_for = admin.client.post(f"{sets}/{made}/measurements", {"mode": mode}).expect(202)
        until, ended = time.monotonic() + 60, None
        while ended is None and time.monotonic() < until:
            items = admin.client.get(f"{sets}/{made}/measurements").expect(200).json["items"]
            ended = next(one["ended_at"] for one in items if one["id"] == asked_for.json["id"])
        assert ended is not None, f"{mode} was not measured in time"


def removal(host: Host) -> str:
    """Have two users removed, one at once and one in a week; return the second one's saga."""
    addresses = []
    for days in (0, 7):
        user = host()
        user.chat(title="Soon gone")
        path = f"/api/v1/auth/users/{user.id}?grace_days={days}"
        addresses.append(host.admin.client("DELETE", path).expect(204).headers["location"])
    return str(addresses[-1])


def candidate(admin: Person) -> None:
    """Have the read model of chats built anew and compared."""
    for act in ("rebuild", "parity"):
        change(admin, act)


def take(browser: Browser, server: ServerProcess, admin: Person, shot: Shot, folder: Path) -> None:
    """Open a page and write its picture."""
    options: dict[str, Any] = {"viewport": DESKTOP, "color_scheme": shot.look}
    if shot.phone:
        options |= {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    with visiting(browser, server.address, **options) as visit:
        page = visit.becomes(admin.client).go(shot.path)
        expect(page.get_by_role("heading", name=shot.heading).first).to_be_visible()
        expect(page.locator(".skeleton")).to_have_count(0)
        if shot.path.startswith("/chat/"):
            finished(page)
        for name in shot.opens:
            sources = page.get_by_role("region", name="Sources").last
            sources.get_by_role("button", name=name).or_(sources.get_by_role("link", name=name)).first.click()
        expect(page.locator(".skeleton")).to_have_count(0)
        # The page begins with a focus ring, and with the system's typeface until its own has come.
        page.evaluate("document.fonts.ready.then(() => document.activeElement?.blur())")
        page.screenshot(path=folder / f"{shot.name}.png")


def main() -> int:
    """Take all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, product() as server, ExitStack() as closing:
        host = Host(server, closing)
        admin, saga = host.admin, removal(host)
        document = library(admin)
        session = live(admin)
        cited = admin.chat(title=CITED, model=ASSISTANT)
        admin.ask(cited, QUESTION)
        candidate(admin)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for shot in shots(session, cited, saga, document):
            take(browser, server, admin, shot, folder)
        with scaled() as apart:
            take(browser, apart, Host(apart, closing).admin, Shot("roles", "/roles", "Roles"), folder)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
