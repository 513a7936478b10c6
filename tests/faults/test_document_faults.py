"""kill -9 of the product and of the process that reads files, in the middle of indexing: every document ends ready, once."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any, Final

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from tests.integration.documents.test_documents import upload

DOCUMENTS: Final = "/api/v1/knowledge_base/documents"
WANTED: Final = 24
KILLS: Final = 3
PATIENCE_S: Final = 120.0


def readers(parent: int) -> list[int]:
    """Return the processes below a process that read a file now."""
    found, young = [], {parent}
    for _ in range(4):
        older, young = young, set[int]()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                above = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                line = (entry / "cmdline").read_bytes()
            except (OSError, ValueError, IndexError):
                continue
            if above in older:
                young.add(int(entry.name))
                if b"documents.reading" in line:
                    found.append(int(entry.name))
    return found


def states(client: Client) -> list[str]:
    """Return the status of every document."""
    items: list[Any] = client.get(f"{DOCUMENTS}?limit=200").expect(200).json["items"]
    return [one["status"] for one in items]


def test_killed_in_the_middle_every_document_ends_ready_once(tmp_path: Path) -> None:
    """What was accepted is indexed by the next life, in one version with its passages, and is found once."""
    folder = tmp_path / "data"
    accepted: list[str] = []
    key = ""
    for life in range(KILLS + 1):
        with ServerProcess(folder) as server:
            key = key or server.key("knowledge:*", "events:read")
            with Client(server.local, key=key) as client:
                for number in range(life * 6, life * 6 + 6):
                    text = f"The heron number{number} waits.\n\n" * 30
                    made = upload(client, text.encode(), f"heron-{number}.md").expect(202).json
                    accepted.append(made["id"])
                deadline = time.monotonic() + PATIENCE_S
                killed = 0
                while life < KILLS and killed < 2:
                    for pid in readers(server.pid):
                        with contextlib.suppress(ProcessLookupError):  # it was done before it was hit
                            os.kill(pid, signal.SIGKILL)
                            killed += 1
                    assert time.monotonic() < deadline, "no file was read"
                if life < KILLS:
                    assert (
                        "ready" in states(client) or "queued" in states(client) or "parsing" in states(client)
                    )
                    server.kill()
                    continue
                for one in accepted:
                    path = f"{DOCUMENTS}/{one}"
                    view: Any = None
                    while view is None or view["status"] not in ("ready", "failed", "cancelled"):
                        assert time.monotonic() < deadline, view
                        view = client("GET", path, headers={"prefer": "wait=20"}).expect(200).json
                    assert (view["status"], view["version"], view["ready_version"]) == ("ready", 1, 1), view
                assert states(client) == ["ready"] * WANTED
                for number in range(WANTED):
                    body = {"query": f"number{number}", "mode": "lexical", "group": "document", "limit": 50}
                    found = client.post("/api/v1/knowledge_base/search", body).expect(200).json["items"]
                    assert [one["document_id"] for one in found] == [accepted[number]]
                kind = "autobot.knowledge.document_indexed.v1"
                facts = client.get(f"/api/v1/system/events?type={kind}&limit=200").expect(200).json["items"]
                assert len(facts) == WANTED
