"""CloudEvents 1.0.2: every event that the product shows is one, by the rules that the conformance suite tries.

Cases after cloudevents/conformance, format/json (valid-events, invalid-events), in our words.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from autobot.contexts.system.read_model import event_document
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.transaction import Recorded
from autobot.testing.harness import ServerProcess
from tests.contract.standards.cloud_events import faults
from tests.contract.standards.conftest import HELLO
from tests.contract.standards.raw import Asker

MINIMAL = {"specversion": "1.0", "id": "1", "source": "https://cloudevents.io", "type": "io.cloudevents.test"}
GONE: Any = object()


def changed(**members: Any) -> dict[str, Any]:
    """Return the minimal event with other members; GONE takes one away."""
    return {name: value for name, value in {**MINIMAL, **members}.items() if value is not GONE}


@pytest.mark.parametrize(
    "event",
    [
        MINIMAL,
        changed(datacontenttype=None, dataschema=None, subject=None, time=None),
        changed(
            datacontenttype="text/plain",
            dataschema="https://x.test/s",
            subject="s",
            time="2018-04-05T17:31:00Z",
        ),
        changed(time="2018-04-05T17:31:00.000000000Z"),
        changed(time="2018-04-05T18:31:00+01:00"),
        changed(source="#fragment"),
        changed(extinteger=10, extboolean=True, exttext="x", exturi="//a/b", extbinary="TWE="),
        changed(data="text", datacontenttype="text/plain"),
        changed(data_base64="TWE="),
    ],
)
def test_valid_events_have_no_fault(event: dict[str, Any]) -> None:
    """The judge passes what the suite calls valid."""
    assert list(faults(event)) == []


@pytest.mark.parametrize(
    "event",
    [
        *(changed(**{name: GONE}) for name in MINIMAL),
        *(changed(**{name: ""}) for name in MINIMAL),
        changed(specversion="0.9"),
        changed(id=25),
        changed(id={"a": "b"}),
        changed(subject=""),
        changed(dataschema=""),
        changed(datacontenttype=""),
        changed(datacontenttype="xyz"),
        changed(MyExtension="x"),
        changed(**{"my.extension": "x"}),
        changed(extension=1.5),
        changed(extension=2**31),
        changed(extension=[1]),
        changed(data="x", data_base64="TWE="),
        *(
            changed(time=text)
            for text in (
                "lunchtime",
                "2018-04-05T18:31Z",
                "2018-04-05T18:31:00X",
                "2018-04-05T18:31:00+25:00",
                "2018-04-05T18:31:00+xx:00",
                "2018-04-05T18:31:00+05",
                "2018-02-30T18:31:00Z",
            )
        ),
    ],
)
def test_invalid_events_have_a_fault(event: dict[str, Any]) -> None:
    """The judge finds what the suite calls invalid."""
    assert list(faults(event))


def test_an_attribute_without_a_value_is_not_there() -> None:
    """An event of nobody, outside every trace and partition, has no empty attributes."""
    message = Message(
        id="1",
        source="urn:autobot:backend",
        type="autobot.tests.nothing_known.v1",
        time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        subject="",
        data=b"{}",
        correlation_id="",
    )
    shown = json.loads(
        msgspec.json.encode(
            event_document(
                Recorded(message=message, stream="tests-1", revision=0, position=1, payload_hash="")
            )
        )
    )
    assert list(faults(shown)) == []
    assert not shown.keys() & {
        "subject",
        "correlationid",
        "causationid",
        "partitionkey",
        "traceparent",
        "principal",
    }


def test_every_event_of_the_product_is_valid(ask: Asker, product: ServerProcess) -> None:
    """The log after accounts, keys, chats, runs, settings and an erasure, and a run's stream: each event is valid."""
    made = ask("POST", "/api/v1/chat/sessions", body={"title": "events", "model": "openai:stand-in"}).json
    path = f"/api/v1/chat/sessions/{made['id']}"
    answered = ask("POST", f"{path}/messages", ("Prefer", "wait=20"), body={"content": HELLO})
    assert answered.status == 200, answered
    assert ask("PUT", "/api/v1/settings/model.failover", body={"value": ["openai:stand-in"]}).status == 200
    assert ask("DELETE", "/api/v1/settings/model.failover").status == 200
    with product.client(key=ask.key) as client:
        followed = client.events(f"/api/v1/chat/runs/{answered.json['run_id']}/events?after=0")
    streamed = [one.data["event"] for one in followed if one.name == "event"]
    assert streamed
    assert ask("DELETE", path).status in (200, 204)
    shown, cursor = [], ""
    while cursor is not None:
        page = ask("GET", f"/api/v1/system/events?limit=200{cursor and '&cursor=' + cursor}").json
        shown += page["items"]
        cursor = page["next_cursor"]
    types = {one["type"] for one in shown}
    assert len(types) > 8
    assert any(one.get("erased") for one in shown)
    found = {one["type"]: list(faults(one)) for one in (*shown, *streamed) if list(faults(one))}
    assert found == {}
    assert len({(one["source"], one["id"]) for one in shown}) == len(shown)
    assert all(json.dumps(one.get("data", {})) for one in shown)
