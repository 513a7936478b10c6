"""`/api/v1/actions` over the real edge, the real context and the real run engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from autobot.kernel.core.errors import Absent, NotFound
from tests.unit.gateway.edge import Reply
from tests.unit.gateway.rest.site import Product

pytestmark = pytest.mark.anyio

PROCESS = "/api/v1/actions/process"
SHORT: dict[str, Any] = {"action_type": "run_diagnostics", "parameters": {}}
LONG: dict[str, Any] = {"action_type": "create_backup", "parameters": {"with_key": True}}


@asynccontextmanager
async def running(product: Product) -> AsyncIterator[None]:
    """Carry runs."""
    engine, start = product.engine()

    async def consume() -> None:
        async for batch in product.store.subscribe(after=0):
            for one in batch:
                await start(one)

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.serve())
        consumer = group.create_task(consume())
        await engine.recovered.wait()
        try:
            yield
        finally:
            consumer.cancel()
            engine.close()


async def prepared() -> tuple[Product, dict[str, str]]:
    """Return a product with an administrator, and the fields of their key."""
    product = Product()
    await product.user("root", "admin")
    return product, await product.key("root")


async def test_a_short_action_answers_with_its_result() -> None:
    """200 with the specification's fields; the same can be read again at its address."""
    product, key = await prepared()
    async with running(product):
        reply = await product.call("POST", PROCESS, json_body={**SHORT, "priority": 5}, headers=key)
    body = reply.json
    assert (reply.status, body["status"], body["result"]) == (200, "completed", {"asked_by": "root"})
    assert {"request_id", "processing_time_ms", "correlation_id", "created_at"} <= set(body)
    again = await product.call("GET", f"/api/v1/actions/{body['request_id']}", headers=key)
    assert (again.status, again.json) == (200, body)


async def test_a_long_action_answers_with_the_address_of_its_status() -> None:
    """202 and Location at once; `Prefer: wait` waits for the end."""
    product, key = await prepared()
    accepted = await product.call("POST", PROCESS, json_body=LONG, headers=key)
    assert (accepted.status, accepted.json["status"], accepted.json["result"]) == (202, "accepted", None)
    assert accepted["location"] == f"/api/v1/actions/{accepted.json['request_id']}"
    async with running(product):
        waited = await product.call("POST", PROCESS, json_body=LONG, headers={**key, "prefer": "wait=10"})
    assert (waited.status, waited.json["result"]) == (200, {"with_key": True})
    ended = await product.call("GET", accepted["location"], headers=key)
    assert (ended.json["status"], ended.json["result"]) == ("completed", {"with_key": True})


@pytest.mark.parametrize("where", ["header", "body", "both"])
async def test_a_key_makes_it_happen_once(where: str) -> None:
    """With a key in header, body or both alike, a repeat is answered by the first request's outcome."""
    product, key = await prepared()
    text = "once-and-only-once"
    headers = {**key, "idempotency-key": f'"{text}"'} if where != "body" else key
    body = {**SHORT, "idempotency_key": text} if where != "header" else SHORT
    async with running(product):
        first = await product.call("POST", PROCESS, json_body=body, headers=headers)
        again = await product.call("POST", PROCESS, json_body=body, headers=headers)
    assert (first.status, again.status, again.json) == (200, 200, first.json)
    assert again["idempotent-replayed"] == "true"
    other = {**body, **LONG}
    refused = await product.call("POST", PROCESS, json_body=other, headers=headers)
    assert (refused.status, refused.json["code"]) == (422, "idempotency-mismatch")


async def test_without_a_key_each_request_is_one_action() -> None:
    """Neither header nor body: accepted, and done each time."""
    product, key = await prepared()
    async with running(product):
        replies = [await product.call("POST", PROCESS, json_body=SHORT, headers=key) for _ in range(2)]
    assert replies[0].json["request_id"] != replies[1].json["request_id"]


async def test_two_different_keys_are_refused() -> None:
    """A header and a body that carry different keys are a 422 that points at the body's."""
    product, key = await prepared()
    body = {**SHORT, "idempotency_key": "one-key-0123456789"}
    headers = {**key, "idempotency-key": '"other-key-0123456789"'}
    reply = await product.call("POST", PROCESS, json_body=body, headers=headers)
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "#/idempotency_key")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Absent("part", "It is not here.", hint="Add it."), 503, "absent"),
        (NotFound("There is no such thing."), 404, "not-found"),
        (RuntimeError("internal text"), 500, "internal"),
    ],
)
async def test_a_failed_action_answers_with_its_problem(error: Exception, status: int, code: str) -> None:
    """What the work met is the answer, and stands at the action's address."""
    product, key = await prepared()
    product.failure = error
    async with running(product):
        reply = await product.call("POST", PROCESS, json_body=SHORT, headers=key)
    assert (reply.status, reply.json["code"]) == (status, code)
    assert b"internal text" not in reply.body


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"action_type": "no-dash"}, "#/action_type"),
        ({"action_type": "x" * 51}, "#/action_type"),
        ({"action_type": ""}, "#/action_type"),
        ({"action_type": "unknown_type"}, "#/action_type"),
        ({"action_type": None}, "#/action_type"),
        ({"parameters": []}, "#/parameters"),
        ({"parameters": {"with_key": "yes"}, "action_type": "create_backup"}, "#/parameters/with_key"),
        ({"parameters": {"extra": 1}}, "#/parameters/extra"),
        ({"priority": 0}, "#/priority"),
        ({"priority": 6}, "#/priority"),
        ({"priority": "high"}, "#/priority"),
        ({"idempotency_key": "too-short"}, "#/idempotency_key"),
        ({"idempotency_key": "x" * 257}, "#/idempotency_key"),
    ],
)
async def test_bad_requests_are_validation_problems(change: dict[str, Any], pointer: str) -> None:
    """Every rule of the request's schema is a 422 that points at the value."""
    product, key = await prepared()
    reply = await product.call("POST", PROCESS, json_body={**SHORT, **change}, headers=key)
    assert (reply.status, reply.json["code"]) == (422, "validation")
    assert pointer in [one["pointer"] for one in reply.json["errors"]]


async def test_rights_are_those_of_role_scopes_and_type() -> None:
    """No credential 401; a viewer, a user without the type's permission, and a key without its scope 403."""
    product, _ = await prepared()
    await product.user("vic", "viewer")
    await product.user("ada")

    async def asked(headers: dict[str, str]) -> Reply:
        return await product.call("POST", PROCESS, json_body=LONG, headers=headers)

    assert (await asked({})).status == 401
    for headers in (
        await product.key("vic"),
        await product.key("ada"),
        await product.key("root", "actions:*"),
        await product.key("root", "system:*"),
    ):
        assert (await asked(headers)).status == 403


async def test_nobody_reads_anothers_action() -> None:
    """Another user's action is a 404."""
    product, key = await prepared()
    await product.user("ada")
    accepted = await product.call("POST", PROCESS, json_body=LONG, headers=key)
    ada = await product.key("ada")
    assert (await product.call("GET", accepted["location"], headers=ada)).status == 404
    assert (await product.call("GET", "/api/v1/actions/nothing", headers=key)).status == 404


async def test_a_hundred_a_minute() -> None:
    """The 101st request of a minute is a 429 that says when to come back."""
    product, key = await prepared()
    bad = {"action_type": "unknown_type"}
    statuses = [(await product.call("POST", PROCESS, json_body=bad, headers=key)).status for _ in range(100)]
    assert set(statuses) == {422}
    refused = await product.call("POST", PROCESS, json_body=bad, headers=key)
    assert (refused.status, int(refused["retry-after"]) > 0) == (429, True)


async def test_types_come_with_the_schema_of_their_parameters() -> None:
    """Each listed type has a valid JSON Schema that accepts and refuses what the action does."""
    product, key = await prepared()
    listed = (await product.call("GET", "/api/v1/actions/types", headers=key)).json["items"]
    by_name = {one["name"]: one for one in listed}
    assert by_name["create_backup"]["state"] == "ready"
    assert by_name["rebuild_read_model"]["state"] == "absent"
    assert by_name["rebuild_read_model"]["hint"]
    for one in listed:
        Draft202012Validator.check_schema(one["parameters"])
    schema = Draft202012Validator(by_name["send_chat_message"]["parameters"])
    assert schema.is_valid({"content": "x", "session_id": "abc"})
    for bad in ({}, {"content": ""}, {"content": "x", "session_id": "a/b"}, {"content": "x", "extra": 1}):
        assert not schema.is_valid(bad)
    reply = await product.call(
        "POST",
        PROCESS,
        json_body={"action_type": "rebuild_read_model", "parameters": {"name": "chat"}},
        headers=key,
    )
    assert (reply.status, bool(reply.json["hint"])) == (503, True)
