"""What was used is there after a stop, and after kill -9 all but the last second; a spent quota answers 429."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from tests.integration.product.stand_in import ModelServer

WORD = "count"
SEEN_WITHIN_S = 5.0
"""Seconds within which an answer must be in the store: one of our own, and patience with a busy machine."""


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model that says three words to whoever asks it to count."""
    with ModelServer() as server:
        server.on(WORD, lambda call: call.say("one", "two", "three").end())
        yield server


@pytest.fixture
def own(tmp_path: Path, model: ModelServer) -> Iterator[ServerProcess]:
    """A server with that model."""
    with ServerProcess(tmp_path / "data", {"AUTOBOT_OPENAI_BASE_URL": model.address}) as server:
        yield server


def asked(client: Client, times: int) -> None:
    """Ask the model so many times."""
    body = {"model": "stand-in", "messages": [{"role": "user", "content": WORD}]}
    for _ in range(times):
        client.post("/v1/chat/completions", body).expect(200)


def calls(client: Client, by: str = "key") -> dict[str, int]:
    """The calls of today by name."""
    found: Any = client.get(f"/api/v1/models/usage?by={by}").expect(200).json
    return {one["name"]: one["figures"]["calls"] for one in found["items"]}


def until(client: Client, number: int) -> float:
    """Return after how many seconds so many calls were in the store."""
    began = time.monotonic()
    while sum(calls(client).values()) < number:
        assert time.monotonic() - began < SEEN_WITHIN_S, calls(client)
    return time.monotonic() - began


def test_nothing_is_lost_by_a_stop_and_no_stored_count_by_a_kill(own: ServerProcess) -> None:
    """Counts are stored within a second or so; a stop writes the rest, a kill loses only what came since."""
    key = own.key("models:use", "models:usage")
    with own.client(key=key) as client:
        asked(client, 7)
    own.stop()
    own.start()
    with own.client(key=key) as client:
        assert sum(calls(client).values()) == 7
        asked(client, 5)
        until(client, 12)
        asked(client, 3)
    own.kill()
    own.start()
    with own.client(key=key) as client:
        after = sum(calls(client).values())
        assert 12 <= after <= 15
        assert list(calls(client, "model")) == ["openai:stand-in"]


def test_a_spent_quota_is_429_with_the_time_to_come_back(own: ServerProcess) -> None:
    """A key beyond its tokens of the day gets a problem document that names the setting; another key goes on."""
    key, other = own.key("models:use"), own.key("models:use", name="other")
    with own.client(key=own.key("settings:write", "settings:read")) as admin:
        admin("PUT", "/api/v1/settings/model.quotas", {"value": ["key:*=20 tokens"]}).expect(200)
    body = {"model": "stand-in", "messages": [{"role": "user", "content": WORD}]}
    with own.client(key=key) as client:
        statuses = [client.post("/v1/chat/completions", body).status for _ in range(6)]
        assert statuses[0] == 200
        assert statuses[-1] == 429
        refused = client.post("/v1/chat/completions", body).problem(429)
        assert refused["code"] == "quota-exceeded"
        assert "model.quotas" in refused["hint"]
        assert 0 < int(client.post("/v1/chat/completions", body).headers["retry-after"]) <= 86_400
    with own.client(key=other) as client:
        client.post("/v1/chat/completions", body).expect(200)
