"""Question sets over HTTP."""

from __future__ import annotations

from autobot.testing.client import Client, Reply
from tests.integration.documents.test_documents import BASE, form, settled, upload


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


def test_files_of_questions_come_as_they_are(client: Client) -> None:
    """A form takes TREC's files and JSON Lines themselves, names the set after its file, and says what is wrong with one."""
    place = client("POST", f"{BASE}/collections", {"name": "Dropped"}).expect(201).json["id"]
    document = upload(client, b"Lichen grows on bark.", "lichen.md", collection=place).expect(202).json["id"]
    files = f"{BASE}/collections/{place}/question_set_files"

    def sent(data: bytes, filename: str, beside: dict[str, bytes] | None = None, **fields: str) -> Reply:
        body, kind = form(data, filename, "text/plain", beside, **fields)
        return client("POST", files, raw=body, headers={"content-type": kind})

    judged = f"\ufeff1 0 {document} 3\n".encode()
    topics = {"topics": "1\twhere does lichen grow\n".encode("utf-8-sig")}
    made = sent(judged, "sets/garden.qrels", topics).expect(201).json
    assert (made["name"], made["questions"], made["grades"]) == ("garden", 1, 1)
    lines = f'{{"query": "what grows on bark", "relevant": {{"{document}": 2}}}}\n'.encode()
    again = sent(lines, "house.jsonl", name="House", replace=made["id"]).expect(201).json
    assert (again["id"], again["name"], again["revision"]) == (made["id"], "House", made["revision"] + 1)
    for data, beside, fields, pointer in (
        (b" \n", {}, {}, "#/file"),
        (lines, {}, {"colour": "red"}, "#/colour"),
        (lines, {}, {"form": "xml"}, "#/form"),
        (judged, {}, {"form": "qrels"}, "#/text"),
        (b"\x001 0 d", topics, {}, "#/text"),
    ):
        refused = sent(data, "x.qrels", beside, **fields).expect(422)
        assert refused.json["errors"][0]["pointer"] == pointer, refused.json
    sent(b"\xff\xfe1", "x.qrels", topics).expect(400)
    sent(b"x" * 4_000_001, "x.jsonl").problem(413, "too-large")
