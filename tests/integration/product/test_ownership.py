"""What is somebody's is nobody else's: every route of chats, runs and actions, asked by another user."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.product.host import Host
from tests.integration.product.people import CHAT, Person

ACTIONS = "/api/v1/actions"

OTHERS: list[tuple[str, str, Any]] = [
    ("GET", CHAT + "/sessions/{session}", None),
    ("PATCH", CHAT + "/sessions/{session}", {"title": "mine now"}),
    ("DELETE", CHAT + "/sessions/{session}", None),
    ("GET", CHAT + "/sessions/{session}/messages", None),
    ("GET", CHAT + "/sessions/{session}/messages?position=1000000", None),
    ("GET", CHAT + "/sessions/{session}/messages/{message}", None),
    ("POST", CHAT + "/sessions/{session}/messages", {"content": "hello"}),
    ("POST", CHAT + "/sessions/{session}/messages/{reply}/regenerate", {}),
    ("POST", CHAT + "/sessions/{session}/messages/{message}/edit", {"content": "not yours"}),
    ("POST", CHAT + "/sessions/{session}/branch", {"message_id": "{message}"}),
    ("GET", CHAT + "/sessions/{session}/export?format=json", None),
    ("GET", CHAT + "/sessions/{session}/export?format=markdown", None),
    ("GET", CHAT + "/runs/{run}", None),
    ("GET", CHAT + "/runs/{run}/events", None),
    ("POST", CHAT + "/runs/{run}/stop", {}),
    ("GET", "/api/v1/events/stream?channel=run:{run}&after=0", None),
    ("GET", "/api/v1/events/stream?channel=chat.session:{session}&after=0", None),
    ("GET", ACTIONS + "/{action}", None),
]


@pytest.fixture(scope="module")
def owned(host: Host) -> dict[str, str]:
    """A chat with a reply, and an action, of an operator."""
    owner = host("operator")
    session = owner.chat(title="private")
    reply = owner.ask(session, "/help")
    done = owner.client.post(f"{ACTIONS}/process", {"action_type": "run_diagnostics"})
    return {
        "session": session,
        "reply": reply["id"],
        "message": owner.messages(session)[0]["id"],
        "run": reply["run_id"],
        "action": done.expect(200).json["request_id"],
    }


def filled(value: Any, ids: dict[str, str]) -> Any:
    """Put ids into a path or body."""
    if isinstance(value, dict):
        return {name: filled(one, ids) for name, one in value.items()}
    return value.format(**ids) if isinstance(value, str) else value


@pytest.mark.parametrize("role", ["user", "admin"])
@pytest.mark.parametrize(("method", "path", "body"), OTHERS, ids=[f"{one[0]} {one[1]}" for one in OTHERS])
def test_anothers_object_looks_like_none(
    host: Host, owned: dict[str, str], role: str, method: str, path: str, body: Any
) -> None:
    """Another user, the administrator included, gets the same 404 as for an id that nobody has."""
    other = host.admin if role == "admin" else stranger(host)
    theirs = other.client(method, filled(path, owned), filled(body, owned)).problem(404, "not-found")
    nothing = dict.fromkeys(owned, "01900000-0000-7000-8000-000000000000")
    absent = other.client(method, filled(path, nothing), filled(body, nothing)).problem(404, "not-found")
    assert {theirs[one] for one in ("title", "detail", "type")} == {
        absent[one] for one in ("title", "detail", "type")
    }


STRANGERS: dict[Host, Person] = {}


def stranger(host: Host) -> Person:
    """Return one user who owns nothing."""
    return STRANGERS.setdefault(host, host())


def test_the_owner_still_has_it(host: Host) -> None:
    """What others tried changed nothing: the owner's key reads all of it."""
    owner = host()
    session = owner.chat(title="kept")
    reply = owner.ask(session, "/help")
    stranger(host).client("DELETE", f"{CHAT}/sessions/{session}").problem(404)
    program = host.by_key(owner, "chat:read", "runs:read")
    assert program.client.get(f"{CHAT}/sessions/{session}").expect(200).json["title"] == "kept"
    assert program.run(reply["run_id"])["state"] == "completed"


def test_lists_hold_only_what_is_ones_own(host: Host) -> None:
    """A list of chats never shows another's."""
    one, other = host(), host()
    mine = one.chat()
    assert other.client.get(f"{CHAT}/sessions?limit=200").expect(200).json["items"] == []
    assert [each["id"] for each in one.client.get(f"{CHAT}/sessions").expect(200).json["items"]] == [mine]


def test_a_viewer_reads_and_may_not_write(host: Host) -> None:
    """A viewer sees the product and changes nothing."""
    viewer = host("viewer")
    for path in (f"{CHAT}/sessions", f"{CHAT}/models", "/api/v1/auth/me"):
        viewer.client.get(path).expect(200)
    for method, path, body in (
        ("POST", f"{CHAT}/sessions", {}),
        ("PUT", "/api/v1/settings/model.default", {"value": "x"}),
        ("PATCH", "/api/v1/system/links/ai-openai", {"timeout": 1, "reason": "no"}),
        ("POST", "/api/v1/system/links/ai-openai/breaker", {"action": "open", "reason": "no"}),
        ("POST", "/api/v1/auth/users", {"username": "friend", "role": "admin"}),
        ("POST", f"{ACTIONS}/process", {"action_type": "create_backup"}),
    ):
        viewer.client(method, path, body).problem(403, "forbidden")


def test_a_key_does_no_more_than_its_scopes(host: Host) -> None:
    """A key with a reading scope reads; writing and everything else is refused, whoever owns it."""
    program = host.by_key(host.admin, "chat:read")
    program.client.get(f"{CHAT}/sessions").expect(200)
    program.client.post(f"{CHAT}/sessions", {}).problem(403, "forbidden")
    program.client.get("/api/v1/system/links").problem(403, "forbidden")
    program.client.get("/api/v1/auth/users").problem(403, "forbidden")
