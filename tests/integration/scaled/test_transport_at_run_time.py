"""How a row between roles is carried changes while calls are made: all processes agree, and none is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autobot.testing.harness import ServerProcess
from autobot.testing.installation import CHAT, Installation, load
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer
from tests.integration.scaled.workers import ROLES, embedding, reachable, worker

pytestmark = pytest.mark.needs_program("initdb")
LINKS = "/api/v1/system/links"


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Installation]:
    """Two backends, one ai, one gateway, none of which was told of another transport at its start."""
    with ValkeyServer() as valkey:
        database = postgres.database()
        environment = {"AUTOBOT_DATABASE_URL": database, "AUTOBOT_REDIS_URL": valkey.url}
        folder = tmp_path_factory.mktemp("moving") / "data"
        with ServerProcess(folder, environment, scaled=("--backends", "2")) as server:
            made = Installation(server, valkey, database)
            try:
                yield made
            finally:
                made.close()


def row(installation: Installation, link: str) -> dict[str, Any]:
    """Return a row as all processes describe it."""
    listed = installation.admin.get(f"{LINKS}?limit=200").expect(200).json["items"]
    found: dict[str, Any] = next(one for one in listed if one["id"] == link)
    return found


def word_of(address: str, by_http: set[str]) -> str:
    """Return by which transport an address is called; `by_http` are those of the processes for HTTP."""
    if address.startswith("calls of "):
        return "stream"
    return "http" if address in by_http else "grpc"


def carry(installation: Installation, link: str, word: str) -> None:
    """Have a row carried by a transport, and wait until all its calls go by it."""
    change = {"transport": word, "reason": f"try {word}"}
    installation.admin("PATCH", f"{LINKS}/{link}", change).expect(200)
    listed = installation.admin.get(ROLES).expect(200).json["items"]
    by_http = {one["address"] for one in listed}

    def settled() -> bool:
        now = row(installation, link)
        words = {word_of(one["address"], by_http) for one in now["targets"]}
        return (now["transport"], now["state"], words) == (word, "in-use", {word})

    installation.until(settled, f"{link} by {word}")


def test_rows_change_their_transport_under_load(apart: Installation) -> None:
    """gateway-backend and ai-backend go http, stream, grpc, http while people begin chats: each request is answered."""
    with load(apart, "moving") as people:
        for word in ("stream", "grpc", "http"):
            for link in ("gateway-backend", "ai-backend"):
                carry(apart, link, word)
            done = [len(one.acknowledged) for one in people]
            apart.until(
                lambda done=done: all(
                    len(one.acknowledged) > n + 2 for one, n in zip(people, done, strict=True)
                ),
                f"work by {word}",
            )
    assert [why for one in people for why in one.refused] == []


def test_a_reply_goes_through_every_role_by_the_new_transport(apart: Installation) -> None:
    """A chat with an answer crosses gateway-ai and ai-backend by gRPC, and the change stands in the log with who and why."""
    for link in ("gateway-ai", "ai-backend"):
        carry(apart, link, "grpc")
    admin = apart.admin
    session = admin.post(CHAT, {"title": "by gRPC"}).expect(201).json["id"]
    said = {"content": "How do I create an API key?"}
    reply = admin.post(f"{CHAT}/{session}/messages", said, headers={"prefer": "wait=30"}).expect(200).json
    assert reply["content"]
    assert row(apart, "gateway-ai")["sources"]["transport"] == "run-time"
    told = admin.get(f"{LINKS}/gateway-ai/history").expect(200).json["items"]
    assert [one["reason"] for one in told] == ["try grpc"]


def test_what_no_process_can_carry_is_refused(apart: Installation) -> None:
    """A word that is no transport between roles is 422 and changes nothing; a worker takes no calls from a stream."""
    admin = apart.admin
    before = row(apart, "gateway-backend")["transport"]
    for link, word in (("gateway-backend", "pubsub"), ("ai-npu", "stream")):
        found = admin("PATCH", f"{LINKS}/{link}", {"transport": word, "reason": "no"}).problem(422)
        assert found["detail"] == f"{link} is not carried by {word}."
    assert row(apart, "gateway-backend")["transport"] == before


def test_workers_in_the_table_are_asked_by_grpc_from_one_call_to_the_next(apart: Installation) -> None:
    """ai-npu goes to a worker's address for gRPC and back while people embed, without a failed request."""
    with worker(apart, 1, "--grpc-port", "0") as one:
        apart.until(lambda: reachable(apart, one.address), "the worker is called")
        with embedding(apart, "by-grpc", 2) as people:
            for word in ("grpc", "http"):
                carry(apart, "ai-npu", word)
                done = [it.answered for it in people]
                apart.until(
                    lambda done=done: all(it.answered > n + 2 for it, n in zip(people, done, strict=True)),
                    f"answers by {word}",
                )
        assert [why for it in people for why in it.refused] == []
