"""The product's own route table, walked: nothing answers nobody except what stands on the public list."""

import json
import re
from collections.abc import AsyncIterator

import pytest

from autobot.gateway.access import PUBLIC
from autobot.gateway.exchange import WEBSOCKET
from autobot.gateway.rest.not_yet import FAMILIES
from autobot.gateway.routing import Entry
from autobot.testing.harness import App, in_process

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app() -> AsyncIterator[App]:
    """The whole product on memory adapters."""
    async with in_process() as running:
        yield running


def address(entry: Entry) -> str:
    """An address of the route, with a word for each parameter."""
    return re.sub(r"\{[^}]*\}", "unknown-0", entry.path)


async def test_every_route_of_the_product_declares_its_access(app: App) -> None:
    """Every row of the table, HTTP and WebSocket, is guarded or stands on the public list; none is missing."""
    entries = app.edge.app.entries
    assert len(entries) > 40
    assert WEBSOCKET in {entry.method for entry in entries}
    public = {entry.key for entry in entries if entry.access.public}
    assert public == PUBLIC
    actions = {entry.access.action for entry in entries if entry.access.action}
    assert actions <= app.product.authorizer.actions


async def test_nobody_is_answered_by_no_guarded_route(app: App) -> None:
    """Without a credential each guarded HTTP route answers 401 with a problem, and does nothing."""
    before = await app.product.store.head()
    for entry in app.edge.app.entries:
        if entry.access.public or entry.method == WEBSOCKET:
            continue
        reply = await app(entry.method, address(entry))
        assert reply.status == 401, f"{entry.method} {entry.path}"
        assert json.loads(reply.body)["code"] == "unauthenticated"
        assert "www-authenticate" in reply.headers
    assert await app.product.store.head() == before


async def test_public_routes_answer_nobody(app: App) -> None:
    """What stands on the list never asks for a credential."""
    for entry in app.edge.app.entries:
        if entry.access.public:
            reply = await app(entry.method, address(entry))
            assert reply.status != 403
            assert reply.status != 401 or entry.path.startswith("/api/v1/auth/")


async def test_a_session_cannot_write_without_its_proof(app: App) -> None:
    """Each guarded write refuses a browser session that does not send its X-CSRF-Token."""
    await app.sign_in()
    for entry in app.edge.app.entries:
        if entry.method in ("POST", "PUT", "PATCH", "DELETE") and not entry.access.public:
            reply = await app(entry.method, address(entry), headers={"x-csrf-token": "another"})
            assert (reply.status, json.loads(reply.body)["code"]) == (403, "csrf"), (
                f"{entry.method} {entry.path}"
            )


async def test_the_document_names_every_route(app: App) -> None:
    """Each HTTP route stands in the OpenAPI document, except documentation, web client and what only says 503."""
    document = app.edge.app.openapi
    paths = document["paths"]
    left_out = ("/docs", "/problems", "/openapi.json", "/asyncapi.json", "/{path:path}")
    absent = tuple(f"/api/v1/{family}" for family in FAMILIES)
    for entry in app.edge.app.entries:
        if entry.method == WEBSOCKET or entry.path.startswith((*left_out, *absent)):
            continue
        operation = paths[entry.path.replace(":path}", "}")][entry.method.lower()]
        assert operation["responses"], entry.key
        named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)", entry.path)), entry.key
    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(ids) == len(set(ids))


async def test_families_without_a_part_say_so(app: App) -> None:
    """Terminals and workflows are 503 `absent` on both forms of their paths, to who is known."""
    assert set(FAMILIES) == {"terminal", "workflow"}
    for family in FAMILIES:
        for path in (f"/api/{family}", f"/api/{family}/a/b", f"/api/v1/{family}", f"/api/v1/{family}/a/b"):
            assert (await app("GET", path)).status == 401
    await app.sign_in()
    for family in FAMILIES:
        for path in (f"/api/{family}", f"/api/{family}/a/b", f"/api/v1/{family}", f"/api/v1/{family}/a/b"):
            for method in ("GET", "POST"):
                reply = await app(method, path)
                problem = json.loads(reply.body)
                assert (reply.status, problem["code"], problem["part"]) == (503, "absent", family)
                assert problem["hint"]
