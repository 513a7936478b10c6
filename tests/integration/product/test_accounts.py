"""Signing in and out on a real server, and what ends at once."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import PASSWORD, ServerProcess, run_cli
from tests.integration.product.host import Host
from tests.integration.product.people import CHAT, Person

ME = "/api/v1/auth/me"


def test_a_session_is_a_cookie_that_no_script_reads(host: Host) -> None:
    """Signing in answers who it is and the CSRF token; the session is in an HttpOnly, SameSite cookie."""
    alice = host()
    again = host.again(alice)
    reply = again.client.sign_in(alice.name, PASSWORD).expect(200)
    (cookie,) = reply.cookies
    assert cookie.startswith("autobot_session=")
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert "secure" not in cookie.lower(), "this server speaks plain HTTP on loopback"
    me = again.client.get(ME).expect(200).json
    assert (me["username"], me["role"], me["kind"], me["has_password"]) == (alice.name, "user", "user", True)
    assert me["csrf_token"] == reply.json["csrf_token"]


def test_a_wrong_password_says_nothing_more(host: Host) -> None:
    """An unknown name and a wrong password get the same answer."""
    alice, nobody = host(), host.nobody()
    wrong = nobody.client.sign_in(alice.name, "not the password").problem(401, "unauthenticated")
    unknown = nobody.client.sign_in("who-is-this", "not the password").problem(401, "unauthenticated")
    assert wrong["detail"] == unknown["detail"]


def test_sign_in_is_limited(host: Host) -> None:
    """After ten attempts a minute on one name from one address the right password waits as well."""
    alice, nobody = host(), host.nobody()
    statuses = [nobody.client.sign_in(alice.name, "wrong wrong").status for _ in range(12)]
    assert statuses.count(429) >= 2
    refused = nobody.client.sign_in(alice.name, PASSWORD)
    assert int(refused.problem(429, "quota-exceeded")["retry_after"]) > 0
    assert "retry-after" in refused.headers


def test_writes_of_a_session_carry_a_csrf_proof(host: Host) -> None:
    """Without the token, with another's, or from another site's page a write is refused; reading needs none."""
    alice, other = host(), host()
    right = alice.client.csrf
    for wrong in ("", other.client.csrf, right[:-1]):
        alice.client.csrf = wrong
        alice.client.post(f"{CHAT}/sessions").problem(403, "csrf")
        alice.client.get(f"{CHAT}/sessions").expect(200)
    alice.client.csrf = right
    origin = {"origin": "https://evil.example"}
    alice.client.post(f"{CHAT}/sessions", headers=origin).problem(403, "csrf")
    assert alice.client.get(f"{CHAT}/sessions").json["items"] == []
    alice.client.post(f"{CHAT}/sessions").expect(201)


def test_logout_works_at_once(host: Host) -> None:
    """The session ends at the next request; the person's other session goes on."""
    alice = host()
    second = host.again(alice)
    second.client.sign_in(alice.name, PASSWORD).expect(200)
    alice.client.post("/api/v1/auth/logout").expect(204)
    alice.client.get(ME).problem(401)
    second.client.get(ME).expect(200)


def test_suspension_stops_every_credential_at_once(host: Host) -> None:
    """A suspended user's session and keys fail at the next request, and work again when it is lifted."""
    alice = host()
    program = host.by_key(alice, "chat:*")
    session = alice.chat()
    change = f"/api/v1/auth/users/{alice.id}"
    host.admin.client("PATCH", change, {"suspended": True, "reason": "test"}).expect(200)
    alice.client.get(f"{CHAT}/sessions/{session}").problem(401)
    program.client.get(f"{CHAT}/sessions/{session}").problem(401)
    host.nobody().client.sign_in(alice.name, PASSWORD).problem(401)
    host.admin.client("PATCH", change, {"suspended": False, "reason": "test"}).expect(200)
    program.client.get(f"{CHAT}/sessions/{session}").expect(200)


def test_suspension_closes_open_streams(host: Host) -> None:
    """An event stream of a suspended user ends; it does not wait for the client to leave."""
    alice = host("operator")
    with alice.client.stream("/api/v1/events/stream?channel=system") as events:
        change = f"/api/v1/auth/users/{alice.id}"
        host.admin.client("PATCH", change, {"suspended": True, "reason": "test"}).expect(200)
        assert [one.name for one in events if one.name == "event"] == []


def test_a_revoked_key_stops_at_once(host: Host) -> None:
    """A key that was deleted proves nothing any more."""
    alice = host()
    made = alice.client.post("/api/v1/auth/keys", {"name": "k", "scopes": ["*"]}).expect(201).json
    program = host.again(alice)
    program.client.key = made["key"]
    program.client.get(ME).expect(200)
    alice.client("DELETE", f"/api/v1/auth/keys/{made['id']}").expect(204)
    program.client.get(ME).problem(401)


def test_a_new_password_ends_the_other_sessions(host: Host) -> None:
    """Who changes the password stays signed in; every other browser of theirs does not."""
    alice = host()
    second = host.again(alice)
    second.client.sign_in(alice.name, PASSWORD).expect(200)
    body = {"current": PASSWORD, "new": "another horse entirely"}
    alice.client.post("/api/v1/auth/password", {**body, "current": "wrong wrong"}).problem(422)
    alice.client.post("/api/v1/auth/password", body).expect(204)
    alice.client.get(ME).expect(200)
    second.client.get(ME).problem(401)
    second.client.sign_in(alice.name, "another horse entirely").expect(200)


def test_an_invited_user_signs_in_by_link_once(host: Host) -> None:
    """The link of an invitation works once, however it was meant."""
    body = {"username": "invited", "role": "viewer"}
    made = host.admin.client.post("/api/v1/auth/users", body).expect(201).json
    token = urlsplit(made["sign_in_link"]).fragment.removeprefix("token=")
    guest = host.nobody()
    guest.client.took(guest.client.post("/api/v1/auth/link", {"token": token}).expect(200))
    assert guest.client.get(ME).expect(200).json["has_password"] is False
    host.nobody().client.post("/api/v1/auth/link", {"token": token}).problem(401)


def test_a_removed_user_is_gone(host: Host) -> None:
    """A removed user's credentials fail, and the name can be given again."""
    alice = host()
    host.admin.client("DELETE", f"/api/v1/auth/users/{alice.id}").expect(204)
    alice.client.get(ME).problem(401)
    host.admin.client.post("/api/v1/auth/users", {"username": alice.name, "role": "user"}).expect(201)


def test_the_last_administrator_stays(server: ServerProcess, host: Host) -> None:
    """Somebody can always administrate: the last administrator cannot be demoted, suspended or removed."""
    users = host.admin.client.get("/api/v1/auth/users?limit=200").expect(200).json["items"]
    others = [
        one for one in users if one["role"] == "admin" and not one["suspended"] and one["id"] != host.admin.id
    ]
    for one in others:
        host.admin.client("PATCH", f"/api/v1/auth/users/{one['id']}", {"role": "user"}).expect(200)
    me = f"/api/v1/auth/users/{host.admin.id}"
    host.admin.client("PATCH", me, {"role": "user"}).problem(409)
    host.admin.client("PATCH", me, {"suspended": True, "reason": "oops"}).problem(409)
    host.admin.client("DELETE", me).problem(409)


# ------------------------------------------------------------------------------------------ command line


def test_a_key_by_the_command_line_while_it_runs(server: ServerProcess) -> None:
    """`autobot keys create` prints the key alone, over the control socket of the running server."""
    done = run_cli(server.folder, "keys", "create", "script", "--scope", "*")
    assert done.returncode == 0, done.stderr
    key = done.stdout.removesuffix("\n")
    assert key
    assert "\n" not in key
    assert " " not in key
    with Client(server.local, key=key) as client:
        me = client.get(ME).expect(200).json
    assert (me["kind"], me["username"], me["csrf_token"]) == ("key", "admin", None)


def test_a_key_by_the_command_line_without_a_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On an empty folder the command makes the administrator and a key that the next start honours."""
    folder = tmp_path_factory.mktemp("empty") / "data"
    done = run_cli(folder, "keys", "create", "first", "--scope", "*")
    assert done.returncode == 0, done.stderr
    with ServerProcess(folder) as server, server.client(key=done.stdout.strip()) as client:
        assert client.get(ME).expect(200).json["username"] == "admin"


def test_the_command_line_explains_what_it_refuses(server: ServerProcess, host: Host) -> None:
    """A key for nobody, or with a scope that there is not, is refused with its reason and exit code 3."""
    nobody = run_cli(server.folder, "keys", "create", "x", "--scope", "*", "--user", "nobody-at-all")
    assert (nobody.returncode, nobody.stdout) == (3, "")
    assert "nobody-at-all" in nobody.stderr
    unknown = run_cli(server.folder, "keys", "create", "x", "--scope", "no such:thing")
    assert (unknown.returncode, unknown.stdout) == (3, "")


def test_people_by_the_command_line(server: ServerProcess) -> None:
    """A user added by the command line signs in by the printed link; suspension there is heard at once."""
    added = run_cli(server.folder, "users", "add", "by-cli", "--role", "operator")
    assert added.returncode == 0, added.stderr
    token = urlsplit(added.stdout.strip()).fragment.removeprefix("token=")
    with server.client() as client:
        client.took(client.post("/api/v1/auth/link", {"token": token}).expect(200))
        assert client.get(ME).expect(200).json["role"] == "operator"
        assert run_cli(server.folder, "users", "suspend", "by-cli").returncode == 0
        client.get(ME).problem(401)


def test_somebody_elses_cookie_is_nothing(alice: Person) -> None:
    """A made-up session or key proves nobody, whatever its form."""
    alice.client.cookie = "autobot_session=" + "A" * 43
    alice.client.get(ME).problem(401)
    alice.client.cookie = ""
    for key in ("x", "ab_" + "z" * 40, "Ünicode".encode().decode("latin-1"), "a" * 5000):
        alice.client.key = key
        reply = alice.client.get(ME)
        assert reply.status == 401, key
        assert "www-authenticate" in reply.headers
