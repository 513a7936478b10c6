"""A user goes with all that belongs to them; a removal that was not due yet can be taken back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.harness import PASSWORD, ServerProcess
from tests.integration.product.host import Host
from tests.integration.product.people import Person

WORD = "xylophonistin"
DOCUMENTS = "/api/v1/knowledge_base/documents"
PATIENCE_S = 20.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server whose folder is looked through in the end."""
    with ServerProcess(tmp_path / "data") as server:
        yield server


def remove(admin: Person, user: Person, query: str = "") -> str:
    """Remove a user and return where the saga is."""
    reply = admin.client("DELETE", f"/api/v1/auth/users/{user.id}{query}").expect(204)
    return str(reply.headers["location"])


def until(admin: Person, saga: str, *states: str) -> Any:
    """Return the saga when it is in one of the states. Raises AssertionError when that takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        reply = admin.client.get(saga)
        if reply.status == 200 and reply.json["saga"]["state"] in states:
            return reply.json
        assert time.monotonic() < deadline, reply.text


def sign_in(host: Host, user: Person) -> int:
    """Return the status of a sign-in."""
    return host.again(user).client.sign_in(user.name, PASSWORD).status


def holders(folder: Path, *words: str) -> list[str]:
    """Name the files that hold one of the words."""
    files = [one for one in folder.rglob("*") if one.is_file()]
    return [f"{one.name}: {word}" for one in files for word in words if word.encode() in one.read_bytes()]


def test_a_removed_user_leaves_nothing(own: ServerProcess) -> None:
    """Credentials stop at once; then chats, runs, actions and the account are erased, and no file holds a word of it."""
    with ExitStack() as closing:
        host = Host(own, closing)
        user = host()
        program = host.by_key(user)
        for name in (f"{WORD}-kept", f"{WORD}-revoked"):
            made = user.client.post("/api/v1/auth/keys", {"name": name, "scopes": ["*"]}).expect(201).json
        user.client("DELETE", f"/api/v1/auth/keys/{made['id']}").expect(204)
        for _ in range(3):
            session = user.chat(title=f"about the {WORD}")
            user.ask(session, f"/help {WORD}")
        action = {"action_type": "send_chat_message", "parameters": {"content": f"say {WORD}"}}
        user.client.post("/api/v1/actions/process", action).expect(200)
        text = {"title": f"a letter about the {WORD}", "text": f"The {WORD} is here."}
        made = user.client.post(f"{DOCUMENTS}", text).expect(202).json
        wait = {"prefer": "wait=25"}
        document = user.client("GET", f"{DOCUMENTS}/{made['id']}", headers=wait).expect(200).json
        assert document["status"] == "ready", document
        assert {one.partition(":")[0] for one in holders(own.folder, WORD)} >= {"passages.db-wal"}
        saga = remove(host.admin, user)
        user.client.get("/api/v1/auth/me").expect(401)
        program.client.get("/api/v1/auth/me").expect(401)
        assert sign_in(host, user) == 401
        done = until(host.admin, saga, "completed")
        assert [one["name"] for one in done["steps"] if one["kind"] == "saga"] == [
            "requested",
            "remove",
            "chats",
            "actions",
            "documents",
            "account",
        ]
        assert not done["can_stop"]
        host.admin.client.post(f"{saga}/stop", {"reason": "too late"}).problem(409)
        host.admin.client.post(f"{saga}/retry", {}).problem(409)
        names = [
            one["username"] for one in host.admin.client.get("/api/v1/auth/users").expect(200).json["items"]
        ]
        assert user.name not in names
        deadline = time.monotonic() + PATIENCE_S
        while any((own.folder / "originals").glob("??/b-*")):
            assert time.monotonic() < deadline, "its originals are still there"
    own.stop()
    assert holders(own.folder, WORD, user.name) == []


def test_a_removal_with_grace_can_be_taken_back(host: Host) -> None:
    """Until it is due the user is locked out and shown as going; stopping the saga brings everything back."""
    user = host()
    session = user.chat(title="mine")
    saga = remove(host.admin, user, "?grace_days=7")
    assert sign_in(host, user) == 401
    waiting = until(host.admin, saga, "running")
    assert waiting["can_stop"]
    ahead = [one["name"] for one in waiting["path"] if one["state"] == "to_come"]
    assert (waiting["planned"], ahead[-4:]) == ("recorded", ["chats", "actions", "documents", "account"])
    shown = host.admin.client.get(f"/api/v1/auth/users?q={user.id}").expect(200).json["items"][0]
    assert shown["suspended"]
    assert saga.endswith(shown["removal_id"])
    path = f"/api/v1/auth/users/{user.id}"
    host.admin.client("PATCH", path, {"suspended": False}).problem(409)
    host.admin.client("DELETE", path).problem(409)
    user.client.get(saga).problem(401)
    host.admin.client.post(f"{saga}/stop", {}).problem(422)
    host.admin.client.post(f"{saga}/stop", {"reason": "they stay"}).expect(202)
    back = until(host.admin, saga, "compensated")
    assert back["turned_by"] == "admin"
    assert sign_in(host, user) == 200
    again = host.again(user)
    again.client.sign_in(user.name, PASSWORD).expect(200)
    assert [one["id"] for one in again.client.get("/api/v1/chat/sessions").expect(200).json["items"]] == [
        session
    ]
    listed = host.admin.client.get("/api/v1/sagas?group=ended&limit=1").expect(200).json
    assert listed["items"][0]["id"] == back["saga"]["id"]


def test_a_killed_server_carries_on(own: ServerProcess) -> None:
    """A removal that waits survives kill -9 and can still be stopped; one that was asked for just before it is done."""
    with ExitStack() as closing:
        host = Host(own, closing)
        waits, goes = host(), host()
        goes.ask(goes.chat(), f"/help {WORD}")
        waiting = remove(host.admin, waits, "?grace_days=1")
        until(host.admin, waiting, "running")
        going = remove(host.admin, goes)
        own.kill()
    own.start()
    with ExitStack() as closing:
        host = Host(own, closing)
        until(host.admin, going, "completed")
        until(host.admin, waiting, "running")
        host.admin.client.post(f"{waiting}/stop", {"reason": "they stay"}).expect(202)
        until(host.admin, waiting, "compensated")
        assert sign_in(host, waits) == 200


def test_who_may_see_sagas(host: Host) -> None:
    """Operators see and steer sagas; users see none."""
    host("operator").client.get("/api/v1/sagas").expect(200)
    host("user").client.get("/api/v1/sagas").problem(403)
    host.admin.client.get("/api/v1/sagas/unknown").problem(404)
