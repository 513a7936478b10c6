"""An operator breaks a hop that AutoBot itself stands on: nothing falls over, and there is a way back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import DidNotStart, ServerProcess, run_cli
from tests.integration.product.people import Person

PATIENCE_S: Final = 20.0
LINKS = "/api/v1/system/links"
STORE = f"{LINKS}/services-repositories"


def force(client: Client, link: str, action: str, **more: object) -> None:
    """Act on a row's breakers."""
    client.post(f"{LINKS}/{link}/breaker", {"action": action, "reason": "test", **more}).expect(200)


def until_reached(client: Client) -> None:
    """Ask until the way to the store is open again."""
    deadline = time.monotonic() + PATIENCE_S
    while client.get("/api/v1/auth/me").status != 200:
        assert time.monotonic() < deadline, "the store is not reached again"


def test_a_refused_store_ends_nothing(tmp_path: Path) -> None:
    """While the way to the store is refused, requests get a problem; after it, all goes on: a refusal that was
    noted meanwhile is written, and a reply that was being made has its end."""
    with ServerProcess(tmp_path / "data") as server, server.client(key=server.key("*")) as client:
        person = Person(client)
        session = person.chat()
        accepted = person.say(session, "What is a link?").expect(202).json
        with server.client() as stranger:
            stranger.get("/api/v1/auth/me").problem(401)
        force(client, "services-repositories", "open", seconds=2)
        client.get("/api/v1/auth/me").problem(503, "circuit-open")
        until_reached(client)
        assert person.ask(session, "/help")["status"] == "complete"
        ends = {
            one["run_id"]: one["status"] for one in person.messages(session) if one["role"] == "assistant"
        }
        assert ends[accepted["run_id"]] in {"complete", "failed"}
        assert server.stop() == 0


def test_a_row_that_locks_everybody_out_is_taken_back_offline(tmp_path: Path) -> None:
    """Isolated without an end, the store's row keeps AutoBot from starting, with the way back in the message;
    after `autobot matrix revert` it starts, and the row's history says so."""
    folder = tmp_path / "data"
    with ServerProcess(folder) as server:
        key = server.key("*")
        with server.client(key=key) as client:
            force(client, "services-repositories", "isolate")
            hint = client.get("/api/v1/auth/me").problem(503, "circuit-open")["hint"]
            assert "autobot matrix revert services-repositories" in hint
    with pytest.raises(DidNotStart) as refused, ServerProcess(folder):
        pass
    assert "autobot matrix revert services-repositories" in refused.value.output
    assert "Traceback" not in refused.value.output
    done = run_cli(folder, "matrix", "revert", "services-repositories", "--reason", "back")
    assert done.returncode == 0, done.stderr
    with ServerProcess(folder) as server, server.client(key=key) as client:
        assert client.get(STORE).expect(200).json["targets"][0]["breaker_state"] == "closed"
        history = client.get(f"{STORE}/history").expect(200).json["items"]
        assert [one["reason"] for one in history] == ["back", "back", "test"]


def test_chaos_on_the_store_is_taken_back_offline(tmp_path: Path) -> None:
    """A row that injects faults into every call to the store can be reverted, too."""
    folder = tmp_path / "data"
    with ServerProcess(folder) as server:
        key = server.key("*")
        with server.client(key=key) as client:
            client("PATCH", STORE, {"chaos": {"fault_rate": 1.0}, "reason": "test"})
            client.get("/api/v1/auth/me").problem(502)
    assert run_cli(folder, "matrix", "revert", "services-repositories").returncode == 0
    with ServerProcess(folder) as server, server.client(key=key) as client:
        assert client.get(STORE).expect(200).json["chaos"] is None


def test_what_was_decided_last_about_a_breaker_holds_after_a_restart(tmp_path: Path) -> None:
    """Closing a whole row ends the isolation of each of its targets, also for the next start."""
    with ServerProcess(tmp_path / "data") as server:
        key = server.key("*")
        with server.client(key=key) as client:
            force(client, "agents-llm", "isolate", target="local")
            force(client, "agents-llm", "close")
            force(client, "orchestrator-agents", "isolate")
        server.restart()
        with server.client(key=key) as client:
            states = {
                one["id"]: one["targets"][0]["breaker_state"]
                for one in client.get(f"{LINKS}?limit=200").expect(200).json["items"]
                if one["targets"]
            }
    assert (states["agents-llm"], states["orchestrator-agents"]) == ("closed", "isolated")


@pytest.mark.parametrize(
    ("link", "body", "status"),
    [
        ("ai-npu", {"action": "open"}, 404),
        ("agents-llm", {"action": "open", "target": "nowhere"}, 404),
        ("agents-llm", {"action": "release"}, 409),
    ],
)
def test_a_refused_act_on_a_breaker_is_no_fact(admin: Person, link: str, body: object, status: int) -> None:
    """What cannot be done by hand is refused before anything is written."""
    asked = {"reason": "test", **dict(body)}  # type: ignore[call-overload]
    before = admin.client.get(f"{LINKS}/{link}/history").expect(200).json["items"]
    admin.client.post(f"{LINKS}/{link}/breaker", asked).problem(status)
    assert admin.client.get(f"{LINKS}/{link}/history").expect(200).json["items"] == before


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": {"policy": "round_robin"}},
        {"error_handling": "propagate"},
        {"idempotency": "method"},
        {"pattern": "request-response"},
    ],
    ids=str,
)
def test_each_field_of_a_row_can_be_changed(admin: Person, change: dict[str, object]) -> None:
    """What a row does can be changed at run time over the interface, every field of it."""
    path = f"{LINKS}/ai-openai"
    try:
        row = admin.client("PATCH", path, {**change, "reason": "test"}).expect(200).json
        ((name, value),) = change.items()
        held = row[name]
        assert held == value or (isinstance(value, dict) and value.items() <= held.items())
    finally:
        admin.client.post(f"{path}/revert", {"position": "shipped", "reason": "test"}).expect(200)
