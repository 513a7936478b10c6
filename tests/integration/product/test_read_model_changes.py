"""Read models are built anew, compared, switched, rolled back and discarded by commands, over HTTP."""

from __future__ import annotations

import time
from typing import Any

from tests.integration.product.host import Host
from tests.integration.product.people import Person

CHAT = "/api/v1/system/read-models/chat"


def change(person: Person, act: str) -> dict[str, Any]:
    """Ask for a change and return it when it has ended."""
    asked = person.client.post(f"{CHAT}/{act}", {"reason": "a test"}).expect(202)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found: dict[str, Any] = person.client.get(asked.headers["location"]).expect(200).json
        if found["ended_at"] is not None:
            return found
    raise AssertionError(f"{act} has not ended")


def beside(person: Person) -> dict[str, Any]:
    """Return what stands beside the tables of chats."""
    items = person.client.get("/api/v1/system/read-models").expect(200).json["items"]
    found: dict[str, Any] = next(one["beside"] for one in items if one["name"] == "chat")
    return found


def test_a_read_model_is_rebuilt_switched_and_rolled_back(host: Host, alice: Person) -> None:
    """Each act ends as a change that is listed, with its place in the log; the list of chats is right all the time, and
    what cannot be done now is a conflict."""
    admin = host.admin
    session = alice.chat(title="Through the switch")

    def shown() -> set[str]:
        page = alice.client.get("/api/v1/chat/sessions?limit=200").expect(200).json
        return {one["id"] for one in page["items"]}

    admin.client.post(f"{CHAT}/switch", {}).problem(409)
    first = beside(admin)["generation"]
    assert change(admin, "rebuild")["status"] == "completed"
    assert change(admin, "parity")["status"] == "completed"
    stands = beside(admin)
    assert stands["ready"]
    assert stands["parity"]["equal"]
    assert {one["table"] for one in stands["parity"]["tables"]} == {"chat.sessions", "chat.messages"}
    admin.client.post(f"{CHAT}/rebuild", {}).problem(409)
    assert change(admin, "switch")["status"] == "completed"
    assert session in shown()
    later = alice.chat(title="After the switch")
    assert {session, later} <= shown()
    assert beside(admin)["previous"] == first
    assert change(admin, "rollback")["status"] == "completed"
    assert beside(admin)["generation"] == first
    assert {session, later} <= shown()
    assert change(admin, "discard")["status"] == "completed"
    assert beside(admin)["candidate"] is None
    listed = admin.client.get(f"{CHAT}/changes?limit=5").expect(200).json["items"]
    assert [one["act"] for one in listed] == ["discard", "rollback", "switch", "parity", "rebuild"]
    assert admin.client.get(f"{CHAT}/skipped").expect(200).json["items"] == []


def test_the_same_key_is_one_change(host: Host) -> None:
    """A request that is repeated under its key is answered as before, and no second change is made."""
    key = {"idempotency-key": '"once-and-no-more"'}
    client = host.admin.client
    first = client.post(f"{CHAT}/rebuild", {}, headers=key).expect(202).json["id"]
    again = client.post(f"{CHAT}/rebuild", {}, headers=key).expect(202)
    assert (again.json["id"], again.headers["idempotent-replayed"]) == (first, "true")
    deadline = time.monotonic() + 30
    while not beside(host.admin)["ready"] and time.monotonic() < deadline:
        pass
    assert change(host.admin, "discard")["status"] == "completed"


def test_only_operators_change_read_models(host: Host) -> None:
    """A user is refused, and a read model that is folded when asked has nothing to change."""
    host("user").client.post(f"{CHAT}/rebuild", {}).problem(403)
    host.admin.client.post("/api/v1/system/read-models/users/rebuild", {}).problem(404)


def test_what_is_deleted_is_in_no_generation(host: Host, alice: Person) -> None:
    """While a candidate stands ready, a deleted chat goes out of it: after the switch and a rollback nothing finds it."""
    session = alice.chat(title="Confidential bittern")
    assert change(host.admin, "rebuild")["status"] == "completed"
    alice.client("DELETE", f"/api/v1/chat/sessions/{session}").expect(204)
    for act in ("parity", "switch", "rollback"):
        assert change(host.admin, act)["status"] == "completed"
        assert "bittern" not in alice.client.get("/api/v1/chat/sessions?q=bittern").expect(200).text
    assert change(host.admin, "discard")["status"] == "completed"
