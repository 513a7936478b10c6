"""Every role in its own process: calls go by the matrix, with tokens, and survive the death of any process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess, run_cli
from autobot.testing.installation import (
    CHAT,
    ChildRole,
    Installation,
    check_killed_under_load,
    check_rolling_restart,
    owners,
    until_nobody_runs,
)
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer

pytestmark = pytest.mark.needs_program("initdb")
LINKS = "/api/v1/system/links"
REPORTS = "gateway-reports"
DIAGNOSTICS = "/api/v1/system/diagnostics"


def rows(client: Client) -> dict[str, Any]:
    """Return every row of the matrix by its id."""
    return {one["id"]: one for one in client.get(f"{LINKS}?limit=200").expect(200).json["items"]}


def roles(client: Client) -> list[dict[str, Any]]:
    """Return the processes of the roles list."""
    return list(client.get("/api/v1/system/roles").expect(200).json["items"])


def test_calls_go_over_the_rows_between_roles(installation: Installation) -> None:
    """A chat with a reply is carried by real hops: HTTP to backend and ai, streams and frames over Redis."""
    admin = installation.admin
    carried = {
        "gateway-backend": "http",
        "gateway-ai": "http",
        "ai-backend": "http",
        "services-event_bus": "stream",
        "backend-redis": "pubsub",
    }

    def without_a_failure() -> dict[str, Any] | None:
        # Figures of what others did to this installation may still be on their way.
        before = rows(admin)
        session = admin.post(CHAT, {"title": "hops"}).expect(201).json["id"]
        said = {"content": "How do I create an API key?"}
        path = f"{CHAT}/{session}/messages"
        assert admin.post(path, said, headers={"prefer": "wait=30"}).expect(200).json["content"]
        after = rows(admin)
        clean = all(after[row]["failures"] == before[row]["failures"] for row in carried)
        return after if clean and all(after[row]["calls"] for row in carried) else None

    found = installation.until(
        without_a_failure, "a chat whose hops all succeed, with figures of all processes"
    )
    for row, transport in carried.items():
        assert (row, found[row]["state"], found[row]["transport"]) == (row, "in-use", transport)


def test_a_row_between_roles_is_changed_at_run_time(installation: Installation) -> None:
    """A decision taken at the backend is in force in the gateway, and reverting it is, too."""
    admin = installation.admin
    chaos = {"chaos": {"fault_rate": 1.0}, "reason": "a test"}
    admin("PATCH", f"{LINKS}/gateway-ai", chaos).expect(200)
    try:
        installation.until(lambda: admin.get("/api/v1/chat/models").status >= 500, "faults on gateway-ai")
        assert admin.get(CHAT).status == 200
    finally:
        admin.post(
            f"{LINKS}/gateway-ai/revert", {"position": "shipped", "reason": "the test is over"}
        ).expect(200)
    installation.until(lambda: admin.get("/api/v1/chat/models").status == 200, "no faults any more")


@pytest.mark.parametrize("token", ["", "Bearer s1.e30.AAAA", "Bearer nonsense", "Basic YTpi"])
def test_no_call_reaches_a_role_without_a_service_token(installation: Installation, token: str) -> None:
    """Whoever finds a role's port can ask for its health alone; context fields do not make a caller."""
    fields = {"x-correlation-id": "forged", "baggage": "user_id=admin"} | (
        {"authorization": token} if token else {}
    )
    with Client(installation.address("backend")) as backend:
        asked = backend.post("/hop/query", {"name": "ListRoles", "fields": {}}, headers=fields)
        assert asked.status == 401
        assert backend.get("/hop/health").expect(200).json["role"] == "backend"
        assert backend.get("/api/v1/chat/sessions").status == 404


@pytest.mark.parametrize("role", ["backend", "ai"])
def test_each_role_has_metrics_for_who_may_read_them(installation: Installation, role: str) -> None:
    """A role answers `/metrics` at its own address, with its own links and counts, for a key with `metrics:read`."""
    admin = installation.admin
    keys = {
        scope: admin.post("/api/v1/auth/keys", {"name": scope, "scopes": [scope]}).expect(201).json["key"]
        for scope in ("metrics:read", "chat:read")
    }
    address = installation.address(role)
    with Client(address) as nobody, Client(address, key=keys["chat:read"]) as other:
        nobody.get("/metrics").problem(401)
        other.get("/metrics").problem(403)
    with Client(address, key=keys["metrics:read"]) as scraper:
        reply = scraper.get("/metrics").expect(200)
        assert reply.headers["content-type"].startswith("text/plain")
        assert 'link="services-repositories"' in reply.text
        assert "autobot_" in reply.text
        scraper.post("/metrics").problem(404)


@pytest.mark.parametrize("role", ["gateway", "backend", "ai"])
def test_nothing_acknowledged_is_lost_when_a_role_is_killed(installation: Installation, role: str) -> None:
    """SIGKILL of a process under load: every acknowledged chat is there once, and the role comes back."""
    check_killed_under_load(installation, role, f"kill-{role}")


def test_a_rolling_restart_refuses_nothing(installation: Installation) -> None:
    """At SIGHUP every process is exchanged for a new one under load, without one failed request."""
    check_rolling_restart(installation, "roll")


def test_events_flow_again_after_redis_was_flushed_and_restarted(installation: Installation) -> None:
    """Redis is no truth: emptied, or away for a while, it costs time and nothing else."""
    admin = installation.admin
    for harm in (installation.valkey.flush, installation.valkey.kill):
        harm()
        if harm == installation.valkey.kill:
            installation.valkey.start()
        session = admin.post(CHAT, {"title": "after harm"}).expect(201).json["id"]
        admin.post(f"{CHAT}/{session}/messages", {"content": "What can you do?"}).expect(202)

        def replied(session: str = session) -> bool:
            return len(admin.get(f"{CHAT}/{session}/messages").expect(200).json["items"]) == 2

        installation.until(replied, "a reply")


def test_a_second_start_on_the_folder_is_refused(installation: Installation) -> None:
    """The folder is owned by the first one, which is named with its address."""
    words = ("up", "--scaled", "--port", "0")
    done = run_cli(installation.server.folder, *words, environment=installation.server.environment)
    assert done.returncode != 0
    assert f"process {installation.server.pid}" in done.stderr


def test_the_command_line_reaches_the_backend(installation: Installation) -> None:
    """What people ask at the command line is answered by the running installation."""
    server = installation.server
    words = ("keys", "create", "asks", "--scope", "chat:read", "--user", "admin")
    made = run_cli(server.folder, *words, environment=server.environment)
    assert made.returncode == 0, made.stderr
    with server.client(key=made.stdout.strip()) as client:
        assert client.get(CHAT).status == 200


def test_every_process_is_listed_and_meets_the_others(installation: Installation) -> None:
    """API and command line list real processes of every role, all live, of one contract, with the rows between them; a
    row to workers for inference meets nobody while there are none."""

    def steady() -> Any:
        found = installation.admin.get("/api/v1/system/roles").expect(200).json
        hops = found["hops"]
        live = [one for one in found["items"] if one["state"] == "live"]
        roles = {role for one in live for role in one["roles"]}
        own = [one for one in hops if one["callee"] != "npu"]
        meet = all(one["pairs"] and one["reachable"] == one["pairs"] for one in own)
        return (found, live) if roles == {"gateway", "backend", "ai"} and meet else None

    found, live = installation.until(steady, "all roles")
    assert found["mode"] == "scaled"
    assert len({one["contracts"] for one in live}) == 1
    assert all(one["memory_bytes"] > 1 << 20 for one in live)
    (mark,) = {one["key_mark"] for one in live}
    assert len(bytes.fromhex(mark)) == 4
    assert {one["link"] for one in found["hops"]} == {
        "gateway-backend",
        "gateway-ai",
        "gateway-reports",
        "ai-backend",
        "backend-models",
        "ai-npu",
    }
    assert [one["pairs"] for one in found["hops"] if one["link"] == "ai-npu"] == [0]
    words = ("roles", "list", "--json")
    done = run_cli(installation.server.folder, *words, environment=installation.server.environment)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert {one["id"] for one in live} <= {one["id"] for one in listed["items"]}


@pytest.mark.parametrize("missing", ["AUTOBOT_DATABASE_URL", "AUTOBOT_REDIS_URL", "AUTOBOT_SECRET_KEY_FILE"])
def test_a_role_says_what_it_needs(installation: Installation, missing: str, tmp_path: Any) -> None:
    """Without what all roles share a process does not start, and names it."""
    environment = {
        **installation.server.environment,
        "AUTOBOT_SECRET_KEY_FILE": str(installation.server.folder / "secret.key"),
    }
    del environment[missing]
    done = run_cli(tmp_path / "data", "serve", "backend", "--port", "0", environment=environment)
    assert done.returncode == 4
    assert missing in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_role_that_redis_refuses_does_not_start(installation: Installation, tmp_path: Any) -> None:
    """A wrong password of Redis ends the start with the configuration's exit code and the fix, and is not repeated."""
    wrong = installation.valkey.url.replace("unix://", "unix://nobody:wr0ng@")
    environment = {
        "AUTOBOT_DATABASE_URL": installation.database,
        "AUTOBOT_REDIS_URL": wrong,
        "AUTOBOT_SECRET_KEY_FILE": str(installation.server.folder / "secret.key"),
    }
    done = run_cli(tmp_path / "data", "serve", "ai", "--port", "0", environment=environment)
    assert done.returncode == 4, done.stderr
    assert "Redis refuses this name or password." in done.stderr
    assert "AUTOBOT_REDIS_URL" in done.stderr
    assert "wr0ng" not in done.stderr


def test_readings_of_everything_have_a_row_of_their_own(installation: Installation) -> None:
    """Diagnostics and comparisons go by gateway→reports; past its time they are 504 and all else goes on."""
    admin = installation.admin
    before = rows(admin)[REPORTS]["calls"]
    assert admin.get(DIAGNOSTICS).expect(200).body
    installation.until(lambda: rows(admin)[REPORTS]["calls"] > before, "the call on its row")
    admin("PATCH", f"{LINKS}/{REPORTS}", {"timeout": 0.001, "reason": "a test"}).expect(200)
    try:
        late = installation.until(
            lambda: (asked := admin.get(DIAGNOSTICS)).status == 504 and asked.json,
            "an answer that is too late",
        )
        # Who gives up first is a race: the caller at its time-out, or the role whose time is spent.
        assert late["type"].endswith(("upstream-timeout", "deadline-exceeded"))
        assert admin.get(CHAT).status == 200
    finally:
        admin.post(f"{LINKS}/{REPORTS}/revert", {"position": "shipped", "reason": "the test is over"}).expect(
            200
        )
    installation.until(lambda: admin.get(DIAGNOSTICS).status == 200, "time enough again")


def test_a_role_with_another_key_is_named_and_disturbs_nobody(
    installation: Installation, tmp_path: Any
) -> None:
    """It gets no call and no run, the roles list says why, and every message is answered."""
    admin = installation.admin
    key = tmp_path / "other.key"
    key.write_text(os.urandom(32).hex())
    key.chmod(0o600)
    environment = {**installation.server.environment, "AUTOBOT_SECRET_KEY_FILE": str(key)}
    child = ChildRole(tmp_path / "data", environment, slot=9)
    try:
        found = installation.until(
            lambda: [one for one in roles(admin) if "AUTOBOT_SECRET_KEY_FILE" in one["reason"]],
            "a role that is passed over",
        )
        assert [one["roles"] for one in found] == [["ai"]]
        session = admin.post(CHAT, {"title": "two keys"}).expect(201).json["id"]
        for _ in range(8):
            said = {"content": "How do I create an API key?"}
            path = f"{CHAT}/{session}/messages"
            reply = admin.post(path, said, headers={"prefer": "wait=30"}).expect(200).json
            assert (reply["status"], bool(reply["content"])) == ("complete", True)
    finally:
        child.kill()


def test_a_child_ends_with_its_parent_also_before_it_works(installation: Installation, tmp_path: Any) -> None:
    """A role that still starts goes when nobody holds its standard input any more."""
    environment = {
        **installation.server.environment,
        "AUTOBOT_SECRET_KEY_FILE": str(installation.server.folder / "secret.key"),
    }
    child = ChildRole(tmp_path / "data", environment)
    try:
        child.until_locked()
        child.let_go()
        assert child.wait() == 0
    finally:
        child.kill()


def test_a_child_without_parent_ends_though_its_servers_are_gone(tmp_path: Any) -> None:
    """Killed together, parent, database and Redis leave no process behind."""
    with Cluster() as cluster, ValkeyServer() as valkey:
        environment = {"AUTOBOT_DATABASE_URL": cluster.database(), "AUTOBOT_REDIS_URL": valkey.url}
        folder = tmp_path / "data"
        with ServerProcess(folder, environment, scaled=()) as server:
            assert set(owners(folder)) == {"gateway", "backend", "ai"}
            cluster.stop(immediate=True)
            valkey.kill()
            server.kill()
            until_nobody_runs(folder)


def test_sign_in_links_lead_to_a_gateway(installation: Installation) -> None:
    """Whichever process the command line asks, the link names a gateway, which serves the page behind it."""
    server = installation.server

    def backend() -> Path | None:
        """Return the folder of a backend that runs; in which slot one does changes with every exchange."""
        found = (server.folder / "roles").glob("backend*/control.sock")
        return next((one.parent for one in found if apart(one.parent)), None)

    def apart(folder: Path) -> bool:
        """Say whether a process that runs answers there, and not the command line by itself."""
        told = run_cli(folder, "roles", "list", "--json", environment=server.environment)
        return told.returncode == 0 and json.loads(told.stdout)["mode"] == "scaled"

    own = installation.until(backend, "a backend that answers")
    installation.until(lambda: apart(server.folder), "an answer from above its folder")
    for asked in (server.folder, own):
        done = run_cli(asked, "users", "add", f"by-{asked.name}", environment=server.environment)
        assert done.returncode == 0, done.stderr
        address, _, path = done.stdout.strip().partition("/sign-in#token=")
        assert path
        assert address in {one["address"] for one in roles(installation.admin) if one["roles"] == ["gateway"]}
        with Client(address) as visitor:
            visitor.get("/sign-in").expect(200)
