"""Collections as files between real servers: over HTTP, by the command line, and over a kill -9."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess, run_cli
from tests.integration.documents.test_documents import BASE, client, form, server, upload

__all__ = ["client", "server"]
MANY = 60


def ended(client: Client, import_id: str) -> Any:
    """Return an import when it is over."""
    until = time.monotonic() + 90
    view: Any = {"ended_at": None}
    while view["ended_at"] is None:
        assert time.monotonic() < until, view
        view = client.get(f"{BASE}/imports/{import_id}").expect(200).json
    return view


def sent(client: Client, data: bytes, **fields: str) -> Any:
    """Send an archive; returns the import."""
    body, kind = form(data, "a.autobot.tar", "application/x-tar", **fields)
    return client("POST", f"{BASE}/imports", raw=body, headers={"content-type": kind}).expect(202).json


@pytest.fixture(scope="module")
def notes(client: Client) -> str:
    """A collection with many documents."""
    place: str = client.post(f"{BASE}/collections", {"name": "Notes of the field"}).expect(201).json["id"]
    for number in range(MANY):
        data = f"Fern number {number} grows in the shade. ".encode() * 50
        upload(client, data, f"fern-{number}.md", collection=place, tags="fern").expect(202)
    return place


def test_what_one_server_writes_another_takes_in(
    client: Client, server: ServerProcess, notes: str, tmp_path: Path
) -> None:
    """Over HTTP and by the command line the same comes in, and is there once however often it comes."""
    reply = client.get(f"{BASE}/collections/{notes}/export").expect(200)
    assert reply.headers["content-type"] == "application/x-tar"
    assert "Notes%20of%20the%20field" in reply.headers["content-disposition"]
    written = tmp_path / "notes.tar"
    done = run_cli(server.folder, "knowledge", "export", notes, str(written), environment=server.environment)
    assert done.returncode == 0, done.stderr
    again = run_cli(server.folder, "knowledge", "export", notes, str(written), environment=server.environment)
    assert again.returncode != 0
    assert "there already" in again.stderr
    with ServerProcess(tmp_path / "data") as other:
        with Client(other.local, key=other.key("knowledge:*")) as asking:
            asked = sent(asking, reply.body)
            view = ended(asking, asked["id"])
            assert (view["state"], view["added"], view["existing"]) == ("completed", MANY, 0), view
            listed = asking.get(f"{BASE}/documents?collection={view['collection']}&limit=1").expect(200).json
            assert listed["items"][0]["tags"] == ["fern"]
            told = run_cli(
                other.folder, "knowledge", "import", str(written), "--json", environment=other.environment
            )
            assert told.returncode == 0, told.stderr
            assert f'"existing": {MANY}' in told.stdout
            assert len(asking.get(f"{BASE}/collections").expect(200).json["items"]) == 1
            # Broken at its end: the file is refused, and the exit code says so.
            written.write_bytes(written.read_bytes()[:-600])
            told = run_cli(other.folder, "knowledge", "import", str(written), environment=other.environment)
            assert told.returncode == 3
            assert "does not end" in told.stderr


def test_an_import_that_is_killed_goes_on(client: Client, notes: str, tmp_path: Path) -> None:
    """kill -9 in the midst of it: the next life goes on, and each document is there once."""
    data = client.get(f"{BASE}/collections/{notes}/export").expect(200).body
    folder = tmp_path / "data"
    with ServerProcess(folder) as first:
        key = first.key("knowledge:*")
        with Client(first.local, key=key) as asking:
            asked = sent(asking, data)
            until = time.monotonic() + 60
            place = ""
            while not place:
                assert time.monotonic() < until
                place = asking.get(f"{BASE}/imports/{asked['id']}").expect(200).json["collection"]
            while asking.get(f"{BASE}/collections/{place}").expect(200).json["documents"] < 10:
                assert time.monotonic() < until
            first.kill()
    with ServerProcess(folder) as second, Client(second.local, key=key) as asking:
        view = ended(asking, asked["id"])
        assert (view["state"], view["done"]) == ("completed", MANY), view
        assert asking.get(f"{BASE}/collections/{place}").expect(200).json["documents"] == MANY
