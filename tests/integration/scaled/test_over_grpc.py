"""Rows between roles carried by gRPC: a word in the matrix, and nothing else is other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from autobot.testing.harness import ServerProcess
from autobot.testing.installation import CHAT, Installation
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer

pytestmark = pytest.mark.needs_program("initdb")
LINKS: Final = "/api/v1/system/links"
HOPS: Final = ("gateway-backend", "gateway-ai", "ai-backend")
MATRIX: Final = "format = 1\n" + "".join(f'[rows.{row}]\ntransport = "grpc"\n' for row in HOPS)


@pytest.fixture(scope="module")
def over_grpc(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Installation]:
    """Two backends, one ai, one gateway, whose matrix file says gRPC between them."""
    folder = tmp_path_factory.mktemp("grpc")
    overlay = folder / "matrix.toml"
    overlay.write_text(MATRIX, encoding="utf-8")
    with ValkeyServer() as valkey:
        database = postgres.database()
        environment = {
            "AUTOBOT_DATABASE_URL": database,
            "AUTOBOT_REDIS_URL": valkey.url,
            "AUTOBOT_MATRIX": str(overlay),
        }
        with ServerProcess(folder / "data", environment, scaled=("--backends", "2")) as server:
            made = Installation(server, valkey, database)
            try:
                yield made
            finally:
                made.close()


def rows(installation: Installation) -> dict[str, Any]:
    """Return every row of the matrix by its id."""
    listed = installation.admin.get(f"{LINKS}?limit=200").expect(200).json["items"]
    return {one["id"]: one for one in listed}


def test_a_chat_is_answered_over_grpc(over_grpc: Installation) -> None:
    """All three rows carry calls and fail none, while a chat with a reply goes through every role."""
    admin = over_grpc.admin
    session = admin.post(CHAT, {"title": "over grpc"}).expect(201).json["id"]
    said = {"content": "How do I create an API key?"}
    reply = admin.post(f"{CHAT}/{session}/messages", said, headers={"prefer": "wait=30"}).expect(200).json
    assert reply["content"]
    found = over_grpc.until(
        lambda: (every := rows(over_grpc)) and all(every[row]["calls"] for row in HOPS) and every,
        "figures of all processes",
    )
    for row in HOPS:
        assert (row, found[row]["state"], found[row]["transport"]) == (row, "in-use", "grpc")
        assert found[row]["failures"] == 0, found[row]


def test_refusals_come_as_they_are(over_grpc: Installation) -> None:
    """What the backend refuses is the same problem that one process would answer with."""
    admin = over_grpc.admin
    admin.get(f"{CHAT}/0197c1d2-aaaa-7bbb-8ccc-0123456789ab").problem(404)
    admin.post(f"{CHAT}/0197c1d2-aaaa-7bbb-8ccc-0123456789ab/messages", {"content": "x"}).problem(404)


def test_an_answer_is_streamed_over_grpc(over_grpc: Installation) -> None:
    """The OpenAI dialect's stream of an agent comes in chunks, and ends as it must."""
    body = {
        "model": "agent:assistant",
        "stream": True,
        "messages": [{"role": "user", "content": "How do I create an API key?"}],
    }
    key = (
        over_grpc.admin.post("/api/v1/auth/keys", {"name": "dialect", "scopes": ["*"]})
        .expect(201)
        .json["key"]
    )
    reply = over_grpc.admin.post(
        "/v1/chat/completions", body, headers={"authorization": f"Bearer {key}"}
    ).expect(200)
    lines = [one.removeprefix("data: ") for one in reply.text.splitlines() if one.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    assert len([one for one in lines[:-1] if json.loads(one)["choices"]]) > 2
