"""Title, tags and place of a document, changed over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from autobot.testing.client import Client
from tests.integration.documents.test_documents import BASE, settled, upload


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition on the server holds; its answers take the time."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "not in time"


def test_a_document_is_deleted_only_as_it_was_read(client: Client) -> None:
    """With the ETag of what was read it is deleted; who changed it meanwhile is not passed over."""
    made = upload(client, b"Moss grows in the shade.", "moss.md").expect(202).json
    settled(client, made["id"])
    path = f"{BASE}/documents/{made['id']}"
    tag = {"if-match": client.get(path).expect(200).headers["etag"]}
    client("PATCH", path, {"title": "Moss of the shade"}).expect(200)
    client("DELETE", f"{path}?keep_past=false", headers=tag).problem(412, "precondition-failed")
    tag = {"if-match": client.get(path).expect(200).headers["etag"]}
    client("DELETE", f"{path}?keep_past=false", headers=tag).expect(204)
    client.get(path).expect(404)


def test_a_document_is_changed_under_the_tag_that_was_read(client: Client) -> None:
    """A change with the ETag of what was read is done once; with one that is out of date nothing is."""
    made = upload(client, b"Ferns grow in the shade.", "ferns.md", tags="green").expect(202).json
    settled(client, made["id"])
    path = f"{BASE}/documents/{made['id']}"
    read = client.get(path).expect(200)
    tag = {"if-match": read.headers["etag"]}
    changed = client("PATCH", path, {"title": "Ferns of the shade", "tags": ["damp"]}, headers=tag).expect(
        200
    )
    assert (changed.json["title"], changed.json["tags"]) == ("Ferns of the shade", ["damp"])
    assert (changed.json["version"], changed.json["ready_version"]) == (1, 1)
    client("PATCH", path, {"title": "Lost"}, headers=tag).problem(412, "precondition-failed")
    assert client.get(path).expect(200).json["title"] == "Ferns of the shade"

    def found(**narrowed: Any) -> list[str]:
        asked = {"query": "ferns", "mode": "lexical", **narrowed}
        items = client.post(f"{BASE}/search", asked).expect(200).json["items"]
        return [one["title"] for one in items]

    until(lambda: found(tags=["damp"]) == ["Ferns of the shade"])
    assert found(tags=["green"]) == []


def test_a_change_that_is_none_of_these_is_refused(client: Client) -> None:
    """A title of nothing, a tag of blanks, a place that is not there or a member that is unknown changes nothing."""
    made = upload(client, b"Moss grows on the stone.", "moss.md").expect(202).json
    settled(client, made["id"])
    path = f"{BASE}/documents/{made['id']}"
    before = client.get(path).expect(200).json
    for body in ({"title": ""}, {"tags": [" "]}, {"tags": ["x"] * 21}, {"title": "x" * 301}):
        client("PATCH", path, body).problem(422, "validation")
    client("PATCH", path, {"collection": "nowhere"}).problem(404, "not-found")
    client("PATCH", f"{BASE}/documents/nothing", {"title": "x"}).problem(404, "not-found")
    assert client.get(path).expect(200).json == before
