"""Rows between roles carried by gRPC or by streams: a word in the matrix, and nothing else is other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from autobot.testing.harness import ServerProcess
from autobot.testing.installation import (
    CHAT,
    Installation,
    check_killed_under_load,
    check_rolling_restart,
)
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer

pytestmark = pytest.mark.needs_program("initdb")
LINKS: Final = "/api/v1/system/links"
HOPS: Final = ("gateway-backend", "gateway-reports", "gateway-ai", "backend-models", "ai-backend")

CALLED: Final = ("gateway-backend", "gateway-ai", "ai-backend")


@dataclass(frozen=True)
class Apart:
    """An installation, and the word that its matrix file says on the rows between its roles."""

    word: str
    installation: Installation


@pytest.fixture(scope="module", params=["grpc", "stream"])
def apart(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Cluster
) -> Iterator[Apart]:
    """Two backends, one ai, one gateway."""
    folder = tmp_path_factory.mktemp("apart")
    overlay = folder / "matrix.toml"
    rows = "".join(f'[rows.{row}]\ntransport = "{request.param}"\n' for row in HOPS)
    overlay.write_text(f"format = 1\n{rows}", encoding="utf-8")
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
                yield Apart(request.param, made)
            finally:
                made.close()


def rows(installation: Installation) -> dict[str, Any]:
    """Return every row of the matrix by its id."""
    listed = installation.admin.get(f"{LINKS}?limit=200").expect(200).json["items"]
    return {one["id"]: one for one in listed}


def test_a_chat_is_answered(apart: Apart) -> None:
    """All three rows carry calls and fail none, while a chat with a reply goes through every role."""
    admin = apart.installation.admin
    session = admin.post(CHAT, {"title": apart.word}).expect(201).json["id"]
    said = {"content": "How do I create an API key?"}
    reply = admin.post(f"{CHAT}/{session}/messages", said, headers={"prefer": "wait=30"}).expect(200).json
    assert reply["content"]
    found = apart.installation.until(
        lambda: (every := rows(apart.installation)) and all(every[row]["calls"] for row in CALLED) and every,
        "figures of all processes",
    )
    for row in CALLED:
        assert (row, found[row]["state"], found[row]["transport"]) == (row, "in-use", apart.word)
        assert found[row]["failures"] == 0, found[row]


def test_refusals_come_as_they_are(apart: Apart) -> None:
    """What the backend refuses is the same problem that one process would answer with."""
    admin = apart.installation.admin
    admin.get(f"{CHAT}/0197c1d2-aaaa-7bbb-8ccc-0123456789ab").problem(404)
    admin.post(f"{CHAT}/0197c1d2-aaaa-7bbb-8ccc-0123456789ab/messages", {"content": "x"}).problem(404)


def test_an_answer_is_streamed(apart: Apart) -> None:
    """The OpenAI dialect's stream of an agent comes in chunks, and ends as it must."""
    body = {
        "model": "agent:assistant",
        "stream": True,
        "messages": [{"role": "user", "content": "How do I create an API key?"}],
    }
    key = (
        apart.installation.admin.post("/api/v1/auth/keys", {"name": apart.word, "scopes": ["*"]})
        .expect(201)
        .json["key"]
    )
    reply = apart.installation.admin.post(
        "/v1/chat/completions", body, headers={"authorization": f"Bearer {key}"}
    ).expect(200)
    lines = [one.removeprefix("data: ") for one in reply.text.splitlines() if one.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    assert len([one for one in lines[:-1] if json.loads(one)["choices"]]) > 2


def test_a_rolling_restart_refuses_nothing(apart: Apart) -> None:
    """At SIGHUP every process is exchanged for a new one under load, without one failed request."""
    check_rolling_restart(apart.installation, f"roll-{apart.word}")


def test_nothing_acknowledged_is_lost_when_a_backend_is_killed(apart: Apart) -> None:
    """SIGKILL of a backend under load: every acknowledged chat is there once, and work goes on."""
    check_killed_under_load(apart.installation, "backend", f"kill-{apart.word}")
