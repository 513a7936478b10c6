"""Settings with their sources and history, the log with its filters, health and what else the product says of itself."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

import pytest

from tests.integration.product.host import Host
from tests.integration.product.people import CHAT, Person

SETTINGS = "/api/v1/settings"
PROMPT = f"{SETTINGS}/chat.system_prompt"
SECRET = f"{SETTINGS}/openai.api_key"
SYSTEM = "/api/v1/system"
PATIENCE_S = 30.0


def test_a_setting_is_stored_with_who_when_and_why_and_goes_back(admin: Person) -> None:
    """A stored value has its source, history and author; deleting it is the default again."""
    put = admin.client("PUT", PROMPT, {"value": "Be brief.", "reason": "taste"}).expect(200)
    stored = put.json
    assert (stored["value"], stored["source"], stored["updated_by"]) == ("Be brief.", "stored", "admin")
    admin.client("PUT", PROMPT, {"value": "Be long."}).expect(200)
    newest, before, *_ = admin.client.get(f"{PROMPT}/history").expect(200).json["items"]
    assert (newest["value"], before["value"], before["reason"]) == ("Be long.", "Be brief.", "taste")
    assert newest["at"].endswith("Z")
    past = admin.client.get(f"{PROMPT}?position={before['position']}").expect(200).json
    assert past["value"] == "Be brief."
    back = admin.client.post(f"{PROMPT}/revert", {"position": before["position"]}).expect(200).json
    assert back["value"] == "Be brief."
    gone = admin.client("DELETE", PROMPT).expect(200).json
    assert (gone["value"], gone["source"]) == ("", "default")


def test_a_setting_works_at_the_next_message(modelled: Host, model_server: Any) -> None:
    """What is chosen in the settings is what the model hears next."""
    model_server.on("what are you told", lambda call: call.say("That.").end())
    modelled.admin.client("PUT", PROMPT, {"value": "Answer like a gardener."}).expect(200)
    modelled.admin.ask(modelled.admin.chat(), "what are you told")
    first = model_server.seen[-1].body["messages"][0]
    assert (first["role"], first["content"]) == ("system", "Answer like a gardener.")
    modelled.admin.client("DELETE", PROMPT).expect(200)


def test_what_the_environment_sets_is_locked_and_named(modelled: Host) -> None:
    """A value from the environment shows its name and cannot be changed here."""
    path = f"{SETTINGS}/openai.base_url"
    shown = modelled.admin.client.get(path).expect(200).json
    assert (shown["source"], shown["locked_by"]) == ("environment", "AUTOBOT_OPENAI_BASE_URL")
    problem = modelled.admin.client("PUT", path, {"value": "http://127.0.0.1:1/v1"}).problem(409)
    assert "AUTOBOT_OPENAI_BASE_URL" in json.dumps(problem)
    assert modelled.admin.client.get(path).json["value"] == shown["value"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("limits.actions_per_minute", 0),
        ("limits.actions_per_minute", "many"),
        ("limits.actions_per_minute", 2.5),
        ("limits.actions_per_minute", True),
        ("chat.system_prompt", 7),
        ("chat.system_prompt", "x" * 20_001),
        ("model.failover", "one"),
        ("model.failover", [1]),
        ("openai.api_key", 7),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(admin: Person, key: str, value: Any) -> None:
    """A value that is no value of this setting is 422 with a pointer, and the old one stays."""
    before = admin.client.get(f"{SETTINGS}/{key}").expect(200).json
    problem = admin.client("PUT", f"{SETTINGS}/{key}", {"value": value}).problem(422)
    assert problem["errors"]
    assert admin.client.get(f"{SETTINGS}/{key}").expect(200).json == before


def test_an_unknown_setting_is_not_found(admin: Person) -> None:
    """A key that there is not is 404 for reading and writing."""
    admin.client.get(f"{SETTINGS}/no.such").problem(404)
    admin.client("PUT", f"{SETTINGS}/no.such", {"value": 1}).problem(404)


def test_a_secret_is_masked_everywhere(host: Host) -> None:
    """A secret is in no answer, no history, no event and no support bundle once it was stored."""
    secret = "sk-verysecretvalue0123456789"
    admin = host.admin.client
    stored = admin("PUT", SECRET, {"value": secret, "reason": "connect"}).expect(200)
    texts = [stored.text]
    for path in (
        SECRET,
        f"{SECRET}/history",
        SETTINGS,
        f"{SYSTEM}/events?type=autobot.settings.*&limit=200",
        f"{SYSTEM}/links",
    ):
        texts.append(admin.get(path).expect(200).text)
    bundle = zipfile.ZipFile(io.BytesIO(admin.get(f"{SYSTEM}/diagnostics").expect(200).body))
    texts += [bundle.read(name).decode() for name in bundle.namelist()]
    assert [text for text in texts if secret in text] == []
    for path in host.server.folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path.name
    assert secret not in host.server.log()
    admin("DELETE", SECRET).expect(200)


def test_settings_are_searchable(admin: Person) -> None:
    """A word of title or description finds a setting."""
    found = admin.client.get(f"{SETTINGS}?q=ollama").expect(200).json["items"]
    assert "ollama.url" in {one["key"] for one in found}
    assert admin.client.get(f"{SETTINGS}?q=zzzzz").expect(200).json["items"] == []


# ------------------------------------------------------------------------------------------------ log


def test_the_log_is_filtered_by_type_stream_correlation_and_time(host: Host) -> None:
    """Each filter gives its events alone; events are CloudEvents with position, stream and revision."""
    admin = host.admin
    session = admin.chat(title="for the log")
    headers = {"x-correlation-id": "0123456789abcdef-filter", "prefer": "wait=20"}
    path = f"{CHAT}/sessions/{session}/messages"
    reply = admin.client.post(path, {"content": "/help"}, headers=headers).expect(200).json

    def events(query: str) -> list[Any]:
        items: list[Any] = admin.client.get(f"{SYSTEM}/events?limit=200&{query}").expect(200).json["items"]
        return items

    of_stream = events(f"stream=chat-{session}")
    assert {one["stream"] for one in of_stream} == {f"chat-{session}"}
    assert sorted(one["revision"] for one in of_stream) == list(range(len(of_stream)))
    of_type = events("type=autobot.runs.run_completed.v1")
    assert {one["type"] for one in of_type} == {"autobot.runs.run_completed.v1"}
    assert {one["type"].split(".")[1] for one in events("type=autobot.chat.*")} == {"chat"}
    of_call = events("correlation_id=0123456789abcdef-filter")
    streams = {one["stream"] for one in of_call}
    assert {f"chat-{session}", f"run-{reply['run_id']}"} <= streams, "the run carries its request's id"
    assert {one["correlationid"] for one in of_call} == {"0123456789abcdef-filter"}
    one = of_call[0]
    assert one["specversion"] == "1.0"
    assert {"id", "source", "type", "time", "data", "position", "stream", "revision"} <= one.keys()
    since = of_stream[0]["time"]
    assert all(each["time"] >= since for each in events(f"since={since}"))
    assert all(each["time"] <= since for each in events(f"until={since}&type=autobot.chat.*"))


def test_the_log_pages_by_cursor_without_gap_or_double(admin: Person) -> None:
    """Following cursors gives every position once."""
    seen: list[int] = []
    query = "limit=7"
    for _ in range(5):
        page = admin.client.get(f"{SYSTEM}/events?{query}").expect(200).json
        seen += [one["position"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"limit=7&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen))
    assert sorted(seen) == list(range(min(seen), max(seen) + 1))


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "since=soon", "after=-1", "cursor=zzz", "limit=ten", "after=1e99"]
)
def test_a_bad_filter_is_refused(admin: Person, query: str) -> None:
    """Limits, times and cursors that are none are 422."""
    admin.client.get(f"{SYSTEM}/events?{query}").problem(422)


# --------------------------------------------------------------------------------------- of itself


def test_health_is_asked_and_aged(admin: Person, host: Host) -> None:
    """Liveness and readiness need nobody; health tells each dependency's newest probe with its age."""
    nobody = host.nobody().client
    assert nobody.get(f"{SYSTEM}/health/live").expect(200).json == {"status": "live"}
    assert nobody.get(f"{SYSTEM}/health/ready").expect(200).json["status"] == "ready"
    nobody.get(f"{SYSTEM}/health").problem(401)
    checks: dict[str, Any] = {}
    deadline = time.monotonic() + PATIENCE_S
    while "openai" not in checks and time.monotonic() < deadline:
        # With roles apart the backend hears from ai every two seconds.
        found = admin.client.get(f"{SYSTEM}/health").expect(200).json["checks"]
        checks = {one["name"]: one for one in found}
    assert checks["store"]["state"] == "ok"
    assert checks["store"]["age_seconds"] >= 0
    assert checks["openai"]["state"] == "absent"
    assert "AUTOBOT_OPENAI_BASE_URL" in checks["openai"]["detail"]


def test_info_and_status_tell_what_runs(host: Host, admin: Person) -> None:
    """Version, mode, formats, counts."""
    info = admin.client.get(f"{SYSTEM}/info").expect(200).json
    assert info["mode"] == ("scaled" if "AUTOBOT_REDIS_URL" in host.server.environment else "embedded")
    assert info["version"]
    assert info["started_at"].endswith("Z")
    status = admin.client.get(f"{SYSTEM}/status").expect(200).json
    assert status["position"] > 0


def test_the_support_bundle_is_for_administrators(host: Host) -> None:
    """It is a readable archive of JSON, and nobody else gets it."""
    archive = zipfile.ZipFile(io.BytesIO(host.admin.client.get(f"{SYSTEM}/diagnostics").expect(200).body))
    assert archive.testzip() is None
    for name in archive.namelist():
        if name.endswith(".json"):
            json.loads(archive.read(name))
    host("user").client.get(f"{SYSTEM}/diagnostics").problem(403)


def test_metrics_need_their_scope(host: Host) -> None:
    """Prometheus reads with a key that may; nobody else does."""
    reader = host.by_key(host.admin, "metrics:read")
    exposition = reader.client.get("/metrics").expect(200)
    assert exposition.headers["content-type"].startswith("text/plain")
    assert "# TYPE" in exposition.text
    host.by_key(host.admin, "chat:read").client.get("/metrics").problem(403)
    host.nobody().client.get("/metrics").problem(401)


# ------------------------------------------------------------------------------------------- actions


def test_actions_are_listed_processed_and_found(host: Host) -> None:
    """Each type has a schema; a short one is answered, a long one has a status address."""
    admin = host.admin.client
    types = {one["name"]: one for one in admin.get("/api/v1/actions/types").expect(200).json["items"]}
    assert types["run_diagnostics"]["parameters"]["additionalProperties"] is False
    done = admin.post("/api/v1/actions/process", {"action_type": "run_diagnostics", "priority": 1}).expect(
        200
    )
    body = done.json
    assert body["status"] == "completed"
    assert {"request_id", "result", "processing_time_ms", "correlation_id", "created_at"} <= body.keys()
    rebuild = {"action_type": "rebuild_read_model", "parameters": {"name": "chat"}}
    waited = admin.post("/api/v1/actions/process", rebuild, headers={"prefer": "wait=30"}).expect(200).json
    assert waited["status"] == "completed"
    assert all(table["equal"] for table in waited["result"]["tables"])
    long = admin.post("/api/v1/actions/process", rebuild).expect(202)
    assert admin.get(long.headers["location"]).expect(200).json["status"] in {"accepted", "completed"}


def test_a_backup_is_made_or_the_way_to_one_told(host: Host) -> None:
    """A backup of the file in the data folder is an action; of a database in PostgreSQL it is that server's business, and
    the answer says how."""
    answer = host.admin.client.post(
        "/api/v1/actions/process", {"action_type": "create_backup"}, headers={"prefer": "wait=30"}
    )
    if "AUTOBOT_DATABASE_URL" in host.server.environment:
        assert "pg_dump" in answer.problem(503)["hint"]
    else:
        assert answer.expect(200).json["status"] == "completed"


def test_the_store_is_named_in_health_and_on_its_row(host: Host) -> None:
    """Where the data is kept stands on the row backend→store and beside its health; no password does."""
    admin = host.admin.client
    rows = {one["id"]: one for one in admin.get("/api/v1/system/links").expect(200).json["items"]}
    checks = {one["name"]: one for one in admin.get("/api/v1/system/health").expect(200).json["checks"]}
    assert checks["store"]["state"] == "ok"
    elsewhere = "AUTOBOT_DATABASE_URL" in host.server.environment
    for text in (rows["backend-store"]["hint"], checks["store"]["detail"]):
        assert ("PostgreSQL" in text) == elsewhere


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action_type": "launch_rocket"},
        {"action_type": "run_diagnostics", "parameters": {"x": 1}},
        {"action_type": "run_diagnostics", "priority": 9},
        {"action_type": "run_diagnostics", "idempotency_key": "short"},
        {"action_type": "send_chat_message", "parameters": {}},
    ],
    ids=str,
)
def test_a_bad_action_is_a_validation_problem(admin: Person, body: Any) -> None:
    """Unknown types, parameters, priorities and keys are 422 with pointers."""
    problem = admin.client.post("/api/v1/actions/process", body).problem(422)
    assert problem["errors"] or problem["detail"]
