"""Collections as files with every role apart: whichever gateway takes one in and whichever backend carries it, it comes once."""

from __future__ import annotations

import os
import signal
from typing import Any, Final

import pytest

from autobot.testing.client import Client
from autobot.testing.installation import Installation
from tests.integration.documents.files import collection_file
from tests.integration.documents.test_documents import BASE, form, settled, upload

pytestmark = pytest.mark.needs_program("initdb")
MANY: Final = 100


def sent(client: Client, data: bytes) -> str:
    """Send an archive; returns the import's id."""
    body, kind = form(data, "a.autobot.tar", "application/x-tar")
    given = client("POST", f"{BASE}/imports", raw=body, headers={"content-type": kind})
    return str(given.expect(202).json["id"])


def ended(installation: Installation, import_id: str) -> Any:
    """Return an import when it is over."""

    def over() -> Any:
        view = installation.admin.get(f"{BASE}/imports/{import_id}").expect(200).json
        return view if view["ended_at"] else None

    return installation.until(over, "the end of an import")


def going(installation: Installation, import_id: str) -> Any:
    """Return an import that has taken documents in."""

    def begun() -> Any:
        view = installation.admin.get(f"{BASE}/imports/{import_id}").expect(200).json
        assert view["ended_at"] is None
        return view if view["done"] else None

    return installation.until(begun, "the first documents of an import")


def names(client: Client) -> list[str]:
    """Return the names of all collections."""
    return sorted(one["name"] for one in client.get(f"{BASE}/collections").expect(200).json["items"])


def test_versions_and_sets_come_in_whole(installation: Installation) -> None:
    """What one gateway wrote comes in through the other with the version before and the questions, graded by what is here."""
    admin = installation.admin
    place = admin.post(f"{BASE}/collections", {"name": "Tides"}).expect(201).json["id"]
    made = upload(admin, b"Low water in the morning.", "tides.txt", collection=place).expect(202).json["id"]
    settled(admin, made)
    upload(admin, b"High water in the morning.", "tides.txt", id=made).expect(202)
    assert settled(admin, made)["ready_version"] == 2
    asked = {"query": "when is high water", "relevant": {made: 3}}
    admin.post(f"{BASE}/collections/{place}/question_sets", {"name": "Water", "questions": [asked]}).expect(
        201
    )
    written = admin.get(f"{BASE}/collections/{place}/export").expect(200).body
    admin("DELETE", f"{BASE}/documents/{made}").expect(204)
    with installation.client() as other:
        view = ended(installation, sent(other, written))
        assert (view["state"], view["added"]) == ("completed", 1), view
        there = view["collection"]
        (one,) = other.get(f"{BASE}/documents?collection={there}").expect(200).json["items"]
        assert settled(other, one["id"])["ready_version"] == 2
        texts = [
            other.get(f"{BASE}/documents/{one['id']}/text?version={version}").expect(200).json["text"]
            for version in (1, 2)
        ]
        assert texts == ["Low water in the morning.", "High water in the morning."]
        sets = f"{BASE}/collections/{there}/question_sets"
        (kept,) = other.get(sets).expect(200).json["items"]
        questions = other.get(f"{sets}/{kept['id']}").expect(200).json["questions"]
        assert [question["relevant"] for question in questions] == [{one["id"]: 3}]


def test_an_import_outlives_its_backend_and_is_taken_back(installation: Installation) -> None:
    """Killed with its backend it goes on at the other, each document once; cancelled, nothing of it is left."""
    admin = installation.admin
    before = names(admin)
    data = collection_file("Ferns of the coast", MANY)
    first = sent(admin, data)
    going(installation, first)
    for name, pid in installation.processes().items():
        if name.startswith("backend"):
            os.kill(pid, signal.SIGKILL)
    view = ended(installation, first)
    assert (view["state"], view["added"], view["existing"]) == ("completed", MANY, 0), view
    place = f"{BASE}/collections/{view['collection']}"
    assert admin.get(place).expect(200).json["documents"] == MANY
    second = sent(admin, collection_file("Ferns of the hills", MANY))
    going(installation, second)
    with installation.client() as other:
        assert other.post(f"{BASE}/imports/{second}/cancel", {}).expect(202).json["state"] == "cancelling"
    view = ended(installation, second)
    assert (view["state"], view["done"], view["error"]) == ("cancelled", 0, None), view
    assert names(admin) == sorted([*before, "Ferns of the coast"])
