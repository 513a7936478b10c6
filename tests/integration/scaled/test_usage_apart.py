"""Usage and quotas with two ai processes on PostgreSQL and Redis: one sum, one bound, whoever of them answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from autobot.testing.installation import Installation
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer
from tests.integration.product.stand_in import ModelServer

pytestmark = pytest.mark.needs_program("initdb")
WORD = "count"
BODY: dict[str, Any] = {"model": "stand-in", "messages": [{"role": "user", "content": WORD}]}
SURE = 8
"""Refusals one after the other after which both ai processes know that a quota is spent."""


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Installation]:
    """One backend, two ai, one gateway, and a model that says three words."""
    with ModelServer() as model, ValkeyServer() as valkey:
        model.on(WORD, lambda call: call.say("one", "two", "three").end())
        database = postgres.database()
        environment = {
            "AUTOBOT_DATABASE_URL": database,
            "AUTOBOT_REDIS_URL": valkey.url,
            "AUTOBOT_OPENAI_BASE_URL": model.address,
        }
        folder = tmp_path_factory.mktemp("usage") / "data"
        with ServerProcess(folder, environment, scaled=("--ais", "2")) as server:
            made = Installation(server, valkey, database)
            try:
                yield made
            finally:
                made.close()


def keyed(installation: Installation, name: str) -> Client:
    """Return a client with an API key of its own."""
    made = installation.admin.post("/api/v1/auth/keys", {"name": name, "scopes": ["*"]}).expect(201)
    return Client(installation.server.local, key=made.json["key"])


def calls(client: Client) -> int:
    """Return how many calls of today are counted, of all keys of this user."""
    found = client.get("/api/v1/models/usage?by=key").expect(200).json
    return sum(one["figures"]["calls"] for one in found["items"])


def test_a_quota_bounds_what_both_processes_answer_together(apart: Installation) -> None:
    """A key beyond its tokens of the day gets 429 from either process, with the setting and the time; another key goes on."""
    quota = {"value": ["key:*=40 tokens"]}
    apart.admin("PUT", "/api/v1/settings/model.quotas", quota).expect(200)
    answered, refused_in_a_row = 0, 0
    with keyed(apart, "bounded") as client:
        before = calls(client)

        def spent() -> bool:
            nonlocal answered, refused_in_a_row
            reply = client.post("/v1/chat/completions", BODY)
            if reply.status == 200:
                answered, refused_in_a_row = answered + 1, 0
            else:
                reply.problem(429)
                refused_in_a_row += 1
            return refused_in_a_row >= SURE

        apart.until(spent, "both ai processes refuse")
        assert answered > 0
        refused = client.post("/v1/chat/completions", BODY)
        assert refused.problem(429)["code"] == "quota-exceeded"
        assert "model.quotas" in refused.json["hint"]
        assert 0 < int(refused.headers["retry-after"]) <= 86_400
        streamed = client.post("/v1/chat/completions", {**BODY, "stream": True})
        assert streamed.problem(429)["code"] == "quota-exceeded"
        apart.until(lambda: calls(client) == before + answered, "what was answered, and no more, is counted")
    with keyed(apart, "unbounded yet") as other:
        other.post("/v1/chat/completions", BODY).expect(200)
    apart.admin("PUT", "/api/v1/settings/model.quotas", {"value": []}).expect(200)


@pytest.mark.parametrize("word", ["http", "grpc", "stream"])
def test_a_streamed_answer_from_the_cache_says_so_over_every_transport(
    apart: Installation, word: str
) -> None:
    """`Cache-Status` of a stream that ai kept is that of one process, whatever carries the row gateway→ai."""
    kept, carried = ({"cache": {"ttl": 60.0}}, {"transport": word})
    for row, change in (("agents-llm", kept), ("gateway-ai", carried)):
        apart.admin("PATCH", f"/api/v1/system/links/{row}", {**change, "reason": "a test"}).expect(200)
    body = {
        **BODY,
        "temperature": 0,
        "stream": True,
        "max_tokens": {"http": 90, "grpc": 91, "stream": 92}[word],
    }
    with keyed(apart, f"streams by {word}") as client:
        first = client.post("/v1/chat/completions", body)
        assert "cache-status" not in first.headers

        def again() -> str:
            # Each of the two ai processes keeps its own.
            reply = client.post("/v1/chat/completions", body).expect(200)
            assert [one for one in ("one", "two", "three") if one not in reply.text] == []
            return str(reply.headers.get("cache-status", ""))

        assert apart.until(again, "a kept answer") == "AutoBot; hit"
