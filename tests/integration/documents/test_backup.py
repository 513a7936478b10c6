"""Documents go into a backup and come back from it: originals, texts, and an index that is made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess, run_cli

DOCUMENTS: Final = "/api/v1/knowledge_base/documents"
WAIT: Final = {"prefer": "wait=20"}


def ready(client: Client, document_id: str) -> Any:
    """Return a document that is ready."""
    view = client("GET", f"{DOCUMENTS}/{document_id}", headers=WAIT).expect(200).json
    assert view["status"] == "ready", view
    return view


def test_what_was_backed_up_is_there_after_a_restore(tmp_path: Path) -> None:
    """Original and text are as they were, the restore proves every file by its hash, and a search finds them soon."""
    text = "The heron waits in shallow water."
    with ServerProcess(tmp_path / "data") as server:
        with Client(server.local, key=server.key("knowledge:*")) as client:
            made = client.post(DOCUMENTS, {"title": "Herons", "text": text}).expect(202).json
            ready(client, made["id"])
        done = run_cli(tmp_path / "data", "backup", str(tmp_path / "copy"))
        assert done.returncode == 0, done.stderr
    damaged = next((tmp_path / "copy" / "originals").glob("??/b-*"))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    assert run_cli(tmp_path / "again", "restore", str(tmp_path / "copy")).returncode != 0
    damaged.write_bytes(whole)
    done = run_cli(tmp_path / "again", "restore", str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    with ServerProcess(tmp_path / "again") as server:
        with Client(server.local, key=server.key("knowledge:*")) as client:
            assert client.get(f"{DOCUMENTS}/{made['id']}/original").expect(200).text == text
            assert client.get(f"{DOCUMENTS}/{made['id']}/text").expect(200).json["text"] == text
            found: list[Any] = []
            for _ in range(200):
                body = {"query": "heron", "mode": "lexical"}
                found = client.post("/api/v1/knowledge_base/search", body).expect(200).json["items"]
                if found:
                    break
                client.get(f"{DOCUMENTS}/{made['id']}").expect(200)
            assert [one["document_id"] for one in found] == [made["id"]]
