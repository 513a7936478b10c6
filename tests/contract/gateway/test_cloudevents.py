"""CloudEvents over HTTP as other programs rely on them, with the official library as a peer in both directions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from autobot.bootstrap.following import UNCLAIMED
from autobot.kernel.event_store.transaction import Query
from autobot.kernel.messaging.parking import DEAD
from autobot.testing.client import Reply
from autobot.testing.harness import PASSWORD, App, in_process

pytestmark = pytest.mark.anyio

EVENTS = "/api/v1/events"
SCHEMAS = "/api/v1/messaging/schemas"
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
ORDER = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer"}},
    "additionalProperties": False,
}


def event(number: object = 1, **more: Any) -> dict[str, Any]:
    """An event in the JSON format."""
    found = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/shop",
        "type": "com.shop.order.v1",
        "data": {"n": 1},
    }
    return {name: value for name, value in {**found, **more}.items() if value is not ...}


async def post(
    app: App, body: Any, media: str = STRUCTURED, headers: Mapping[str, str] | None = None
) -> Reply:
    """Post a body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": media, **(headers or {})}
    return await app(
        "POST", EVENTS, raw=raw, headers={name: value for name, value in fields.items() if value}
    )


async def log(app: App) -> list[dict[str, Any]]:
    """What the log holds from outside."""
    page = (await app("GET", f"{EVENTS}?limit=200")).expect(200).json
    return [one for one in page if one["source"] != "urn:autobot:backend"]


async def dead(app: App) -> list[dict[str, Any]]:
    """The dead letters, when all that is in the log was looked at."""
    product = app.product
    await product.broker.settled(
        UNCLAIMED, await product.store.head(), product.outside.clock.monotonic() + 10
    )
    return [dict(one.document) for one in await product.store.query(Query(table=DEAD))]


async def test_all_three_modes_are_taken() -> None:
    """Binary, structured and batch mode answer 202 with the ids in their order, and the events are in the log."""
    async with in_process() as app:
        await app.sign_in()
        fields = {
            "ce-specversion": "1.0",
            "ce-id": "1",
            "ce-source": "/shop",
            "ce-type": "t",
            "ce-subject": "a%20b",
        }
        one = (await post(app, b'{"n": 1.10}', "application/json", fields)).expect(202)
        two = (await post(app, event(2))).expect(202)
        three = (await post(app, [event(3), event(4)], BATCH)).expect(202)
        assert [one.json, two.json, three.json] == [
            {"ids": ["1"], "stored": 1}, {"ids": ["2"], "stored": 1}, {"ids": ["3", "4"], "stored": 2},
        ]  # fmt: skip
        assert [(one["id"], one["type"]) for one in await log(app)] == [
            ("1", "t"), ("2", "com.shop.order.v1"), ("3", "com.shop.order.v1"), ("4", "com.shop.order.v1"),
        ]  # fmt: skip
        assert int(three.headers["x-log-position"]) == (await log(app))[-1]["position"]
        assert (await post(app, [], BATCH)).expect(202).json == {"ids": [], "stored": 0}


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_the_official_library_posts_and_reads(mode: str) -> None:
    """What the cloudevents library sends in a mode comes back to it in that mode, equal in all that it said."""
    attributes = {
        "id": 'Ä-"1" %', "source": "https://shop.example/a?b=c", "type": "com.shop.note", "subject": "grüße 😀",
        "time": "2026-01-31T12:00:00.123456Z", "datacontenttype": "application/json", "comext": "100 %",
        "partitionkey": "k",
    }  # fmt: skip
    parsed = {**attributes, "time": datetime.fromisoformat(str(attributes["time"]))}
    sent = CloudEvent(attributes=parsed, data={"n": 1, "text": "ö"})
    write = http.to_binary if mode == "binary" else http.to_structured
    async with in_process() as app:
        await app.sign_in()
        message = write(sent, JSONFormat())
        (await app("POST", EVENTS, raw=message.body, headers=message.headers)).expect(202)
        accept = "application/json" if mode == "binary" else STRUCTURED
        position = (await log(app))[0]["position"]
        got = (await app("GET", f"{EVENTS}/{position}", headers={"accept": accept})).expect(200)
        headers = {k: v for k, v in got.headers.items() if k.startswith("ce-") or k == "content-type"}
        back = http.from_http(http.HTTPMessage(headers=headers, body=got.body), JSONFormat(), CloudEvent)
        assert back.get_data() == sent.get_data()
        assert {name: back.get_attributes()[name] for name in parsed} == parsed


async def test_our_own_events_are_cloudevents_to_the_library() -> None:
    """Events that AutoBot wrote itself are read by the library, structured and binary, with the same attributes."""
    async with in_process() as app:
        await app.sign_in()
        for position in (1, 2):
            seen = []
            for accept in (STRUCTURED, "application/json"):
                got = (await app("GET", f"{EVENTS}/{position}", headers={"accept": accept})).expect(200)
                headers = {k: v for k, v in got.headers.items() if k.startswith("ce-") or k == "content-type"}
                seen.append(http.from_http(http.HTTPMessage(headers, got.body), JSONFormat(), CloudEvent))
            one, other = seen
            assert one.get_data() == other.get_data()
            assert one.get_type().startswith("autobot.")
            assert {k: str(v) for k, v in one.get_attributes().items()} == {
                k: str(v) for k, v in other.get_attributes().items()
            }


async def test_data_of_every_kind_comes_back() -> None:
    """Bytes, text and no data come back as they were sent, in both forms."""
    async with in_process() as app:
        await app.sign_in()
        await post(app, event(1, datacontenttype="image/png", data=..., data_base64="AP8="))
        await post(app, event(2, datacontenttype="text/plain", data="grüße"))
        await post(app, event(3, data=...))
        kinds = [(one.get("data"), one.get("data_base64")) for one in await log(app)]
        assert kinds == [(None, "AP8="), ("grüße", None), (None, None)]
        png = await app("GET", f"{EVENTS}/1?source=/shop", headers={"accept": "image/png"})
        assert (png.body, png.headers["content-type"]) == (b"\x00\xff", "image/png")
        assert (
            await app("GET", f"{EVENTS}/2?source=/shop", headers={"accept": "text/*"})
        ).body == "grüße".encode()


async def test_the_log_is_read_in_batches() -> None:
    """`after` and `limit` page through the log in order; `Link` leads on until nothing is left."""
    async with in_process() as app:
        await app.sign_in()
        await post(app, [event(number) for number in range(7)], BATCH)
        seen: list[int] = []
        address = f"{EVENTS}?limit=3&type=com.shop.*"
        for _ in range(3):
            got = (await app("GET", address, headers={"accept": BATCH})).expect(200)
            assert got.headers["content-type"] == BATCH
            seen += [int(one["id"]) for one in got.json]
            address = got.headers.get("link", "<>").partition(">")[0][1:]
        assert (seen, address) == (list(range(7)), "")
        last = (await log(app))[-1]["position"]
        assert (await app("GET", f"{EVENTS}?after={last}")).json == []
        (await app("GET", EVENTS, headers={"accept": "text/html"})).problem(406, "not-acceptable")


async def test_one_event_by_its_senders_id() -> None:
    """The id that was posted finds the event; where two senders used it, `source` tells them apart."""
    async with in_process() as app:
        await app.sign_in()
        await post(app, [event("a/b"), event("x"), event("x", source="/other", data={"n": 2})], BATCH)
        assert (await app("GET", f"{EVENTS}/a/b")).expect(200).json["data"] == {"n": 1}
        (await app("GET", f"{EVENTS}/x")).problem(409, "conflict")
        assert (await app("GET", f"{EVENTS}/x?source=/other")).json["data"] == {"n": 2}
        for unknown in ("y", "99999", "0", "x?source=/nobody"):
            (await app("GET", f"{EVENTS}/{unknown}")).problem(404, "not-found")


async def test_malformed_events_are_400() -> None:
    """What is no CloudEvent is a 400 problem that says where, and nothing is stored."""
    async with in_process() as app:
        await app.sign_in()
        problem = (await post(app, event(..., specversion="0.3"))).problem(400, "malformed")
        assert problem["errors"] == [{"detail": "must be 1.0", "pointer": "#/specversion"}]
        (await post(app, b"{")).problem(400, "malformed")
        (await post(app, b"{}", "application/json")).problem(400, "malformed")
        (await post(app, b"", "", {"ce-specversion": "1.0", "ce-id": "%C0%A0"})).problem(400, "malformed")
        (await post(app, event(), "application/cloudevents+xml")).problem(415)
        (await post(app, b"x" * 2_000_000, "text/plain")).problem(413)
        assert await log(app) == []


async def test_own_types_are_forbidden() -> None:
    """Types that begin with `autobot.` are refused with 403, whatever their case, and with them the whole batch."""
    async with in_process() as app:
        await app.sign_in()
        for name in ("autobot.chat.message_posted.v1", "autobot.x", "Autobot.chat.x.v1"):
            (await post(app, [event(1), event(2, type=name)], BATCH)).problem(403, "forbidden")
        assert await log(app) == []


async def test_registered_types_are_held_to_their_schema() -> None:
    """Wrong data of a registered type is 422 with pointers into the request, in each mode; right data passes."""
    async with in_process() as app:
        await app.sign_in()
        (await app("POST", SCHEMAS, {"type": "com.shop.order.v1", "schema": ORDER})).expect(201)
        wrong = {"n": "x", "m": 1}
        problem = (await post(app, event(1, data=wrong))).problem(422, "validation")
        assert sorted(one["pointer"] for one in problem["errors"]) == ["#/data", "#/data/n"]
        fields = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "com.shop.order.v1"}
        problem = (await post(app, json.dumps(wrong).encode(), "application/json", fields)).problem(422)
        assert sorted(one["pointer"] for one in problem["errors"]) == ["#", "#/n"]
        (await post(app, b"x", "text/plain", fields)).problem(422)
        (await post(app, event(1, data=...))).problem(422)
        problem = (await post(app, [event(1), event(2), event(3, data=wrong)], BATCH)).problem(422)
        assert sorted(one["pointer"] for one in problem["errors"]) == ["#/2/data", "#/2/data/n"]
        assert await log(app) == [], "a batch is taken whole or not at all"
        (await post(app, [event(1), event(2)], BATCH)).expect(202)
        # A name without a version is held to the newest one; an unknown version has no schema.
        (await post(app, event(3, type="com.shop.order", data=wrong))).problem(422)
        (await post(app, event(4, type="com.shop.order.v9", data=wrong))).expect(202)


async def test_the_same_event_again_is_not_doubled() -> None:
    """The same (source, id) with the same content is 202 with the same ids; with other content 409, and nothing is stored."""
    async with in_process() as app:
        await app.sign_in()
        first = (await post(app, event(1))).expect(202)
        again = (await post(app, event(1))).expect(202)
        assert (first.json["ids"], again.json) == (["1"], {"ids": ["1"], "stored": 0})
        mixed = (await post(app, [event(1), event(2), event(2)], BATCH)).expect(202)
        assert mixed.json == {"ids": ["1", "2", "2"], "stored": 1}
        for other in (event(1, data={"n": 2}), event(1, type="x"), event(1, subject="x"), event(1, ext="x")):
            (await post(app, [event(3), other], BATCH)).problem(409, "already-exists")
        (await post(app, [event(4), event(4, data={"n": 2})], BATCH)).problem(409, "already-exists")
        (await post(app, event(1, source="/elsewhere"))).expect(202)
        assert [(one["source"], one["id"]) for one in await log(app)] == [
            ("/shop", "1"), ("/shop", "2"), ("/elsewhere", "1"),
        ]  # fmt: skip


async def test_what_nobody_consumes_is_a_dead_letter() -> None:
    """An unregistered type is stored under its own type, and stands among the dead letters with a plain reason."""
    async with in_process() as app:
        await app.sign_in()
        (
            await post(app, [event(1, type="com.nobody.knows"), event(2, type="com.nobody.knows")], BATCH)
        ).expect(202)
        letters = await dead(app)
        assert [(one["type"], one["state"], one["reason"], one["attempts"]) for one in letters] == [
            ("com.nobody.knows", "dead", "No consumer knows the type com.nobody.knows.", 1)
        ] * 2
        assert [one["type"] for one in await log(app)] == ["com.nobody.knows"] * 2


async def test_who_may_post_and_read() -> None:
    """Posting needs `events:publish`, reading `events:read`; a key is held to its scopes, a stranger gets 401."""
    async with in_process() as app:
        stranger = app.other()
        (await post(stranger, event())).problem(401)
        (await stranger("GET", EVENTS)).problem(401)
        await app.sign_in()
        made = {}
        for scope in ("events:publish", "events:read", "events:admin"):
            body = {"name": scope, "scopes": [scope]}
            made[scope] = (await app("POST", "/api/v1/auth/keys", body)).expect(201).json["key"]

        def by(scope: str) -> dict[str, str]:
            return {"authorization": f"Bearer {made[scope]}"}

        (await post(stranger, event(), headers=by("events:publish"))).expect(202)
        (await post(stranger, event(), headers=by("events:read"))).problem(403)
        (await stranger("GET", EVENTS, headers=by("events:read"))).expect(200)
        (await stranger("GET", f"{EVENTS}/1", headers=by("events:publish"))).problem(403)
        body = {"type": "a.b", "schema": {}}
        (await stranger("POST", SCHEMAS, body, headers=by("events:publish"))).problem(403)
        (await stranger("POST", SCHEMAS, body, headers=by("events:admin"))).expect(201)
        await app("POST", "/api/v1/auth/users", {"username": "vera", "password": PASSWORD, "role": "viewer"})
        assert (await stranger.sign_in("vera")).status == 200
        (await post(stranger, event())).problem(403)


async def test_the_registry_over_http() -> None:
    """Registering answers 201 with its address, the same again the same; what breaks readers is 409 with pointers."""
    async with in_process() as app:
        await app.sign_in()
        made = (await app("POST", SCHEMAS, {"type": "com.shop.order.v1", "schema": ORDER})).expect(201)
        again = (
            await app("POST", SCHEMAS, {"type": "com.shop.order", "version": 1, "schema": ORDER})
        ).expect(201)
        assert made.json == again.json
        found = (await app("GET", made.headers["location"])).expect(200).json
        assert (found["type"], [one["version"] for one in found["versions"]]) == ("com.shop.order", [1])
        worse = {**ORDER, "required": ["n", "m"]}
        problem = (await app("POST", SCHEMAS, {"type": "com.shop.order", "schema": worse})).problem(
            409, "incompatible"
        )
        assert problem["errors"] == [
            {"detail": "reading messages of version 1: the member 'm' is required, and may be missing", "pointer": "#/schema"}
        ]  # fmt: skip
        (await app("POST", SCHEMAS, {"type": "a.b", "schema": {"type": "x"}})).problem(422, "validation")
        (await app("POST", SCHEMAS, {"type": "autobot.a.b.v1", "schema": {}})).problem(403, "forbidden")
        (await app("GET", f"{SCHEMAS}/no.such.type")).problem(404)
        own = (await app("GET", f"{SCHEMAS}/autobot.chat.message_posted")).expect(200).json
        assert own["origin"] == "contract"
        assert own["versions"][0]["example"]["content"] == "text"
        listed: list[str] = []
        cursor = ""
        while True:
            page = (await app("GET", f"{SCHEMAS}?limit=10{cursor}")).expect(200).json
            listed += [one["type"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert listed == sorted(listed)
        assert {"com.shop.order", "autobot.schemas.schema_registered"} <= set(listed)
