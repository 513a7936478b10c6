"""The communication matrix of a running product: every hop counted, changed, broken by hand, taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autobot.testing.harness import ServerProcess, in_process, run_cli
from tests.integration.product.host import Host
from tests.integration.product.people import CHAT, Person
from tests.integration.product.stand_in import ModelServer

LINKS = "/api/v1/system/links"
MODEL = f"{LINKS}/ai-openai"

SPECIFIED = {
    "frontend-gateway": ("request-response", 30.0, 3, 5, 60.0),
    "frontend-backend": ("streaming", None, 10, None, None),
    "gateway-ai": ("async-command", 60.0, 2, 10, 120.0),
    "ai-npu": ("request-response", 30.0, 1, 3, 30.0),
    "backend-redis": ("pub-sub", 5.0, 3, 5, 60.0),
    "services-event_bus": ("fire-and-forget", 2.0, 5, None, None),
    "routers-services": ("direct", None, None, None, None),
    "services-repositories": ("direct", None, None, None, None),
    "services-publisher": ("direct", None, None, None, None),
    "orchestrator-agents": ("direct", None, None, None, None),
    "agents-llm": ("direct", None, None, None, None),
}
"""The specification's two tables: pattern, timeout, further attempts, breaker's failures and window."""

WALKED = (
    "frontend-gateway",
    "frontend-backend",
    "routers-services",
    "services-repositories",
    "services-publisher",
    "services-event_bus",
    "backend-redis",
    "ai-backend",
    "orchestrator-agents",
    "agents-llm",
    "ai-openai",
)
"""The rows that one chat message walks in one process with a model."""


def rows(person: Person) -> dict[str, Any]:
    """Return every row by its id."""
    page = person.client.get(f"{LINKS}?limit=200").expect(200).json
    assert page["next_cursor"] is None
    return {one["id"]: one for one in page["items"]}


@pytest.fixture
def operator(modelled: Host) -> Person:
    """Who may change rows on the server that has a model; the model's row is as shipped before and after."""
    chief = modelled.admin
    as_shipped(chief, "before the test")
    yield chief
    as_shipped(chief, "after the test")


def as_shipped(chief: Person, reason: str) -> None:
    """Take back what tests decided on the model's row, and close the breaker that their failures opened."""
    chief.client.post(f"{MODEL}/breaker", {"action": "release", "reason": reason})
    chief.client.post(f"{MODEL}/breaker", {"action": "close", "reason": reason})
    chief.client.post(f"{MODEL}/revert", {"position": "shipped", "reason": reason}).expect(200)


def test_every_row_of_the_specification_is_there_with_its_values(admin: Person) -> None:
    """Both tables are in the matrix, each row with exactly its pattern, time-out, retries and breaker."""
    found = rows(admin)
    for name, (pattern, timeout, attempts, failures, window) in SPECIFIED.items():
        row = found[name]
        assert row["origin"] == "specification"
        assert (row["pattern"], row["timeout"]) == (pattern, timeout)
        assert (row["retry"] or {}).get("max") == attempts
        assert (row["breaker"] or {}).get("failures") == failures
        assert (row["breaker"] or {}).get("window") == window
        assert row["id"] == f"{row['from']}-{row['to']}"
    assert {one["origin"] for name, one in found.items() if name not in SPECIFIED} == {"ours"}


def test_one_chat_message_is_counted_on_each_row_it_walks(modelled: Host, model_server: ModelServer) -> None:
    """Each row that a message walks counts its calls, the direct ones included."""
    model_server.on("count me", lambda call: call.say("One.").end())
    session = modelled.admin.chat()
    before = rows(modelled.admin)
    accepted = modelled.admin.say(session, "count me").expect(202)
    modelled.admin.follow(accepted)
    after = rows(modelled.admin)
    still = [name for name in WALKED if after[name]["calls"] <= before[name]["calls"]]
    assert still == []


def test_absent_rows_say_which_step_adds_them(admin: Person) -> None:
    """A row that has no backing part is shown as absent with the one step that adds it."""
    found = rows(admin)
    for name in ("ai-npu", "backend-browser", "ai-openai", "ai-llamacpp"):
        assert found[name]["state"] == "absent", name
        assert found[name]["hint"], name
    for name in ("gateway-backend", "backend-ai", "backend-store"):
        assert found[name]["state"] == "substituted"
        assert found[name]["substituted_by"]


def test_a_changed_timeout_holds_at_the_next_call(
    modelled: Host, operator: Person, model_server: ModelServer
) -> None:
    """A silent model is given up after the row's new time-out; the row says that it was changed, by whom and why."""
    change = {"timeout": 0.2, "retry": {"max": 0}, "reason": "the model hangs"}
    changed = operator.client("PATCH", MODEL, change).expect(200).json
    assert (changed["timeout"], changed["source"], changed["sources"]["timeout"]) == (
        0.2,
        "run-time",
        "run-time",
    )
    reply = operator.ask(operator.chat(), "hang until the time is up")
    assert reply["status"] == "failed"
    assert (reply["error"]["code"], reply["error"]["link"]) == ("upstream-timeout", "ai-openai")
    newest = operator.client.get(f"{MODEL}/history").expect(200).json["items"][0]
    assert (newest["by"], newest["reason"]) == ("admin", "the model hangs")
    last = rows(operator)["ai-openai"]["last_error"]
    assert last["code"] == "upstream-timeout"


def test_retries_are_the_rows_number(operator: Person, model_server: ModelServer) -> None:
    """`max` further attempts are made on an answer that may be retried, no more.

    Failures of other tests stand in the breaker's window and spend the row's budget of retries: here the breaker
    bears more than all of them, and another number of tokens begins a full budget.
    """
    model_server.on("busy now", lambda call: call.refuse(503, "busy"))
    for further, tokens in ((0, 21), (2, 22)):
        patch = {
            "retry": {"max": further, "delay": 0.01, "tokens": tokens},
            "breaker": {"failures": 500, "window": 60},
            "reason": "test",
        }
        operator.client("PATCH", MODEL, patch).expect(200)
        before = len(model_server.seen)
        reply = operator.ask(operator.chat(), "busy now")
        assert reply["status"] == "failed"
        assert len(model_server.seen) - before == 1 + further


def test_revert_goes_back(operator: Person) -> None:
    """An earlier policy comes back by its position; `shipped` is what the files say."""
    first = operator.client("PATCH", MODEL, {"timeout": 50, "reason": "first"}).expect(200)
    operator.client("PATCH", MODEL, {"timeout": 60, "reason": "second"}).expect(200)
    position = int(first.headers["x-log-position"])
    earlier = operator.client.get(f"{MODEL}/history").expect(200).json["items"][1]["position"]
    assert earlier <= position
    back = operator.client.post(f"{MODEL}/revert", {"position": earlier, "reason": "undo"}).expect(200).json
    assert back["timeout"] == 50
    shipped = (
        operator.client.post(f"{MODEL}/revert", {"position": "shipped", "reason": "undo"}).expect(200).json
    )
    assert (shipped["timeout"], shipped["source"]) == (120.0, "shipped")


def test_there_is_no_way_back_to_the_future(operator: Person) -> None:
    """A position that the log has not reached is refused, and nothing is decided."""
    before = operator.client.get(f"{MODEL}/history").expect(200).json["items"]
    body = {"position": 10**12, "reason": "undo"}
    problem = operator.client.post(f"{MODEL}/revert", body).expect(422).json
    assert problem["errors"][0]["pointer"] == "#/position"
    assert operator.client.get(f"{MODEL}/history").expect(200).json["items"] == before


BAD = [
    {"timeout": -1, "reason": "x"},
    {"timeout": "fast", "reason": "x"},
    {"timeout": 1e12, "reason": "x"},
    {"retry": {"max": 1000}, "reason": "x"},
    {"retry": {"much": 1}, "reason": "x"},
    {"breaker": {"failures": 0}, "reason": "x"},
    {"origin": "ours", "reason": "x"},
    {"timeout": 5},
    {"timeout": 5, "reason": ""},
    [],
]


@pytest.mark.parametrize("body", BAD, ids=[str(one) for one in BAD])
def test_a_bad_change_is_refused_and_changes_nothing(operator: Person, body: Any) -> None:
    """Values out of range, unknown fields and changes without a reason are 422, and the row stays."""
    before = operator.client.get(MODEL).expect(200).json
    operator.client("PATCH", MODEL, body).problem(422)
    after = operator.client.get(MODEL).expect(200).json
    policy = ("timeout", "total", "retry", "breaker", "source")
    assert [after[one] for one in policy] == [before[one] for one in policy]


def test_a_breaker_opened_by_hand_refuses_and_closed_lets_pass(
    operator: Person, model_server: ModelServer
) -> None:
    """Open: the next message fails at once with circuit-open, naming the link; closed: it is answered."""
    opened = (
        operator.client.post(f"{MODEL}/breaker", {"action": "open", "reason": "maintenance"}).expect(200).json
    )
    (target,) = opened["targets"]
    assert (target["breaker_state"], target["by"], target["reason"]) == ("open", "admin", "maintenance")
    before = len(model_server.seen)
    reply = operator.ask(operator.chat(), "are you there")
    assert reply["status"] == "failed"
    assert (reply["error"]["code"], reply["error"]["link"]) == ("circuit-open", "ai-openai")
    assert len(model_server.seen) == before
    operator.client.post(f"{MODEL}/breaker", {"action": "close", "reason": "done"}).expect(200)
    model_server.on("are you there", lambda call: call.say("Yes.").end())
    assert operator.ask(operator.chat(), "are you there")["content"] == "Yes."


def test_an_isolated_breaker_stays_until_released(operator: Person, model_server: ModelServer) -> None:
    """Isolation outlasts everything but its release."""
    operator.client.post(f"{MODEL}/breaker", {"action": "isolate", "reason": "forensics"}).expect(200)
    assert operator.ask(operator.chat(), "isolated?")["error"]["code"] == "circuit-open"
    assert rows(operator)["ai-openai"]["targets"][0]["breaker_state"] == "isolated"
    operator.client.post(f"{MODEL}/breaker", {"action": "release", "reason": "done"}).expect(200)
    model_server.on("isolated?", lambda call: call.say("No.").end())
    assert operator.ask(operator.chat(), "isolated?")["content"] == "No."


def test_failures_open_the_breaker_by_themselves(operator: Person, model_server: ModelServer) -> None:
    """As many failures in a row as the row says, and the next call is refused without asking the target."""
    patch = {"breaker": {"failures": 2, "consecutive": 2}, "retry": {"max": 0}, "reason": "test"}
    operator.client("PATCH", MODEL, patch).expect(200)
    model_server.on("fail twice", lambda call: call.refuse(500, "broken"))
    codes = [operator.ask(operator.chat(), "fail twice")["error"]["code"] for _ in range(3)]
    assert codes[2] == "circuit-open"
    assert "circuit-open" not in codes[:2]
    target = rows(operator)["ai-openai"]["targets"][0]
    assert target["breaker_state"] == "open"
    assert target["next_probe_at"]


def test_changes_survive_a_restart(tmp_path: Path) -> None:
    """A policy that was changed at run time is in force after kill -9, with its history."""
    with ServerProcess(tmp_path / "data") as server:
        with server.client(key=server.key("*")) as client:
            client("PATCH", f"{LINKS}/services-event_bus", {"timeout": 7, "reason": "slow disk"}).expect(200)
        server.restart()
        with server.client(key=server.key("*", name="again")) as client:
            row = client.get(f"{LINKS}/services-event_bus").expect(200).json
    assert (row["timeout"], row["source"]) == (7.0, "run-time")


# --------------------------------------------------------------------------------- rows that are not there


def overlay(folder: Path, row: str) -> Path:
    """Write a matrix overlay that deletes a row."""
    path = folder / "matrix.toml"
    path.write_text(f"format = 1\n[rows.{row}]\ndeleted = true\n", encoding="utf-8")
    return path


@pytest.mark.anyio
@pytest.mark.parametrize("row", ["orchestrator-agents", "agents-llm"])
async def test_a_deleted_row_makes_the_reply_fail_naming_it(tmp_path: Path, row: str) -> None:
    """Without the row the hop is not made: the reply fails with link-missing and names the row."""
    async with in_process(overlay=overlay(tmp_path, row)) as app:
        (await app.sign_in()).expect(200)
        session = (await app("POST", f"{CHAT}/sessions", {})).expect(201).json["id"]
        path = f"{CHAT}/sessions/{session}/messages"
        reply = (
            (await app("POST", path, {"content": "/help"}, headers={"prefer": "wait=20"})).expect(200).json
        )
    assert reply["status"] == "failed"
    assert (reply["error"]["code"], reply["error"]["link"]) == ("link-missing", row)


@pytest.mark.anyio
async def test_without_the_clients_row_no_request_is_served(tmp_path: Path) -> None:
    """Deleting the row of arrivals refuses every call of a client with a clear problem."""
    async with in_process(overlay=overlay(tmp_path, "frontend-gateway")) as app:
        problem = (await app.sign_in()).problem(503, "link-missing")
    assert problem["link"] == "frontend-gateway"


@pytest.mark.parametrize("row", ["routers-services", "services-repositories", "services-publisher"])
def test_without_a_row_that_start_up_needs_it_says_so(tmp_path: Path, row: str) -> None:
    """A product that cannot work without the row does not start, names it, and ends with exit code 4."""
    environment = {"AUTOBOT_MATRIX": str(overlay(tmp_path, row))}
    done = run_cli(tmp_path / "data", "up", "--port", "0", environment=environment)
    assert (done.returncode, done.stdout) == (4, "")
    assert row in done.stderr
    assert "Traceback" not in done.stderr


def test_a_matrix_file_that_breaks_a_rule_is_told_by_the_check(tmp_path: Path) -> None:
    """`matrix check` ends with exit code 7 and names the rows; what is shipped is listed with its reasons."""
    path = tmp_path / "matrix.toml"
    path.write_text("format = 1\n[rows.gateway-backend]\ntimeout = 60.0\n", encoding="utf-8")
    done = run_cli(tmp_path / "data", "matrix", "check", environment={"AUTOBOT_MATRIX": str(path)})
    assert done.returncode == 7, (done.stdout, done.stderr)
    assert "FINDING   frontend-gateway → gateway-backend: gateway-backend may take 60 s" in done.stdout
    assert "all accepted" not in done.stdout
    sound = run_cli(tmp_path / "data", "matrix", "check")
    assert sound.returncode == 0, (sound.stdout, sound.stderr)
    assert "accepted  backend-models → ai-npu: ai-npu may take 60 s" in sound.stdout
    assert "because: The rows behind it wait" in sound.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format = 1\n[rows.ai-openai]\ntimeuot = 1\n", "timeout"),
        ("format = 1\n[rows.ai-openai]\ntimeout = 5000\n", "ai-openai"),
        ("format = 1\n[rows.ai-nowhere]\n", "ai-nowhere"),
        ("format = 2\n", "format"),
        ("rows = [", "matrix.toml"),
        (
            "format = 1\n[rows.services-event_bus]\nretry = { max = 3 }\nidempotency = 'none'\n",
            "services-event_bus",
        ),
    ],
    ids=["misspelt", "total below time-out", "unknown row", "another format", "no TOML", "unsafe retry"],
)
def test_a_bad_matrix_file_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """`up` and `matrix check` name what is wrong in the operator's file and end with exit code 4."""
    path = tmp_path / "matrix.toml"
    path.write_text(text, encoding="utf-8")
    for words in (("up", "--port", "0"), ("matrix", "check")):
        done = run_cli(tmp_path / "data", *words, environment={"AUTOBOT_MATRIX": str(path)})
        assert done.returncode == 4, (words, done.stdout, done.stderr)
        assert said in done.stderr
        assert "Traceback" not in done.stderr
