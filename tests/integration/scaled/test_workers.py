"""Workers for inference in the roles table: found, exchanged under load, drained, lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from autobot.testing.harness import ServerProcess
from autobot.testing.installation import Installation
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer
from tests.integration.scaled.workers import (
    ROLES,
    Embedding,
    embedding,
    reachable,
    worker,
    workers_shown,
)

pytestmark = pytest.mark.needs_program("initdb")


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Installation]:
    """One process a role, none of which may run a worker of its own."""
    with ValkeyServer() as valkey:
        database = postgres.database()
        environment = {"AUTOBOT_DATABASE_URL": database, "AUTOBOT_REDIS_URL": valkey.url}
        folder = tmp_path_factory.mktemp("workers") / "data"
        with ServerProcess(folder, environment, scaled=()) as server:
            made = Installation(server, valkey, database)
            try:
                yield made
            finally:
                made.close()


def work_goes_on(installation: Installation, people: list[Embedding]) -> None:
    """Wait until everybody got some more answers."""
    done = [one.answered for one in people]
    installation.until(
        lambda: all(one.answered > n + 3 for one, n in zip(people, done, strict=True)), "work goes on"
    )


def test_a_worker_is_found_by_its_row_in_the_roles_table(apart: Installation) -> None:
    """Without any address in a setting: a worker that takes its place gets calls, is shown with version, lease and key, and leaves."""
    admin = apart.admin
    told = admin.get("/api/v1/models/accelerators").expect(200).json["items"]
    assert [(one["state"], one["detail"]) for one in told] == [("absent", "To add it: autobot serve npu.")]
    with worker(apart, 1) as one:
        apart.until(lambda: reachable(apart, one.address), "the worker is called")
        shown = workers_shown(apart)[one.address]
        own = admin.get(ROLES).expect(200).json
        backend = next(it for it in own["items"] if it["roles"] == ["backend"])
        assert (shown["state"], shown["version"]) == ("live", backend["version"])
        assert (shown["pid"], shown["lease_seconds"]) == (one.pid, 10.0)
        assert shown["key_mark"] == backend["key_mark"]
        assert shown["refused_by"] == []
        hop = next(it for it in own["hops"] if it["link"] == "ai-npu")
        assert (hop["caller"], hop["callee"], hop["reachable"], hop["pairs"]) == ("ai", "npu", 1, 1)
        made = admin.post("/api/v1/auth/keys", {"name": "embeds", "scopes": ["*"]}).expect(201).json
        headers = {"authorization": f"Bearer {made['key']}"}
        body = {"model": "npu:all-minilm-l6-v2", "input": "a cat on a mat"}
        found = admin.post("/v1/embeddings", body, headers=headers).expect(200).json
        assert len(found["data"][0]["embedding"]) == 384
        assert one.stop() == 0
    apart.until(lambda: not workers_shown(apart), "its row is gone")
    gone = admin.get("/api/v1/models/accelerators").expect(200).json["items"]
    assert [it["state"] for it in gone] == ["absent"]


def test_workers_are_exchanged_under_load_without_a_failed_request(apart: Installation) -> None:
    """Two workers are replaced one after the other, at SIGTERM, while people embed: every request is answered."""
    with ExitStack() as stack:
        old = [stack.enter_context(worker(apart, slot)) for slot in (1, 2)]
        apart.until(lambda: reachable(apart, *(one.address for one in old)), "both are called")
        people = stack.enter_context(embedding(apart, "rolling"))
        apart.until(lambda: all(one.answered > 2 for one in people), "load")
        for slot, leaving in enumerate(old, 3):
            new = stack.enter_context(worker(apart, slot))
            apart.until(lambda new=new: workers_shown(apart)[new.address], "the new one is there")
            assert leaving.stop() == 0
            work_goes_on(apart, people)
        assert [why for one in people for why in one.refused] == []


def test_a_worker_that_is_killed_under_load_costs_no_request(apart: Installation) -> None:
    """SIGKILL of one of two: calls that it had are made again at the other, and it is shown as lost when its lease has ended."""
    with worker(apart, 5) as first, worker(apart, 6) as second:
        apart.until(lambda: reachable(apart, first.address, second.address), "both are called")
        # No more than the row's budget of retries holds at once.
        with embedding(apart, "killing", 2) as people:
            apart.until(lambda: all(one.answered > 2 for one in people), "load")
            first.stop(signal.SIGKILL)
            work_goes_on(apart, people)
            apart.until(
                lambda: workers_shown(apart)[first.address]["state"] == "lost", "it is found to be lost"
            )
        assert [why for one in people for why in one.refused] == []


def test_an_operator_drains_a_worker(apart: Installation) -> None:
    """A drained worker gets no new calls and stays; who, and why, is shown."""
    with worker(apart, 7) as one, worker(apart, 8) as other:
        apart.until(lambda: reachable(apart, one.address, other.address), "both are called")
        instance = workers_shown(apart)[one.address]["id"]
        apart.admin.post(f"{ROLES}/{instance}/drain", {"reason": "a new fan"}).expect(200)
        apart.until(lambda: reachable(apart, other.address), "calls go to the other alone")
        shown = workers_shown(apart)[one.address]
        assert (shown["state"], shown["drained_by"], shown["reason"]) == ("draining", "admin", "a new fan")
