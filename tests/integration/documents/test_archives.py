"""Collections as files between real servers: over HTTP, by the command line, and over a kill -9."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess, environment_for, run_cli
from tests.integration.documents.files import collection_file
from tests.integration.documents.test_documents import BASE, form, upload

MANY = 60


def ended(client: Client, import_id: str) -> Any:
    """Return an import when it is over."""
    until = time.monotonic() + 90
    view: Any = {"ended_at": None}
    while view["ended_at"] is None:
        assert time.monotonic() < until, view
        view = asked(client, f"/{import_id}") or view
    return view


def asked(client: Client, which: str = "") -> Any:
    """Return what is said of imports; None when it was asked for too often in a minute."""
    reply = client.get(f"{BASE}/imports{which}")
    return None if reply.status == 429 else reply.expect(200).json


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
            view = ended(asking, sent(asking, reply.body)["id"])
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
            going = sent(asking, data)["id"]
            until = time.monotonic() + 60
            place = ""
            while not place:
                assert time.monotonic() < until
                place = asking.get(f"{BASE}/imports/{going}").expect(200).json["collection"]
            while asking.get(f"{BASE}/collections/{place}").expect(200).json["documents"] < 10:
                assert time.monotonic() < until
            first.kill()
    with ServerProcess(folder) as second, Client(second.local, key=key) as asking:
        view = ended(asking, going)
        assert (view["state"], view["done"]) == ("completed", MANY), view
        assert asking.get(f"{BASE}/collections/{place}").expect(200).json["documents"] == MANY


def begun(client: Client, known: set[str]) -> Any:
    """Return an import besides `known` that has taken documents in."""
    until = time.monotonic() + 60
    while True:
        assert time.monotonic() < until
        for one in (asked(client) or {"items": ()})["items"]:
            if one["done"] and one["id"] not in known:
                return one


def test_an_import_is_cancelled_by_a_request_and_by_ctrl_c(
    client: Client, server: ServerProcess, tmp_path: Path
) -> None:
    """What it brought is gone, the command says so and ends as interrupted ones do; one that is over is 409."""
    data, before = collection_file("Too many ferns", 600), client.get(f"{BASE}/collections").expect(200).json
    first = sent(client, data)["id"]
    begun(client, set())
    told = client.post(f"{BASE}/imports/{first}/cancel", {}).expect(202).json
    assert told["state"] == "cancelling"
    view = ended(client, first)
    assert (view["state"], view["done"], view["error"]) == ("cancelled", 0, None)
    assert client.get(f"{BASE}/collections").expect(200).json == before
    empty = ended(client, sent(client, collection_file("No ferns", 0))["id"])
    client.post(f"{BASE}/imports/{empty['id']}/cancel", {}).problem(409, "conflict")
    before = client.get(f"{BASE}/collections").expect(200).json
    (tmp_path / "ferns.tar").write_bytes(data)
    command = subprocess.Popen(
        [sys.executable, "-m", "autobot", "knowledge", "import", str(tmp_path / "ferns.tar")],
        env=environment_for(server.folder, server.environment),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        going = begun(client, {first})
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=90)
    finally:
        command.kill()
    assert (command.returncode, said) == (130, "autobot: Cancelled. Nothing was taken in.\n")
    assert ended(client, going["id"])["state"] == "cancelled"
    assert client.get(f"{BASE}/collections").expect(200).json == before
