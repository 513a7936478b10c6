"""Dead letters of a real server: by HTTP, by the command line beside it and on the folder, over a restart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess, run_cli
from tests.integration.product.poison import poison, reply_requested

LETTERS = "/api/v1/messaging/dead-letters"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose log holds requests that the product's consumer cannot handle, of three chats."""
    folder = tmp_path_factory.mktemp("dead") / "data"
    with ServerProcess(folder) as server:
        server.stop()
    poison(folder, [reply_requested(one, {"wrong": one}, f"chat-bad-{one % 3}") for one in range(9)])
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[ServerProcess]:
    """AutoBot on that folder."""
    with ServerProcess(folder) as running:
        yield running
        running.stop()


def cli(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `autobot dead-letters` and expect its exit code."""
    done = run_cli(folder, "dead-letters", *words)
    assert done.returncode == code, done.stderr
    return done


def told(folder: Path, *words: str, code: int = 0) -> Any:
    """Return what it printed as JSON."""
    return json.loads(cli(folder, *words, "--json", code=code).stdout)


def test_they_are_there_by_http_and_by_the_command_line(server: ServerProcess, folder: Path) -> None:
    """One of each chat is dead and the later ones wait behind it; both ways show the same, and the metrics count it."""
    with Client(server.local, key=server.key("messaging:*", "metrics:read")) as client:
        items = client.get(LETTERS).expect(200).json["items"]
        assert sorted(one["key"] for one in items) == ["chat-bad-0", "chat-bad-1", "chat-bad-2"]
        assert told(folder, "list")["items"] == items
        view = client.get(f"{LETTERS}/{items[0]['id']}").expect(200).json
        assert view["waiting_behind"] == 2
        assert told(folder, "show", items[0]["id"])["event"] == view["event"]
        (cause,) = told(folder, "groups")["items"]
        assert cause["count"] == 3
        text = client.get("/metrics").expect(200).body.decode()
        assert 'autobot_dead_letters{age="fresh",group="reactions"} 3.0' in text
        assert 'autobot_consumer_parked{group="reactions"} 6.0' in text
        assert 'autobot_consumer_lag{group="reactions"}' in text


def test_decisions_of_the_command_line_beside_a_server(server: ServerProcess, folder: Path) -> None:
    """Discarded by the control socket, the next of its key dies in turn; what is refused ends with code 3, 7 or 2."""
    first = told(folder, "list", "--limit", "1")["items"][0]
    cli(folder, "discard", first["id"], code=2)
    cli(folder, "discard", first["id"], "--reason", " ", code=3)
    assert told(folder, "discard", first["id"], "--reason", "A test.")["decision"] == "discarded"
    cli(folder, "discard", first["id"], "--reason", "A test.", code=3)
    replay = told(folder, "replay", "--group", "reactions", code=7)
    assert (replay["status"], replay["tally"]["failed"]) == ("completed", 3)
    assert run_cli(folder, "events", "tail", "--count", "1", "--json").returncode == 0


def test_decisions_on_the_folder_hold_at_the_next_start(folder: Path) -> None:
    """Without a server the command line decides on the folder itself; a server started then goes on from there."""
    before = told(folder, "list")["items"]
    assert len(before) == 3
    told(folder, "discard", before[0]["id"], "--reason", "Not needed.")
    with ServerProcess(folder) as server, Client(server.local, key=server.key("messaging:*")) as client:
        after = client.get(LETTERS).expect(200).json["items"]
        assert before[0]["id"] not in {one["id"] for one in after}
        assert {one["key"] for one in after} == {one["key"] for one in before}
        wanted = {"reason": "Looking."}
        client.post("/api/v1/messaging/consumers/reactions/pause", wanted).expect(200)
        server.stop()
    with ServerProcess(folder) as server, Client(server.local, key=server.key("messaging:*")) as client:
        groups = client.get("/api/v1/messaging/consumers").expect(200).json["items"]
        group = next(one for one in groups if one["group"] == "reactions")
        assert (group["held"], group["reason"]) == (True, "Held by admin: Looking.")
        server.stop()
