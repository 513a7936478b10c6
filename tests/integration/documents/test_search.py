"""Documents of a real server are found."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess, run_cli
from tests.integration.documents.test_documents import BASE, settled

PATIENCE_S: Final = 30.0


def add(client: Client, title: str, text: str, **fields: Any) -> str:
    """Add a text, wait until it is ready, and return its id."""
    body = {"title": title, "text": text, **fields}
    accepted = client("POST", f"{BASE}/documents", body).expect(202).json
    assert settled(client, accepted["id"])["status"] == "ready"
    return str(accepted["id"])


def search(client: Client, query: str, **fields: Any) -> Any:
    """Search, and return the answer."""
    return client("POST", f"{BASE}/search", {"query": query, **fields}).expect(200).json


def until_unfound(client: Client, query: str, **fields: Any) -> None:
    """Return when nothing is found any more. Raises AssertionError after the patience."""
    deadline = time.monotonic() + PATIENCE_S
    while search(client, query, mode="lexical", **fields)["items"]:
        assert time.monotonic() < deadline, "it is found still"


def test_a_text_is_found_by_its_words_and_as_it_was(client: Client) -> None:
    """What was added is found with its place; after it is gone it is found as of before, and no more now."""
    place = client("POST", f"{BASE}/collections", {"name": "Care"}).expect(201).json["id"]
    text = "Ferns grow in the shade.\n\nWater them twice a week."
    document = add(client, "Care of ferns", text, collection=place)
    add(client, "Care of pumps", "A pump needs oil.", collection=place)
    events = client("GET", "/api/v1/system/events?limit=200").expect(200).json["items"]
    with_it = max(one["position"] for one in events)
    answer = search(client, "watering ferns", mode="lexical", group="document", limit=200, collection=place)
    assert [one["document_id"] for one in answer["items"]] == [document]
    one = answer["items"][0]
    assert (one["title"], one["version"], one["stages"]["lexical"]["rank"]) == ("Care of ferns", 1, 1)
    text = client.get(f"{BASE}/documents/{document}/text").expect(200).json["text"]
    assert text[one["start"] : one["end"]] == one["text"]
    assert one["score"] == one["stages"]["lexical"]["score"] > 0
    client("DELETE", f"{BASE}/documents/{document}?keep_past=true").expect(204)
    until_unfound(client, "watering ferns", collection=place)
    then = search(client, "watering ferns", mode="lexical", position=with_it, collection=place)
    assert ([one["document_id"] for one in then["items"]], then["position"]) == ([document], with_it)


def test_bad_searches_are_refused(client: Client) -> None:
    """Too many results, an unknown mode, no words, two moments and another's collection are told apart."""
    for body in (
        {"query": ""},
        {"query": " "},
        {"query": "x", "limit": 201},
        {"query": "x", "mode": "magic"},
    ):
        assert client("POST", f"{BASE}/search", body).status == 422, body
    both = {"query": "x", "position": 1, "at": "2026-01-01T00:00:00Z"}
    assert client("POST", f"{BASE}/search", both).status == 422
    assert client("POST", f"{BASE}/search", {"query": "x", "collection": "nobodys"}).status == 404


def test_search_is_measured_by_http_and_command_line(
    client: Client, server: ServerProcess, tmp_path: Path
) -> None:
    """Both answer the same measures, the command line of what everybody may read; a file that is no list of questions is told, and measures nothing."""
    shared = (
        client("POST", f"{BASE}/collections", {"name": "Lamps", "everybody": "read"}).expect(201).json["id"]
    )
    document = add(client, "Care of lamps", "Lamps want new bulbs once a year.", collection=shared)
    questions = [{"query": "bulbs of lamps", "relevant": {document: 1}}]
    body = {"questions": questions, "mode": "lexical"}
    found = client("POST", f"{BASE}/search/measure", body).expect(200).json
    assert (found["ndcg_10"], found["recall_100"], found["mrr_10"], found["mode"]) == (
        1.0,
        1.0,
        1.0,
        "lexical",
    )
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(questions), encoding="utf-8")
    told = run_cli(server.folder, "knowledge", "eval", str(file), "--mode", "lexical")
    assert told.returncode == 0, told.stderr
    assert "nDCG@10 1.0000, recall@100 1.0000, MRR@10 1.0000" in told.stdout
    for name, text in (("broken.json", "{"), ("none.json", "[]"), ("broken.jsonl", '{"query": "a"}')):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert run_cli(server.folder, "knowledge", "eval", str(tmp_path / name)).returncode == 2
    assert run_cli(server.folder, "knowledge", "eval").returncode == 2


def test_the_command_line_measures_a_stored_set_as_its_user(client: Client, server: ServerProcess) -> None:
    """A set of a collection that nobody else sees is measured as its owner, as of a position too; others find no such set."""
    place = client("POST", f"{BASE}/collections", {"name": "Owls"}).expect(201).json["id"]
    before = client("GET", "/api/v1/system/events?limit=1").expect(200).json["items"][0]["position"]
    document = add(client, "Care of owls", "Owls sleep by day.", collection=place)
    sets = f"{BASE}/collections/{place}/question_sets"
    asked = {"query": "when do owls sleep", "relevant": {document: 3}}
    made = client("POST", sets, {"name": "Owls", "questions": [asked]}).expect(201).json["id"]
    command = ("knowledge", "eval", "--set", made, "--collection", place, "--mode", "lexical")
    owner = client.get("/api/v1/auth/me").expect(200).json["username"]
    found = run_cli(server.folder, *command, "--user", owner)
    assert found.returncode == 0, found.stderr
    assert "1 questions, lexical: nDCG@10 1.0000" in found.stdout
    past = run_cli(server.folder, *command, "--user", owner, "--position", str(before))
    assert "nDCG@10 0.0000" in past.stdout
    assert run_cli(server.folder, *command).returncode != 0
    assert "There is no user nobody" in run_cli(server.folder, *command, "--user", "nobody").stderr


def test_a_stored_set_is_measured_in_the_background(client: Client) -> None:
    """A measurement is asked for, carried out, and listed with its figures; one that has ended cannot be stopped."""
    place = client("POST", f"{BASE}/collections", {"name": "Newts"}).expect(201).json["id"]
    document = add(client, "Care of newts", "Newts like cold water.", collection=place)
    sets = f"{BASE}/collections/{place}/question_sets"
    asked = {"query": "what do newts like", "relevant": {document: 3}}
    made = client("POST", sets, {"name": "Newts", "questions": [asked]}).expect(201).json["id"]
    measurements = f"{sets}/{made}/measurements"
    accepted = client("POST", measurements, {"mode": "lexical"}).expect(202)
    address = f"{measurements}/{accepted.json['id']}"
    assert accepted.headers["location"].endswith(address)
    deadline = time.monotonic() + PATIENCE_S
    while (view := client.get(address).expect(200).json)["measurement"]["ended_at"] is None:
        assert time.monotonic() < deadline, view
    one = view["measurement"]
    assert (one["status"], one["done"], one["total"], one["figures"]["ndcg_10"]) == ("completed", 1, 1, 1.0)
    assert [(each["first"], each["gone"]) for each in view["questions"]] == [(1, 0)]
    assert [each["id"] for each in client.get(measurements).expect(200).json["items"]] == [one["id"]]
    client("POST", f"{address}/cancel", {}).expect(409)
    client("POST", measurements, {"mode": "magic"}).expect(422)


def test_trecs_files_come_and_a_run_goes_by_the_command_line(
    client: Client, server: ServerProcess, tmp_path: Path
) -> None:
    """Judgements with topics become a set and go out again, a broken line is named; what is found goes out as a run."""
    place = client("POST", f"{BASE}/collections", {"name": "Bats"}).expect(201).json["id"]
    bats = add(client, "Care of bats", "Bats sleep in attics.", collection=place)
    mice = add(client, "Care of mice", "Mice sleep in attics, and eat grain.", collection=place)
    owner = client.get("/api/v1/auth/me").expect(200).json["username"]

    def told(*words: str) -> str:
        done = run_cli(server.folder, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "bats.qrels").write_text(f"q1 0 {bats} 3\nq2 0 {mice} 1\n", encoding="utf-8")
    (tmp_path / "topics.tsv").write_text("q1\twhere do bats sleep\nq2\twho eats grain\n", encoding="utf-8")
    come = (
        "question-sets",
        "import",
        place,
        str(tmp_path / "bats.qrels"),
        "--topics",
        str(tmp_path / "topics.tsv"),
    )
    made = json.loads(told(*come, "--user", owner, "--json"))
    people = {one["id"]: one["username"] for one in json.loads(told("users", "list", "--json"))}
    assert (made["name"], made["questions"], people[made["owner"]]) == ("bats", 2, owner)
    again = json.loads(told(*come, "--replace", made["id"], "--name", "Bats", "--json"))
    assert (again["id"], again["name"]) == (made["id"], "Bats")
    listed = json.loads(told("question-sets", "list", place, "--user", owner, "--json"))
    assert [one["id"] for one in listed] == [made["id"]]
    goes = ("question-sets", "export", place, made["id"])
    assert told(*goes, "-", "--form", "qrels", "--user", owner) == (tmp_path / "bats.qrels").read_text(
        "utf-8"
    )
    assert told(*goes, str(tmp_path / "out.tsv"), "--form", "topics", "--user", owner) == ""
    assert (tmp_path / "out.tsv").read_bytes() == (tmp_path / "topics.tsv").read_bytes()
    assert run_cli(server.folder, *goes, str(tmp_path / "out.tsv"), "--user", owner).returncode == 3
    (tmp_path / "topics.tsv").write_text("q1 no tab\n", encoding="utf-8")
    refused = run_cli(server.folder, *come, "--user", owner)
    assert (refused.returncode, "topics: line 1: is not TOPIC TAB TEXT" in refused.stderr) == (3, True)

    measured = (
        "knowledge",
        "eval",
        "--set",
        made["id"],
        "--collection",
        place,
        "--user",
        owner,
        "--mode",
        "lexical",
    )
    run = [line.split() for line in told(*measured, "--run", "-").splitlines()]
    assert run[0] == ["q1", "Q0", bats, "1", "1.000000", "autobot-lexical"]
    assert [one[:4] for one in run] == [
        ["q1", "Q0", bats, "1"],
        ["q1", "Q0", mice, "2"],
        ["q2", "Q0", mice, "1"],
    ]
    assert "nDCG@10 1.0000" in told(*measured, "--run", str(tmp_path / "run.txt"))
    assert len((tmp_path / "run.txt").read_text("utf-8").splitlines()) == 3
    body = {"questions": [{"query": "grain", "relevant": {mice: 1}}], "collection": place, "mode": "lexical"}
    plain = client("POST", f"{BASE}/search/measure", body).expect(200).json
    asked = client("POST", f"{BASE}/search/measure", {**body, "results": True}).expect(200).json
    assert plain["questions"][0]["found"] == []
    assert [one["id"] for one in asked["questions"][0]["found"]] == [mice]
    assert asked["questions"][0]["found"][0]["score"] > 0
