"""Documents of a real server are found."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess, run_cli
from tests.integration.documents.test_documents import BASE, settled

PATIENCE_S: Final = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """AutoBot as it is with nothing installed."""
    with ServerProcess(tmp_path_factory.mktemp("search") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Iterator[Client]:
    """An administrator's program."""
    with Client(server.local, key=server.key("knowledge:*", "events:read")) as asking:
        yield asking


def add(client: Client, title: str, text: str, **fields: Any) -> str:
    """Add a text, wait until it is ready, and return its id."""
    body = {"title": title, "text": text, **fields}
    accepted = client("POST", f"{BASE}/documents", body).expect(202).json
    assert settled(client, accepted["id"])["status"] == "ready"
    return str(accepted["id"])


def search(client: Client, query: str, **fields: Any) -> Any:
    """Search, and return the answer."""
    return client("POST", f"{BASE}/search", {"query": query, **fields}).expect(200).json


def until_unfound(client: Client, query: str) -> None:
    """Return when nothing is found any more. Raises AssertionError after the patience."""
    deadline = time.monotonic() + PATIENCE_S
    while search(client, query, mode="lexical")["items"]:
        assert time.monotonic() < deadline, "it is found still"


def test_a_text_is_found_by_its_words_and_as_it_was(client: Client) -> None:
    """What was added is found with its place; after it is gone it is found as of before, and no more now."""
    document = add(client, "Care of ferns", "Ferns grow in the shade.\n\nWater them twice a week.")
    add(client, "Care of pumps", "A pump needs oil.")
    events = client("GET", "/api/v1/system/events?limit=200").expect(200).json["items"]
    with_it = max(one["position"] for one in events)
    answer = search(client, "watering ferns", mode="lexical", group="document", limit=200)
    assert [one["document_id"] for one in answer["items"]] == [document]
    one = answer["items"][0]
    assert (one["title"], one["version"], one["stages"]["lexical"]["rank"]) == ("Care of ferns", 1, 1)
    text = client.get(f"{BASE}/documents/{document}/text").expect(200).json["text"]
    assert text[one["start"] : one["end"]] == one["text"]
    assert one["score"] == one["stages"]["lexical"]["score"] > 0
    client("DELETE", f"{BASE}/documents/{document}?keep_past=true").expect(204)
    until_unfound(client, "watering ferns")
    then = search(client, "watering ferns", mode="lexical", position=with_it)
    assert ([one["document_id"] for one in then["items"]], then["position"]) == ([document], with_it)


def test_bad_searches_are_refused(client: Client) -> None:
    """Too many results, an unknown mode, no words, two moments and another's collection are told apart."""
    for body in (
        {"query": ""},
        {"query": " "},
        {"query": "x", "limit": 201},
        {"query": "x", "mode": "magic"},
    ):
        assert client("POST", f"{BASE}/search", body).status == 422, body
    both = {"query": "x", "position": 1, "at": "2026-01-01T00:00:00Z"}
    assert client("POST", f"{BASE}/search", both).status == 422
    assert client("POST", f"{BASE}/search", {"query": "x", "collection": "nobodys"}).status == 404


def test_search_is_measured_by_http_and_command_line(
    client: Client, server: ServerProcess, tmp_path: Path
) -> None:
    """Both answer the same measures, the command line of what everybody may read; a file that is no list of questions is told, and measures nothing."""
    shared = (
        client("POST", f"{BASE}/collections", {"name": "Lamps", "everybody": "read"}).expect(201).json["id"]
    )
    document = add(client, "Care of lamps", "Lamps want new bulbs once a year.", collection=shared)
    questions = [{"query": "bulbs of lamps", "relevant": {document: 1}}]
    body = {"questions": questions, "mode": "lexical"}
    found = client("POST", f"{BASE}/search/measure", body).expect(200).json
    assert (found["ndcg_10"], found["recall_100"], found["mrr_10"], found["mode"]) == (
        1.0,
        1.0,
        1.0,
        "lexical",
    )
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(questions), encoding="utf-8")
    told = run_cli(server.folder, "knowledge", "eval", str(file), "--mode", "lexical")
    assert told.returncode == 0, told.stderr
    assert "nDCG@10 1.0000, recall@100 1.0000, MRR@10 1.0000" in told.stdout
    file.write_text("{", encoding="utf-8")
    assert run_cli(server.folder, "knowledge", "eval", str(file)).returncode == 2
