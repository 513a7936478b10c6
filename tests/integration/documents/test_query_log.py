"""The log of queries of a real server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from tests.integration.documents.test_documents import BASE, settled, upload


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """AutoBot of this file's own: no other searches come into its log."""
    with ServerProcess(tmp_path_factory.mktemp("log") / "data") as running:
        yield running


def until(find: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """Return what is found once it holds; the log is written within a second."""
    end = time.monotonic() + 30
    while not holds(found := find()):
        assert time.monotonic() < end, found
    return found


def test_searches_are_kept_shown_and_forgotten(client: Client, server: ServerProcess) -> None:
    """Searches are in one's log a moment later, poor ones apart; a key without the right sees nobody else's; they can be forgotten."""
    settled(client, upload(client, b"Ferns grow in the shade.", "ferns.md").expect(202).json["id"])
    client("DELETE", f"{BASE}/queries").expect(200)
    for query in ("ferns in shade", "quantum chromodynamics"):
        client("POST", f"{BASE}/search", {"query": query, "mode": "lexical"}).expect(200)

    def log(which: str = "all") -> list[Any]:
        found: list[Any] = client.get(f"{BASE}/queries?which={which}").expect(200).json["items"]
        return found

    items = until(log, lambda found: len(found) == 2)
    assert [(one["query"], one["outcome"], one["found"]) for one in items] == [
        ("quantum chromodynamics", "nothing", 0),
        ("ferns in shade", "found", 1),
    ]
    assert items[1]["took"]["lexical_ms"] > 0
    assert [one["query"] for one in log("poor")] == ["quantum chromodynamics"]
    everybodys = client.get(f"{BASE}/queries/all").expect(200).json["items"]
    assert [one["id"] for one in items] == [one["id"] for one in everybodys]
    with Client(server.local, key=server.key("knowledge:read")) as reader:
        reader.get(f"{BASE}/queries/all").problem(403)
    assert client("DELETE", f"{BASE}/queries").expect(200).json == {"forgotten": 2, "more": False}
    assert log() == []


def test_a_reply_that_cites_is_told(server: ServerProcess) -> None:
    """A question in a chat that the built-in assistant answers from a document stands in the log as cited."""
    with Client(server.local, key=server.key("knowledge:*", "chat:*")) as client:
        document = upload(client, b"The winding key of the clock is blue.", "clock.md").expect(202).json["id"]
        settled(client, document)
        chat = client("POST", "/api/v1/chat/sessions", {"title": "x"}).expect(201).json["id"]
        body = {"content": "What colour is the winding key of the clock?"}
        client("POST", f"/api/v1/chat/sessions/{chat}/messages", body).expect(202)

        def cited() -> list[Any]:
            items = client.get(f"{BASE}/queries").expect(200).json["items"]
            return [one["cited"] for one in items if "winding key" in one["query"]]

        assert until(cited, lambda found: found == [True]) == [True]
