"""With roles apart: the ai role alone reaches the worker, and the others embed through it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autobot.testing.harness import ServerProcess
from autobot.testing.installation import Installation
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer

pytestmark = pytest.mark.needs_program("initdb")
BASE = "/api/v1/knowledge_base"


def test_documents_are_found_by_meaning_with_roles_apart(tmp_path: Path, postgres: Cluster) -> None:
    """A passage and a question go backend→models→ai→npu, and so does an order of passages; the worker is the ai role's child, and listed at the gateway."""
    with ValkeyServer() as valkey:
        database = postgres.database()
        environment = {
            "AUTOBOT_DATABASE_URL": database,
            "AUTOBOT_REDIS_URL": valkey.url,
            "AUTOBOT_NPU_DEVICE": "AUTO",
        }
        with ServerProcess(tmp_path / "data", environment, scaled=()) as server:
            made = Installation(server, valkey, database)
            admin = made.admin
            body = {"title": "Ferns", "text": "Ferns like shade and moist soil. Water them twice a week."}
            document = admin.post(f"{BASE}/documents", body).expect(202).json["id"]
            made.until(
                lambda: admin.get(f"{BASE}/documents/{document}").expect(200).json["status"] == "ready",
                "the document is ready",
            )
            asked = {"query": "looking after houseplants", "mode": "vector"}
            found = made.until(
                lambda: admin.post(f"{BASE}/search", asked).expect(200).json["items"], "it is found"
            )
            assert found[0]["document_id"] == document
            ranked = admin.post(f"{BASE}/search", {**asked, "rerank": True}).expect(200).json
            assert (ranked["rerank"]["by"], ranked["rerank"]["passages"]) == ("embedding", 1), ranked
            told = admin.get("/api/v1/models/accelerators").expect(200).json
            (worker,) = told["items"]
            assert (worker["state"], worker["supervised"]) == ("ready", True)
            assert worker["target"].endswith("/npu.sock")

            def carried() -> bool:
                links = admin.get("/api/v1/system/links?limit=200").expect(200).json["items"]
                calls = {one["id"]: one["calls"] for one in links}
                return bool(calls["backend-models"] and calls["ai-npu"])

            made.until(carried, "figures of all processes")
            made.close()
