"""What search found is put in order by a model that reads question and passage together, whatever becomes of its worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from tests.integration.documents.test_meaning import TOPICS, worker_of
from tests.integration.documents.test_search import PATIENCE_S, add, search
from tests.integration.npu.rankers import write_ranker

QUESTION = "How do I look after houseplants?"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """AutoBot with a model that ranks: the more of a text is the word revenue, the better it finds it."""
    folder = write_ranker(tmp_path / "judge", likes="revenue")
    environment = {"AUTOBOT_NPU_DEVICE": "AUTO", "AUTOBOT_NPU_MODELS": f"judge=rerank:{folder}"}
    with ServerProcess(tmp_path / "data", environment) as running:
        yield running


def test_a_search_is_put_in_order_by_the_operators_model(server: ServerProcess) -> None:
    """Its order comes first, with the score of the stage; whoever wants none gets none; a worker killed or stopped costs
    the stage at most, and the answer says so."""
    with Client(server.local, key=server.key("knowledge:*", "models:*")) as client:
        ids = {title: add(client, title, text) for title, text in TOPICS.items()}
        plain = search(client, QUESTION, rerank=False)
        assert plain["rerank"] is None
        assert plain["items"][0]["document_id"] == ids["Care of ferns"]
        found = search(client, QUESTION)
        assert found["rerank"] == {
            "by": "cross-encoder",
            "model": "npu:judge",
            "passages": 3,
            "left_out": None,
        }
        best, *rest = found["items"]
        assert best["document_id"] == ids["Quarterly report"]
        assert best["stages"]["rerank"] == {"score": best["score"], "rank": 1}
        assert best["score"] > 0.9
        # Neither of the others has the word: their scores are equal, so they stay in the order of the stages before.
        assert [one["score"] for one in rest] == [pytest.approx(0.5), pytest.approx(0.5)]
        assert [one["document_id"] for one in rest] == [
            one["document_id"] for one in plain["items"] if one["document_id"] != best["document_id"]
        ]
        assert found["took"]["rerank_ms"] > 0
        listed = client.get("/v1/models").expect(200).json["data"]
        (judge,) = [one for one in listed if one["id"] == "npu:judge"]
        assert judge["autobot"] == {"generates": False, "embeds": False, "ranks": True}

        os.kill(worker_of(server), signal.SIGKILL)
        # It is started again, which may take longer than the stage has: an answer comes meanwhile, too.
        until = time.monotonic() + PATIENCE_S
        while (again := search(client, "dough revenue", mode="lexical"))["rerank"]["by"] is None:
            assert again["rerank"]["left_out"]["code"] == "deadline-exceeded"
            assert len(again["items"]) == 2
            assert time.monotonic() < until, "it is not back"
        assert again["items"][0]["document_id"] == ids["Quarterly report"]

        worker = worker_of(server)
        os.kill(worker, signal.SIGSTOP)
        try:
            stopped = search(client, "dough revenue", mode="lexical")
        finally:
            os.kill(worker, signal.SIGCONT)
        assert stopped["rerank"]["by"] is None
        assert stopped["rerank"]["left_out"]["code"] == "deadline-exceeded"
        assert "knowledge.rerank_seconds" in stopped["rerank"]["left_out"]["hint"]
        assert {one["document_id"] for one in stopped["items"]} == {ids["Bread"], ids["Quarterly report"]}
        assert all(one["stages"]["rerank"] is None for one in stopped["items"])


def test_without_such_a_model_vectors_judge_for_who_asks(tmp_path: Path) -> None:
    """As set-up leaves it no search has the stage by itself; asked for, the embedding model judges and is named."""
    with (
        ServerProcess(tmp_path / "data", {"AUTOBOT_NPU_DEVICE": "AUTO"}) as server,
        Client(server.local, key=server.key("knowledge:*")) as client,
    ):
        ids = {title: add(client, title, text) for title, text in TOPICS.items()}
        assert search(client, QUESTION)["rerank"] is None
        found = search(client, "company earnings", rerank=True)
        assert (found["rerank"]["by"], found["rerank"]["model"]) == ("embedding", "npu:all-minilm-l6-v2")
        assert found["items"][0]["document_id"] == ids["Quarterly report"]
        scores = {one["document_id"]: one["stages"] for one in found["items"]}
        for stages in scores.values():
            assert stages["rerank"]["score"] == pytest.approx(stages["vector"]["score"], abs=1e-4)
