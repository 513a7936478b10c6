"""Dead letters of a real server: by HTTP, by the command line beside it and on the folder, over a restart."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess, run_cli
from tests.integration.product.poison import poison, reply_requested

LETTERS = "/api/v1/messaging/dead-letters"
REPLAYED = "/api/v1/system/events?type=autobot.messaging.dead_letter_replayed.v1&limit=200"
PATIENCE_S = 60.0


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


def test_a_replay_goes_on_after_a_kill(tmp_path: Path) -> None:
    """Killed in the middle of a replay at a rate, by time, the next process carries it on: each dead letter that was
    there is delivered again exactly once."""
    folder, count = tmp_path / "data", 60
    with ServerProcess(folder) as server:
        key = server.key("*")
        with Client(server.local, key=key) as client:
            client("PUT", "/api/v1/settings/limits.default_per_minute", {"value": 1_000_000}).expect(200)
        server.stop()
    poison(folder, [reply_requested(one, {"wrong": one}, f"chat-{one}") for one in range(count)])

    def replayed(client: Client) -> list[str]:
        events = client.get(REPLAYED).expect(200).json["items"]
        return [one["data"]["letter"] for one in events]

    def until(client: Client, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, "it never happened"
            client.get("/api/v1/system/health/live").expect(200)

    with ServerProcess(folder) as server:
        with Client(server.local, key=key) as client:
            until(client, lambda: len(client.get(f"{LETTERS}?limit=200").json["items"]) == count)
            order = {"since": "2000-01-01T00:00:00Z", "per_second": 25, "stop_at_percent": 100}
            asked = client.post(f"{LETTERS}/replay", order).expect(202).json
            until(client, lambda: len(replayed(client)) >= 10)
        server.kill()
        with server.start().client(key=key) as client:
            assert len(replayed(client)) < count, "it was killed too late to prove anything"
            way = f"/api/v1/messaging/replays/{asked['id']}"
            until(client, lambda: client.get(way).expect(200).json["ended_at"] is not None)
            assert client.get(way).json["status"] == "completed"
            found = replayed(client)
            assert (len(found), len(set(found))) == (count, count)
            assert client.get(way).json["tally"]["replayed"] == count
        server.stop()
