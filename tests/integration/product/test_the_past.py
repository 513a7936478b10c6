"""What was at any moment: lists, settings, users, links, the difference, and how the log lies in time."""

from __future__ import annotations

from typing import Any

from tests.integration.product.host import Host
from tests.integration.product.people import Person

MODELS = "/api/v1/system/read-models"


def head(person: Person) -> int:
    """Return the end of the log."""
    return int(person.client.get(MODELS).expect(200).json["head"])


def rows(person: Person, name: str, query: str) -> dict[str, Any]:
    """Return the documents of a read model by key."""
    page = person.client.get(f"{MODELS}/{name}?limit=200&{query}").expect(200).json
    return {one["key"]: one["document"] for one in page["items"]}


def test_every_read_model_says_where_it_stands(host: Host) -> None:
    """Stored ones with position and lag, the others as folded; a user without the right is refused."""
    models = {one["name"]: one for one in host.admin.client.get(MODELS).expect(200).json["items"]}
    folded = {name for name, one in models.items() if one["state"] == "folded"}
    assert set(models) - folded == {"chat"}
    assert {
        "settings",
        "users",
        "keys",
        "links",
        "sagas",
        "runs",
        "actions",
        "consumers",
        "dead_letters",
    } <= folded
    assert {"replays", "schemas", "roles", "read_model_changes"} <= folded
    assert models["chat"]["state"] == "live"
    assert models["users"]["state"] == "folded"
    host("user").client.get(MODELS).problem(403)
    host("user").client.get("/api/v1/system/density").problem(403)
    host.admin.client.get(f"{MODELS}/nothing").problem(404)
    host.admin.client.get(f"{MODELS}/users?position=1&at=2026-01-01T00:00:00Z").problem(422)


def test_the_list_of_chats_as_it_was(alice: Person) -> None:
    """Titles and counts of that moment, only one's own; a later chat is not there yet."""
    made = alice.client.post("/api/v1/chat/sessions", {"title": "First title"}).expect(201)
    session, position = made.json["id"], int(made.headers["x-log-position"])
    alice.client("PATCH", f"/api/v1/chat/sessions/{session}", {"title": "Second title"}).expect(200)
    later = alice.chat(title="Later")
    page = alice.client.get(f"/api/v1/chat/sessions?position={position}").expect(200).json
    titles = {one["id"]: one["title"] for one in page["items"]}
    assert titles[session] == "First title"
    assert later not in titles
    assert alice.client.get("/api/v1/chat/sessions?position=0").expect(200).json["items"] == []
    alice.client.get(f"/api/v1/chat/sessions?position={position}&q=First").problem(422)


def test_users_settings_and_links_as_they_were(host: Host) -> None:
    """Each is shown as of a position or time, and the difference says what was added, removed and changed."""
    admin = host.admin
    before = head(admin)
    person = host("user")
    admin.client("PATCH", f"/api/v1/auth/users/{person.id}", {"role": "viewer"}).expect(200)
    admin.client("PUT", "/api/v1/settings/chat.system_prompt", {"value": "Be brief."}).expect(200)
    change = {"timeout": 7, "reason": "slow disk"}
    admin.client("PATCH", "/api/v1/system/links/ai-openai", change).expect(200)
    assert person.id not in rows(admin, "users", f"position={before}")
    assert rows(admin, "users", "")[person.id] == {
        "username": person.name,
        "role": "viewer",
        "state": "active",
    }
    assert rows(admin, "settings", "q=brief")["chat.system_prompt"]["value"] == "Be brief."
    assert rows(admin, "links", "")["ai-openai"]["fields"] == {"timeout": 7}
    differs = admin.client.get(f"{MODELS}/users/difference?position={before}").expect(200).json
    assert [(one["key"], one["change"], one["before"]) for one in differs["items"]] == [
        (person.id, "added", None)
    ]
    assert (differs["added"], differs["removed"], differs["changed"]) == (1, 0, 0)
    admin.client.get(f"{MODELS}/users/difference?position={before + 1}&to_position={before}").problem(422)
    at = admin.client.get(f"{MODELS}/users?position={before}").expect(200).json["at"]
    assert person.id not in rows(admin, "users", f"at={at}")
    admin.client("DELETE", "/api/v1/settings/chat.system_prompt").expect(200)


def test_keys_runs_and_actions_as_they_were(host: Host) -> None:
    """A key that was revoked was there before, without secret or name; runs and actions show how they stood."""
    admin, person = host.admin, host("user")
    body = {"name": "for the kingfisher", "scopes": ["chat:read"]}
    made = person.client.post("/api/v1/auth/keys", body).expect(201).json
    with_key = head(admin)
    person.client("DELETE", f"/api/v1/auth/keys/{made['id']}").expect(204)
    then = admin.client.get(f"{MODELS}/keys?position={with_key}&limit=200").expect(200)
    assert made["id"] in {one["key"] for one in then.json["items"]}
    assert "kingfisher" not in then.text
    assert made["key"] not in then.text
    assert made["id"] not in rows(admin, "keys", "")
    action = {"action_type": "send_chat_message", "parameters": {"content": "say kingfisher"}}
    asked = person.client.post("/api/v1/actions/process", action).expect(200).json
    (done,) = [one for key, one in rows(admin, "actions", "").items() if key == asked["request_id"]]
    assert (done["status"], "kingfisher" in str(done)) == ("completed", False)
    run = rows(admin, "runs", f"q={asked['request_id']}")[asked["request_id"]]
    # The answer is there before the run has written its end.
    assert (run["definition"], run["state"] in ("running", "completed")) == ("action", True)


def test_a_list_shows_what_its_reader_wrote(alice: Person) -> None:
    """With the position that a write was answered with, list and search show it; a position that is not there in time is
    503 `stale` with when to ask again."""
    made = alice.client.post("/api/v1/chat/sessions", {"title": "Read after write"}).expect(201)
    position = int(made.headers["x-log-position"])
    page = alice.client.get(f"/api/v1/chat/sessions?min_position={position}").expect(200).json
    assert made.json["id"] in {one["id"] for one in page["items"]}
    alice.client.get(f"/api/v1/chat/search?q=heron&min_position={position}").expect(200)
    for path in ("sessions?", "search?q=heron&"):
        answer = alice.client.get(f"/api/v1/chat/{path}min_position={position + 1_000_000}")
        assert answer.problem(503)["type"] == "urn:autobot:problem:stale"
        assert answer.headers["retry-after"] == "1"


def test_erased_text_is_in_no_past(alice: Person, host: Host) -> None:
    """A deleted chat's title was in a copy that a question had left; after the deletion no answer has it."""
    session = alice.chat(title="Confidential heron")
    position = head(host.admin)
    assert rows(host.admin, "chat", f"position={position}")[session]["title"] == "Confidential heron"
    alice.client("DELETE", f"/api/v1/chat/sessions/{session}").expect(204)
    answer = host.admin.client.get(f"{MODELS}/chat?limit=200&position={position}").expect(200)
    assert "heron" not in answer.text


def test_how_the_log_lies_in_time(host: Host) -> None:
    """Positions never fall, the last part ends with the log, and a part can be asked about alone."""
    density = host.admin.client.get("/api/v1/system/density?buckets=40").expect(200).json
    assert density["positions"] == sorted(density["positions"])
    assert density["positions"][-1] == density["head"]
    assert (len(density["positions"]), density["before"]) == (40, 0)
    since, until = density["since"], density["until"]
    part = host.admin.client.get(f"/api/v1/system/density?since={since}&until={until}&buckets=1").expect(200)
    assert len(part.json["positions"]) == 1
    host.admin.client.get(f"/api/v1/system/density?since={until}&until={since}").problem(422)
