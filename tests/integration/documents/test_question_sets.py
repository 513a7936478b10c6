"""Question sets over HTTP."""

from __future__ import annotations

from autobot.testing.client import Client
from tests.integration.documents.test_documents import BASE, client, server, settled, upload

__all__ = ["client", "server"]


def test_a_set_is_made_graded_and_taken_away(client: Client) -> None:
    """A set is made at its address, gets an answer from a search, goes out as a file and comes back as another."""
    place = client("POST", f"{BASE}/collections", {"name": "Measured"}).expect(201).json["id"]
    document = (
        upload(client, b"Ferns grow in the shade.", "ferns.md", collection=place).expect(202).json["id"]
    )
    settled(client, document)
    sets = f"{BASE}/collections/{place}/question_sets"
    wished = {"query": "where do ferns grow", "relevant": {document: 3}}
    made = client("POST", sets, {"name": "First", "questions": [wished]}).expect(201)
    address = f"{sets}/{made.json['id']}"
    assert made.headers["location"].endswith(address)
    more = {"query": "what grows in the shade", "relevant": {document: 2}}
    graded = client("POST", f"{address}/questions", more).expect(200).json
    assert (graded["questions"], graded["grades"], graded["revision"]) == (2, 2, 2)
    view = client.get(address).expect(200).json
    assert [one["query"] for one in view["questions"]] == [wished["query"], more["query"]]
    assert view["titles"] == {document: "ferns"}
    client("DELETE", f"{address}/questions/{view['questions'][1]['id']}").expect(204)
    file = client.get(f"{address}/file?form=jsonl").expect(200)
    assert file.headers["content-disposition"].endswith("First.jsonl")
    read = client(
        "POST", f"{BASE}/collections/{place}/question_set_files", {"name": "Read", "text": file.text}
    )
    read = read.expect(201).json
    assert (read["questions"], read["revision"]) == (1, 1)
    assert [one["name"] for one in client.get(sets).expect(200).json["items"]] == ["First", "Read"]
    refused = client("PUT", address, {"name": "x", "questions": [{"query": "a", "relevant": {"none": 1}}]})
    assert refused.expect(422).json["errors"][0]["pointer"] == "#/questions/0/relevant/none"
    refused = client("POST", f"{address}/questions", {"query": "a", "relevant": {document: 4}}).expect(422)
    assert refused.json["errors"][0]["pointer"].startswith("#/relevant")
    client("DELETE", address).expect(204)
    client.get(address).expect(404)
