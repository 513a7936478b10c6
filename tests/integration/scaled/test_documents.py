"""Documents with every role apart: whichever gateway takes a file and whichever backend is asked, it is one library."""

from __future__ import annotations

import os
import signal
from typing import Any, Final

import pytest

from autobot.testing.installation import Installation

pytestmark = pytest.mark.needs_program("initdb")
BASE: Final = "/api/v1/knowledge_base"
DOCUMENTS: Final = f"{BASE}/documents"
EVENTS: Final = "/api/v1/events"
WAIT: Final = {"prefer": "wait=20"}


def test_a_document_is_the_same_from_every_side(installation: Installation) -> None:
    """A file that a gateway took is indexed by a backend, and text, original and state are there from each."""
    text = "The heron waits in the shallow water.\n" * 2000
    body = {"title": "Herons", "text": text}
    made = installation.admin.post(DOCUMENTS, body).expect(202).json
    for _ in range(4):
        with installation.client() as client:
            view = client("GET", f"{DOCUMENTS}/{made['id']}", headers=WAIT).expect(200).json
            assert view["status"] == "ready", view
            assert client.get(f"{DOCUMENTS}/{made['id']}/original").expect(200).text == text
            read = client.get(f"{DOCUMENTS}/{made['id']}/text?length=1000000").expect(200).json
            assert (read["text"], read["total"]) == (text, len(text))
            again = client.post(DOCUMENTS, body).expect(202).json
            assert (again["id"], again["existing"]) == (made["id"], True)


def test_progress_comes_through_a_gateway(installation: Installation) -> None:
    """What a backend does with a document is heard at a gateway as it happens: progress, and then how it ended."""
    text = "Mosses cover the stones of the wall.\n\n" * 25_000
    # It waits behind others until it is followed: nobody hears of progress that was before they listened.
    for number in range(12):
        before = {"title": f"Before {number}", "text": f"{number}. {text}"}
        installation.admin.post(DOCUMENTS, before).expect(202)
    made = installation.admin.post(DOCUMENTS, {"title": "Mosses", "text": text}).expect(202).json
    heard: list[str] = []
    address = f"/api/v1/events/stream?channel=document:{made['id']}&after=0"
    with installation.client() as client, client.stream(address) as events:
        for one in events:
            kind = one.data["event"]["type"] if one.name == "event" else one.name
            heard.append(kind)
            if kind == "autobot.knowledge.document_indexed.v1":
                break
    assert "progress" in heard
    assert "autobot.knowledge.document_received.v1" in heard


def test_a_question_set_is_measured_and_searches_are_logged(installation: Installation) -> None:
    """With every role apart a stored set is measured by some backend, and a search stands in the log whoever answered it."""
    admin = installation.admin
    place = admin.post(f"{BASE}/collections", {"name": "Otters"}).expect(201).json["id"]
    body = {"title": "Otters", "text": "Otters hold hands while they sleep.", "collection": place}
    made = admin.post(DOCUMENTS, body).expect(202).json["id"]
    assert admin("GET", f"{DOCUMENTS}/{made}", headers=WAIT).expect(200).json["status"] == "ready"
    sets = f"{BASE}/collections/{place}/question_sets"
    asked = {"query": "how do otters sleep", "relevant": {made: 3}}
    one = admin.post(sets, {"name": "O", "questions": [asked]}).expect(201).json["id"]
    address = f"{sets}/{one}/measurements"
    run = admin.post(address, {"mode": "lexical"}).expect(202).json["id"]

    def ended() -> dict[str, Any]:
        view: dict[str, Any] = admin.get(f"{address}/{run}").expect(200).json
        return view if view["measurement"]["ended_at"] else {}

    view = installation.until(ended, "the end of a measurement")
    assert (view["measurement"]["status"], view["questions"][0]["first"]) == ("completed", 1)
    for number in range(4):
        with installation.client() as client:
            query = {"query": f"otters of gateway {number}", "mode": "lexical"}
            client.post(f"{BASE}/search", query).expect(200)

    def logged() -> list[str]:
        items = admin.get(f"{BASE}/queries?limit=200").expect(200).json["items"]
        found = sorted(each["query"] for each in items if each["query"].startswith("otters of"))
        return found if len(found) == 4 else []

    found = installation.until(logged, "four searches in the log")
    assert found == [f"otters of gateway {number}" for number in range(4)]


def test_backends_share_the_work_and_take_over_from_one_that_is_killed(installation: Installation) -> None:
    """Both index at one time; when one is killed the other does what is left; each document is indexed once."""
    admin = installation.admin

    def backends() -> dict[str, int]:
        found = {name: pid for name, pid in installation.processes().items() if name.startswith("backend")}
        return found if len(found) == 2 else {}

    def at_work() -> dict[str, str]:
        """Return who works, each with a document."""
        listed = admin.get(f"{DOCUMENTS}?state=queued&limit=200").expect(200).json["items"]
        found = {one["progress"]["by"]: one["id"] for one in listed if one["progress"]["by"]}
        return found if len(found) == 2 else {}

    pids = installation.until(backends, "two backends")
    made = [
        admin.post(
            DOCUMENTS, {"title": f"Fern {one}", "text": f"Fern {one} grows in the shade.\n\n" * 20_000}
        )
        for one in range(12)
    ]
    ids = [one.expect(202).json["id"] for one in made]
    working = installation.until(at_work, "two backends at work")
    name = min(working)
    os.kill(pids[name.partition("@")[0]], signal.SIGKILL)
    for one in ids:
        for _ in range(6):
            view = admin("GET", f"{DOCUMENTS}/{one}", headers=WAIT)
            if view.status == 200 and view.json["status"] == "ready":
                break
        assert view.expect(200).json["status"] == "ready", view.json
        assert view.json["version"] == 1
    facts = f"{EVENTS}?type=autobot.knowledge.document_indexed.v1&limit=200"
    # What other tests of this installation erased has no data any more.
    said = [one["data"]["document_id"] for one in admin.get(facts).expect(200).json if "data" in one]
    assert sorted(one for one in said if one in ids) == sorted(ids)
