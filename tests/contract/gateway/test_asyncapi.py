"""The AsyncAPI document: valid AsyncAPI 3.0, the same as committed, and true of what goes over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from autobot.bootstrap.published import EVENTS
from autobot.gateway.realtime import frames
from autobot.gateway.realtime.frame_schemas import FROM_CLIENT, FROM_SERVER
from autobot.gateway.realtime.protocol import Complain, SessionProtocol
from autobot.testing.harness import in_process

ROOT = Path(__file__).resolve().parents[3]
SPECIFICATION = ROOT / "web" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"
COMMITTED: dict[str, Any] = json.loads((ROOT / "schema" / "asyncapi.json").read_text(encoding="utf-8"))


def specification() -> Any:
    """A validator of AsyncAPI's own schema."""
    if not SPECIFICATION.is_file():
        pytest.skip("the packages of the web client are not installed")
    return jsonschema_rs.Draft7Validator(json.loads(SPECIFICATION.read_text(encoding="utf-8")))


def test_it_is_valid_asyncapi() -> None:
    """The committed document is valid under AsyncAPI's own schema of 3.0, which finds a document that is not."""
    check = specification()
    assert [(one.instance_path, one.message[:200]) for one in check.iter_errors(COMMITTED)] == []
    for broken in (
        {"asyncapi": "2.6.0"},
        {"channels": {"log": {"messages": 7}}},
        {"operations": {"x": {"action": "do"}}},
    ):
        assert not check.is_valid({**COMMITTED, **broken})


def test_every_reference_leads_somewhere() -> None:
    """Each `$ref` of the document leads to a part of it."""

    def references(value: Any) -> list[str]:
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        own = [value["$ref"]] if isinstance(value, dict) and isinstance(value.get("$ref"), str) else []
        return own + [one for part in parts for one in references(part)]

    found = references(COMMITTED)
    assert len(found) > 100
    for one in found:
        node: Any = COMMITTED
        for step in one.removeprefix("#/").split("/"):
            node = node[step]


def test_every_event_is_in_it() -> None:
    """Each type of event is a message of the log, with the schema that is published for it."""
    assert {kind.TYPE for kind in EVENTS} == COMMITTED["channels"]["log"]["messages"].keys() - {"outside"}


@pytest.mark.anyio
async def test_it_is_served_to_everybody() -> None:
    """`/asyncapi.json` answers without a credential, with the committed document."""
    async with in_process() as app:
        got = (await app("GET", "/asyncapi.json")).expect(200)
        assert got.headers["content-type"] == "application/json"
        assert got.json == COMMITTED


def test_frames_are_as_described() -> None:
    """What the server writes fits the schema of its type; what the schemas of a client allow is read, the rest is not."""
    written = [
        frames.event("events", 1, {"id": "1"}),
        frames.delta("run:1", "1", 0, "x"),
        frames.snapshot("run:1", "1", "x"),
        frames.progress(
            "document:1", {"version": 1, "status": "embedding", "done": 1, "total": 2, "unit": "x"}
        ),
        frames.resync("events", "too slow"),
        frames.subscribed("chat.session:1", 0),
        frames.error({"type": "x"}),
        frames.error({"type": "x"}, "events"),
        frames.PONG,
    ]
    assert {one.type for one in written} == FROM_SERVER.keys()
    for one in written:
        assert jsonschema_rs.Draft202012Validator(FROM_SERVER[one.type]).is_valid(json.loads(one.text))
    asked = [
        {"type": "subscribe", "channel": "events"},
        {"type": "subscribe", "channel": "run:1", "after": 3},
        {"type": "subscribe", "channel": "run:1", "after": -1},
        {"type": "subscribe"},
        {"type": "unsubscribe", "channel": "No channel"},
        {"type": "unsubscribe", "channel": "system"},
        {"type": "ping"},
    ]
    verdicts = []
    for frame in asked:
        allowed = jsonschema_rs.Draft202012Validator(FROM_CLIENT[str(frame["type"])]).is_valid(frame)
        read = not isinstance(SessionProtocol(1000, 10).received(json.dumps(frame), ()), Complain)
        assert allowed == read, frame
        verdicts.append(read)
    assert verdicts == [True, True, False, False, False, True, True]
