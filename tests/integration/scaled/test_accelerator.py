"""With roles apart: the ai role alone reaches the worker, and the others embed through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autobot.testing.client import Client
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

            def started() -> Any:
                items = admin.get("/api/v1/system/roles").expect(200).json["items"]
                children = {one["id"]: one["children"] for one in items if one["children"]}
                (ai,) = (one["id"] for one in items if "ai" in one["roles"])
                return children if any(one["state"] == "ready" for one in children.get(ai, ())) else None

            shown = made.until(started, "the page of processes tells the child of the ai role")
            (child,) = next(iter(shown.values()))
            assert (child["what"], child["address"]) == ("npu", worker["target"])
            assert child["memory_bytes"] > 1 << 20

            def carried() -> bool:
                calls = {one["id"]: one["calls"] for one in links(admin)}
                return bool(calls["backend-models"] and calls["ai-npu"])

            made.until(carried, "figures of all processes")
            embed_without_the_backend(made)
            made.close()


def embed_without_the_backend(made: Installation) -> None:
    """Hold the start-up proofs to it: what embeds for the backend asks nothing of the backend, quotas neither."""
    admin = made.admin
    quota = {"value": ["user:*=1000000 tokens"], "reason": "so that it is asked"}
    admin("PUT", "/api/v1/settings/model.quotas", quota).expect(200)
    broken = {"chaos": {"fault_rate": 1.0}, "reason": "nothing passes"}
    admin("PATCH", "/api/v1/system/links/ai-backend", broken).expect(200)
    session = admin.post("/api/v1/chat/sessions", {"title": "No answer"}).expect(201).json["id"]
    admin.post(f"/api/v1/chat/sessions/{session}/messages", {"content": "Who is there?"}).expect(202)

    def refused() -> bool:
        (row,) = (one for one in links(admin) if one["id"] == "ai-backend")
        return bool(row["failures"])

    made.until(refused, "the ai role reaches the backend no more")
    asked = {"query": "what plants want to drink", "mode": "vector", "rerank": True}
    found = admin.post(f"{BASE}/search", asked).expect(200).json
    assert found["items"], found
    assert found["rerank"]["by"] == "embedding", found


def links(admin: Client) -> list[dict[str, Any]]:
    """Return the rows with the figures of all processes."""
    found: list[dict[str, Any]] = admin.get("/api/v1/system/links?limit=200").expect(200).json["items"]
    return found
