"""`/api/v1/messaging` as other programs see it: the product's own consumer meets events that it cannot handle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from autobot.testing.harness import App, in_process
from tests.integration.product.poison import append, reply_requested

pytestmark = pytest.mark.anyio

PATH = "/api/v1/messaging"
LETTERS = f"{PATH}/dead-letters"
GOOD = {
    "session_id": "nobody-has-it",
    "message_id": "m2",
    "run_id": "r1",
    "parent_id": "m1",
    "model": None,
    "asked_by": {"id": "u1", "kind": "user", "role": "user", "user_id": "u1", "scopes": ["*"]},
}


@pytest.fixture
async def app() -> AsyncIterator[App]:
    """The whole product, its administrator signed in, with three dead letters: two keys, one waits behind."""
    async with in_process() as running:
        await running.sign_in()
        bad = [
            reply_requested(1, {"wrong": True}, "chat-one"),
            reply_requested(2, {"wrong": True}, "chat-two"),
            reply_requested(3, GOOD, "chat-one"),
        ]
        for one in bad:
            await running.product.store.commit(append([one]))
        await settled(running)
        yield running


async def settled(app: App) -> None:
    """Wait until the reactions have settled all that is in the log."""
    store, broker = app.product.store, app.product.broker
    await broker.settled("reactions", await store.head(), app.product.outside.clock.monotonic() + 10)


async def until(app: App, count: int) -> list[dict]:
    """Wait until there are so many dead letters and return them."""
    async with asyncio.timeout(10):
        while True:
            items = (await app("GET", LETTERS)).expect(200).json["items"]
            if len(items) == count:
                return items
            await asyncio.sleep(0)


async def test_they_are_listed_grouped_and_shown(app: App) -> None:
    """The list has both, the cause counts them, one shows its event, its place and who waits behind."""
    first, second = await until(app, 2)
    assert (first["group"], first["key"], first["age"]) == ("reactions", "chat-one", "fresh")
    page = (await app("GET", f"{LETTERS}?limit=1")).expect(200).json
    rest = (await app("GET", f"{LETTERS}?limit=1&cursor={page['next_cursor']}")).expect(200).json
    assert (page["items"], rest["items"]) == ([first], [second])
    (cause,) = (await app("GET", f"{LETTERS}/groups")).expect(200).json["items"]
    assert (cause["count"], cause["fingerprint"]) == (2, first["fingerprint"])
    assert (await app("GET", f"{LETTERS}?fingerprint=unknown")).expect(200).json["items"] == []
    assert (await app("GET", f"{LETTERS}?key=chat-two")).expect(200).json["items"] == [second]
    (await app("GET", f"{LETTERS}?since=yesterday")).problem(422)
    view = (await app("GET", f"{LETTERS}/{first['id']}")).expect(200).json
    assert view["event"]["id"] == "poison-0001"
    assert view["event"]["data"] == {"wrong": True}
    assert view["waiting_behind"] == 1
    assert view["stack"]
    (await app("GET", f"{LETTERS}/reactions-unknown")).problem(404)


async def test_replayed_discarded_and_edited(app: App) -> None:
    """A replay of what is still wrong dies again; a copy is checked; a discard needs a reason."""
    first, second = await until(app, 2)
    key = {"idempotency-key": "one-key-for-one-request"}
    replayed = (await app("POST", f"{LETTERS}/{first['id']}/replay", headers=key)).expect(200)
    assert replayed.json["decision"] == "replayed"
    assert (await app("POST", f"{LETTERS}/{first['id']}/replay", headers=key)).json == replayed.json
    again, _ = await until(app, 2)
    assert again["last_failed"] >= first["last_failed"]
    edit = f"{LETTERS}/{first['id']}/edit"
    (await app("POST", edit, {"data": {"wrong": 1}, "reason": "A slip."})).problem(422)
    (await app("POST", edit, {"data": GOOD})).problem(422)
    decided = (await app("POST", edit, {"data": GOOD, "reason": "A slip."})).expect(200).json
    assert decided["event_id"] not in ("", "poison-0001")
    assert [one["id"] for one in await until(app, 1)] == [second["id"]]
    discard = f"{LETTERS}/{second['id']}/discard"
    (await app("POST", discard)).problem(422)
    (await app("POST", discard, {"reason": "   "})).problem(422)
    (await app("POST", discard, {"reason": "Nobody needs it."})).expect(200)
    assert await until(app, 0) == []
    (await app("POST", discard, {"reason": "Nobody needs it."})).problem(404)


async def test_many_are_replayed_by_a_run(app: App) -> None:
    """A dry run answers 200 and changes nothing; the replay answers 202 and tells at Location how it went."""
    await until(app, 2)
    head = await app.product.store.head()
    dry = {"group": "reactions", "dry_run": True}
    preview = (await app("POST", f"{LETTERS}/replay", dry)).expect(200).json
    assert (preview["count"], len(preview["items"])) == (2, 2)
    assert await app.product.store.head() == head
    (await app("POST", f"{LETTERS}/replay", {})).problem(422)
    (await app("POST", f"{LETTERS}/replay", {"group": "reactions", "per_second": 0})).problem(422)
    asked = (await app("POST", f"{LETTERS}/replay", {"group": "reactions", "per_second": 100})).expect(202)
    async with asyncio.timeout(20):
        while (view := (await app("GET", asked.headers["location"])).expect(200).json)["ended_at"] is None:
            await asyncio.sleep(0)
    assert view["status"] == "completed"
    assert view["tally"] == {"replayed": 2, "settled": 0, "failed": 2, "open": 0, "gone": 0}
    assert (await app("GET", f"{PATH}/replays")).expect(200).json["items"] == [view]
    assert (await app("POST", f"{PATH}/replays/{view['id']}/stop")).expect(200).json == view


async def test_consumers_are_shown_paused_and_measured(app: App) -> None:
    """The group shows its figures, is paused with a reason and resumed, and `/metrics` has the same."""
    await until(app, 2)
    groups = (await app("GET", f"{PATH}/consumers")).expect(200).json["items"]
    group = next(one for one in groups if one["group"] == "reactions")
    assert (group["group"], group["state"], group["dead"], group["parked"]) == ("reactions", "running", 2, 1)
    consumer = f"{PATH}/consumers/reactions"
    (await app("POST", f"{consumer}/pause")).problem(422)
    paused = (await app("POST", f"{consumer}/pause", {"reason": "Looking."})).expect(200).json
    assert (paused["state"], paused["held"]) == ("paused", True)
    assert paused["reason"] == "Held by admin: Looking."
    resumed = (await app("POST", f"{consumer}/resume", {"reason": "Looked."})).expect(200).json
    assert (resumed["state"], resumed["held"]) == ("running", False)
    (await app("POST", f"{PATH}/consumers/unknown/pause", {"reason": "Looking."})).problem(404)
    (await app.other()("GET", f"{PATH}/consumers")).problem(401)


async def test_an_event_of_others_is_edited_by_its_registered_schema(app: App) -> None:
    """Without a schema a foreign dead letter cannot be edited; with one a copy is checked against it, has its own id
    and its original as its cause. A copy that nobody consumes is a dead letter again, told as edited."""
    await until(app, 2)
    event = {
        "specversion": "1.0",
        "id": "7",
        "source": "/shop",
        "type": "com.shop.order.v1",
        "data": {"n": "one"},
    }
    fields = {"content-type": "application/cloudevents+json"}
    (await app("POST", "/api/v1/events", raw=json.dumps(event).encode(), headers=fields)).expect(202)
    letter = (await until(app, 3))[2]
    assert letter["group"] == "unclaimed"
    way = f"{LETTERS}/{letter['id']}"
    assert not (await app("GET", way)).expect(200).json["editable"]
    (await app("POST", f"{way}/edit", {"data": {"n": 1}, "reason": "A slip."})).problem(422)
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    (await app("POST", f"{PATH}/schemas", {"type": "com.shop.order.v1", "schema": schema})).expect(201)
    assert (await app("GET", way)).expect(200).json["editable"]
    refused = (await app("POST", f"{way}/edit", {"data": {"n": "two"}, "reason": "A slip."})).problem(422)
    assert [one["pointer"] for one in refused["errors"]] == ["#/data/n"]
    decided = (await app("POST", f"{way}/edit", {"data": {"n": 2}, "reason": "A slip."})).expect(200).json
    again = (await until(app, 3))[2]
    assert (again["id"], again["edited"], again["event_id"]) == (letter["id"], True, decided["event_id"])
    shown = (await app("GET", way)).expect(200).json["event"]
    assert (shown["id"], shown["causationid"], shown["data"]) == (
        decided["event_id"],
        letter["event_id"],
        {"n": 2},
    )
    entry = (await app.product.store.audit(after=0, limit=1000))[-1].entry
    assert (entry.object, entry.reason) == (f"dead-letter:{letter['id']}", "A slip.")
