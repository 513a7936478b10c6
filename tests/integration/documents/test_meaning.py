"""Documents are found by what they mean, on a machine with nothing set up, and whatever becomes of the worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from autobot.testing.processes import below
from tests.integration.documents.test_documents import BASE, settled
from tests.integration.documents.test_search import add, search

TOPICS = {
    "Care of ferns": "Ferns like shade and moist soil. Water them twice a week.",
    "Quarterly report": "Revenue grew by four percent while costs fell.",
    "Bread": "Knead the dough, let it rise, and bake it in a hot oven.",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """AutoBot as set-up leaves it."""
    with ServerProcess(tmp_path / "data", {"AUTOBOT_NPU_DEVICE": "AUTO"}) as running:
        yield running


def worker_of(server: ServerProcess) -> int:
    """Return the process that computes. Raises AssertionError while there is none."""
    for pid in below(server.pid):
        if b"autobot.bootstrap.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise AssertionError("no worker runs")


def test_a_question_finds_what_says_it_in_other_words(server: ServerProcess) -> None:
    """A search by vectors finds the document that means the question, though they share no word."""
    with Client(server.local, key=server.key("knowledge:*", "models:*")) as client:
        ids = {title: add(client, title, text) for title, text in TOPICS.items()}
        asked = {
            "How do I look after houseplants?": "Care of ferns",
            "company earnings": "Quarterly report",
            "recipe for a loaf": "Bread",
        }
        for question, title in asked.items():
            found = search(client, question, mode="vector", group="document")["items"]
            assert found[0]["document_id"] == ids[title], question
        told = client.get("/api/v1/models/accelerators").expect(200).json
        (worker,) = told["items"]
        assert (worker["state"], worker["supervised"], worker["starts"]) == ("ready", True, 1)
        assert told["embedder"] == "npu:all-minilm-l6-v2"
        assert worker["report"]["load"]["texts"] >= len(TOPICS)


def test_a_worker_killed_while_it_indexes_loses_and_doubles_nothing(server: ServerProcess) -> None:
    """By kill -9 in the middle of indexing: every document ends ready, and each is found once."""
    with Client(server.local, key=server.key("knowledge:*")) as client:
        add(client, "First", "It starts the worker.")
        texts = {
            f"Chapter {n}": "\n\n".join(f"Paragraph {m} of chapter {n} tells of rivers." for m in range(40))
            for n in range(6)
        }
        accepted = [
            client("POST", f"{BASE}/documents", {"title": title, "text": text}).expect(202).json["id"]
            for title, text in texts.items()
        ]
        os.kill(worker_of(server), signal.SIGKILL)
        assert {settled(client, one)["status"] for one in accepted} == {"ready"}
        found = search(client, "streams of water", mode="vector", group="document", limit=200)["items"]
        ids = [one["document_id"] for one in found]
        assert len(set(ids)) == len(ids)
        assert set(accepted) <= set(ids)
