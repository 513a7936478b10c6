"""Retries with an idempotency key, as clients on bad connections make them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.product.host import Host
from tests.integration.product.people import CHAT, Person, new_key


def test_a_retry_gets_the_first_answer_again(alice: Person) -> None:
    """The same key and payload give the stored answer, marked as replayed; the message stands there once."""
    session, key = alice.chat(), new_key()
    first = alice.say(session, "once", key=key).expect(202)
    second = alice.say(session, "once", key=key).expect(202)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.json == first.json
    alice.follow(first)
    assert [one["content"] for one in alice.messages(session) if one["role"] == "user"] == ["once"]


def test_a_bare_key_is_read_like_a_quoted_one(alice: Person) -> None:
    """The header's form is a quoted string; a bare token means the same."""
    session, key = alice.chat(), new_key()
    first = alice.say(session, "quoted", key=key).expect(202)
    path = f"{CHAT}/sessions/{session}/messages"
    again = alice.client.post(path, {"content": "quoted"}, headers={"idempotency-key": key}).expect(202)
    assert again.json == first.json


def test_another_payload_under_the_same_key_is_refused(alice: Person) -> None:
    """A key belongs to its payload; another one is 422 and changes nothing."""
    session, key = alice.chat(), new_key()
    alice.say(session, "this", key=key).expect(202)
    alice.say(session, "that", key=key).problem(422, "idempotency-mismatch")
    contents = [one["content"] for one in alice.messages(session) if one["role"] == "user"]
    assert contents == ["this"]


def test_a_key_holds_for_one_principal_only(host: Host) -> None:
    """Two people may use the same key: each gets an answer of their own."""
    key = new_key()
    one, other = host(), host()
    headers = {"idempotency-key": f'"{key}"'}
    first = one.client.post(f"{CHAT}/sessions", {"title": "mine"}, headers=headers).expect(201)
    second = other.client.post(f"{CHAT}/sessions", {"title": "mine"}, headers=headers).expect(201)
    assert first.json["id"] != second.json["id"]


@pytest.mark.parametrize("key", ['""', '"' + "x" * 256 + '"', '"ä"', "a b", '"open'])
def test_a_key_that_is_none_is_refused(alice: Person, key: str) -> None:
    """A key of no characters, too many, or other than visible ASCII is a clear problem."""
    reply = alice.client.post(
        f"{CHAT}/sessions", {}, headers={"idempotency-key": key.encode().decode("latin-1")}
    )
    assert reply.status in (400, 422)
    reply.problem(reply.status)


def test_many_at_once_with_one_key_do_it_once(host: Host) -> None:
    """However many retries arrive together, one is done; the rest get its answer or are asked to wait."""
    alice = host()
    program = host.by_key(alice, "chat:*")
    session, key = alice.chat(), new_key()
    people = [host.again(alice) for _ in range(8)]
    for one in people:
        one.client.key = program.client.key
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: one.say(session, "at once", key=key), people))
    assert {one.status for one in answers} <= {202, 409}
    done = [one.json for one in answers if one.status == 202]
    assert done
    assert all(one == done[0] for one in done)
    for refused in (one for one in answers if one.status == 409):
        assert int(refused.problem(409, "idempotency-in-flight")["retry_after"]) >= 0
        assert "retry-after" in refused.headers
    assert [one["content"] for one in alice.messages(session) if one["role"] == "user"] == ["at once"]


WRITES = [
    ("POST", "/api/v1/chat/sessions", {"title": "k"}, 201),
    ("POST", "/api/v1/auth/keys", {"name": "k", "scopes": ["chat:read"]}, 201),
    ("POST", "/api/v1/actions/process", {"action_type": "run_diagnostics"}, 200),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRITES, ids=[one[1] for one in WRITES])
def test_every_kind_of_write_honours_the_key(
    host: Host, method: str, path: str, body: dict[str, object], status: int
) -> None:
    """Whatever is written with a key is written once."""
    alice = host("admin")
    headers = {"idempotency-key": f'"{new_key()}"'}
    first = alice.client(method, path, body, headers=headers).expect(status)
    second = alice.client(method, path, body, headers=headers).expect(status)
    assert second.headers["idempotent-replayed"] == "true"
    identity = "request_id" if "actions" in path else "id"
    assert second.json[identity] == first.json[identity]


def test_a_deletion_is_told_again_although_its_object_is_gone(host: Host) -> None:
    """Who lost the answer to a deletion gets it again by its key; without the key, and for others, there is nothing."""
    alice, bob = host(), host()
    path = f"{CHAT}/sessions/{alice.chat()}"
    headers = {"idempotency-key": f'"{new_key()}"'}
    alice.client("DELETE", path, headers=headers).expect(204)
    again = alice.client("DELETE", path, headers=headers).expect(204)
    assert again.headers["idempotent-replayed"] == "true"
    alice.client("DELETE", path).problem(404)
    alice.client("DELETE", path, headers={"idempotency-key": f'"{new_key()}"'}).problem(404)
    bob.client("DELETE", path, headers=headers).problem(404)


def test_a_new_key_is_told_again_to_a_retry(alice: Person) -> None:
    """Who lost the answer with an API key in it gets it again by the idempotency key."""
    headers = {"idempotency-key": f'"{new_key()}"'}
    body = {"name": "lost", "scopes": ["chat:read"]}
    first = alice.client.post("/api/v1/auth/keys", body, headers=headers).expect(201).json
    second = alice.client.post("/api/v1/auth/keys", body, headers=headers).expect(201).json
    assert first["key"] == second["key"]
    items = alice.client.get("/api/v1/auth/keys").expect(200).json["items"]
    assert [one["name"] for one in items] == ["lost"]
    assert all("key" not in one for one in items)
