"""`autobot up --scaled --npus N`: workers for inference as processes of the installation, kept running, asked by health."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from autobot.testing.harness import ServerProcess, run_cli
from autobot.testing.installation import Installation
from autobot.testing.postgres import Cluster
from autobot.testing.processes import lives
from autobot.testing.valkey import ValkeyServer
from tests.integration.scaled.test_workers import work_goes_on
from tests.integration.scaled.workers import embedding, reachable, workers_shown

pytestmark = pytest.mark.needs_program("initdb")
LINKS = "/api/v1/system/links"
BASE = "/api/v1/knowledge_base"
NOWHERE = {
    "AUTOBOT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "AUTOBOT_REDIS_URL": "redis://127.0.0.1:1/0",
    "AUTOBOT_NPU_DEVICE": "AUTO",
}
"""What a start needs to be named, all of it away."""


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Installation]:
    """One process a role, and two workers."""
    with ValkeyServer() as valkey:
        database = postgres.database()
        environment = {
            "AUTOBOT_DATABASE_URL": database,
            "AUTOBOT_REDIS_URL": valkey.url,
            "AUTOBOT_NPU_DEVICE": "AUTO",
        }
        folder = tmp_path_factory.mktemp("counted") / "data"
        with ServerProcess(folder, environment, scaled=("--npus", "2")) as server:
            made = Installation(server, valkey, database)
            try:
                yield made
            finally:
                made.close()


def live(installation: Installation) -> dict[str, int]:
    """Return the process ids of the live workers by address."""
    shown = workers_shown(installation)
    return {at: one["pid"] for at, one in shown.items() if one["state"] == "live"}


def both(installation: Installation) -> dict[str, int]:
    """Wait until two workers live and are what the ai role calls; return their process ids by address."""

    def called() -> dict[str, int]:
        found = live(installation)
        return found if len(found) == 2 and reachable(installation, *found) else {}

    found: dict[str, int] = installation.until(called, "two workers are called")
    return found


def calls_by_target(installation: Installation) -> dict[str, int]:
    """Return how many calls went to each worker that the row leads to now."""
    rows = installation.admin.get(f"{LINKS}?limit=200").expect(200).json["items"]
    (row,) = (one for one in rows if one["id"] == "ai-npu")
    return {one["address"]: one["calls"] for one in row["targets"]}


def led_by(installation: Installation, word: str) -> bool:
    """Say whether the row leads to two addresses, which are those for HTTP or others."""
    http, led = set(workers_shown(installation)), set(calls_by_target(installation))
    return len(led) == 2 and (led == http if word == "http" else not led & http)


def test_as_many_workers_as_wanted_share_the_calls(apart: Installation) -> None:
    """Both stand in the roles table, are no child of the ai role, and both get calls of people who embed at once."""
    workers = both(apart)
    assert {one["id"].split("@")[0] for one in workers_shown(apart).values()} == {"npu", "npu-2"}
    told = apart.admin.get("/api/v1/models/accelerators").expect(200).json["items"]
    assert [one["supervised"] for one in told] == [False, False]
    before = calls_by_target(apart)
    with embedding(apart, "shared") as people:
        apart.until(
            lambda: all(calls_by_target(apart)[at] > before.get(at, 0) + 2 for at in workers),
            "calls go to both",
        )
    assert [why for one in people for why in one.refused] == []


def test_they_can_be_asked_by_grpc_from_one_call_to_the_next(apart: Installation) -> None:
    """The row's word decides for workers that were started by count, too; nobody's request fails over it."""
    both(apart)
    with embedding(apart, "by-grpc", 2) as people:
        for word in ("grpc", "http"):
            change = {"transport": word, "reason": "compared"}
            apart.admin("PATCH", f"{LINKS}/ai-npu", change).expect(200)
            apart.until(lambda word=word: led_by(apart, word), f"the row leads to the addresses for {word}")
            work_goes_on(apart, people)
    assert [why for one in people for why in one.refused] == []


def test_documents_are_indexed_by_the_word_of_both_rows(apart: Installation) -> None:
    """With backend→models and ai→npu by gRPC a document gets its vectors over those, and is found by meaning; by HTTP again, too."""
    both(apart)
    for word in ("grpc", "http"):
        for row in ("backend-models", "ai-npu"):
            change = {"transport": word, "reason": "compared"}
            apart.admin("PATCH", f"{LINKS}/{row}", change).expect(200)
        apart.until(lambda word=word: led_by(apart, word), f"the row leads to the addresses for {word}")
        before = calls_by_target(apart)
        body = {
            "title": f"By {word}",
            "text": f"Ferns like shade and moist soil, says the page that came by {word}.",
        }
        document = apart.admin.post(f"{BASE}/documents", body).expect(202).json["id"]
        apart.until(
            lambda document=document: (
                (found := apart.admin.get(f"{BASE}/documents/{document}").expect(200).json)["status"]
                == "ready"
                and not found["words_only"]
            ),
            f"the document has vectors by {word}",
        )
        asked = {"query": f"looking after houseplants, by {word}", "mode": "vector"}
        found = apart.admin.post(f"{BASE}/search", asked).expect(200).json["items"]
        assert document in {one["document_id"] for one in found}
        apart.until(
            lambda before=before: sum(calls_by_target(apart).values()) >= sum(before.values()) + 2,
            f"its calls are those of the addresses for {word}",
        )


def test_a_worker_that_is_killed_is_replaced(apart: Installation) -> None:
    """SIGKILL of one of two costs no request, and another one takes its place by itself."""
    before = both(apart)
    # No more than the row's budget of retries holds at once.
    with embedding(apart, "killed", 2) as people:
        work_goes_on(apart, people)
        killed = next(iter(before.values()))
        os.kill(killed, signal.SIGKILL)
        apart.until(
            lambda: len(now := live(apart)) == 2 and killed not in now.values(), "another one takes its place"
        )
        both(apart)
        work_goes_on(apart, people)
    assert [why for one in people for why in one.refused] == []


def test_a_rolling_restart_exchanges_them(apart: Installation) -> None:
    """At SIGHUP the workers are new processes like all others, and every text is embedded meanwhile."""
    before = both(apart)
    with embedding(apart, "rolled", 2) as people:
        os.kill(apart.server.pid, signal.SIGHUP)
        apart.until(
            lambda: len(now := live(apart)) == 2 and not set(now.values()) & set(before.values()),
            "new workers",
        )
        both(apart)
        work_goes_on(apart, people)
    assert [why for one in people for why in one.refused] == []


def test_they_end_with_their_parent(apart: Installation) -> None:
    """A parent that is killed leaves no worker behind."""
    workers = both(apart)
    apart.server.kill()
    apart.until(lambda: not any(lives(pid) for pid in workers.values()), "no worker is left")


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--npus", "1"), 2), (("--scaled", "--npus", "17"), 4), (("--scaled", "--ais", "0"), 4)],
)
def test_a_count_that_cannot_be_is_refused(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    """Workers beside one process, more than 16 of them, or a role with no process: nothing starts."""
    done = run_cli(tmp_path / "data", "up", "--port", "0", *words, environment=NOWHERE)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("AUTOBOT_NPU_DEVICE", "NONE"), ("AUTOBOT_NPU_URL", "http://127.0.0.1:9")]
)
def test_workers_that_nobody_would_ask_are_not_started(tmp_path: Path, name: str, value: str) -> None:
    """A setting that wants no worker, or names others, is told with its name before anything starts."""
    words = ("up", "--scaled", "--npus", "1", "--port", "0")
    done = run_cli(tmp_path / "data", *words, environment={**NOWHERE, name: value})
    assert done.returncode == 4, done.stderr
    assert name in done.stderr
    assert not (tmp_path / "data").exists()
