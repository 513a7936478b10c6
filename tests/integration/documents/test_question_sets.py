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
    question = f"{address}/questions/{view['questions'][1]['id']}"
    read = client.get(question).expect(200)
    assert (read.json["query"], read.json["relevant"]) == (more["query"], {document: 2})
    client("POST", f"{address}/questions", {**more, "relevant": {document: 1}}).expect(200)
    tag = {"if-match": read.headers["etag"]}
    client("DELETE", question, headers=tag).problem(412, "precondition-failed")
    tag = {"if-match": client.get(question).expect(200).headers["etag"]}
    client("DELETE", question, headers=tag).expect(204)
    client.get(question).expect(404)
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


def test_trec_files_come_and_go_whole(client: Client) -> None:
    """Large judgements and topics are read and written back as they came; a broken line is named, beyond the limit is 413."""
    place = client("POST", f"{BASE}/collections", {"name": "Judged"}).expect(201).json["id"]
    document = upload(client, b"Moss grows on stones.", "moss.md", collection=place).expect(202).json["id"]
    topics = "".join(f"{number}\tquestion {number} {'w ' * 900}moss\n" for number in range(1, 501))
    judged = "".join(f"{number} 0 {document} {number % 3 + 1}\n" for number in range(1, 501))
    files, body = f"{BASE}/collections/{place}/question_set_files", {"name": "TREC", "form": "qrels"}
    assert len(topics) > 900_000
    padded = topics + "\n" * 300_000
    made = client("POST", files, {**body, "text": judged, "topics": padded}).expect(201).json
    assert (made["questions"], made["grades"]) == (500, 500)
    file = f"{BASE}/collections/{place}/question_sets/{made['id']}/file"
    assert client.get(f"{file}?form=qrels").expect(200).text == judged
    assert client.get(f"{file}?form=topics").expect(200).text == topics
    twice = client("POST", files, {**body, "text": judged + judged[:80], "topics": topics}).expect(422)
    assert twice.json["errors"][0] == {
        "detail": f"line 501: {document} is judged already",
        "pointer": "#/text",
    }
    client("POST", files, {**body, "text": judged, "topics": "w" * 10_000_000}).problem(413, "too-large")
