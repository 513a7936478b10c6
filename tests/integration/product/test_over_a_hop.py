"""The edge answers the same with its services in another role as with them in its own process."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from autobot.adapters.roles.transport import RoleTransport
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.bootstrap.edge import Edge
from autobot.gateway.hop.app import RoleHop
from autobot.gateway.hop.parts import HopParts
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.kernel.commands.linked import COMMAND, QUERY, REPORT, LinkedBus, RoutedBus
from autobot.kernel.commands.wire import bus_wires
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import RemoteError
from autobot.kernel.links.hop_door import HopRow
from autobot.kernel.links.ports import HttpRequest, HttpResponse
from autobot.kernel.links.propagation import inject
from autobot.kernel.links.wired import Wired
from autobot.kernel.resilience.operation import Operation
from autobot.testing.client import Reply
from autobot.testing.harness import App, exchange, in_process

pytestmark = pytest.mark.anyio

ROW = "gateway-backend"
OWN = frozenset({"instance", "correlation_id"})
"""Members of a problem that belong to one request."""


class Wireless:
    """HTTP to an application in this process: everything of a hop but the sockets."""

    def __init__(self, app: Any, now: Any) -> None:
        self._app, self._now = app, now

    async def call(
        self, target: str, operation: Operation, payload: HttpRequest, context: CallContext
    ) -> HttpResponse:
        """Ask the application."""
        fields = {**payload.headers, **inject(context, now=self._now(), chance=random.Random(1))}
        fields["content-length"] = str(len(payload.body))
        scope = {
            "type": "http",
            "method": payload.method,
            "path": payload.path,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
        }
        reply = await exchange(self._app, scope, payload.body)
        if reply.status >= 400:
            raise RemoteError("refused", status=reply.status, link=ROW, target=target, body=reply.body)
        return HttpResponse(status=reply.status, headers=reply.headers, body=reply.body)

    def stream(self, *_: Any) -> AsyncIterator[Any]:
        """The bus has no streams."""
        raise AssertionError

    async def probe(self, target: str) -> bool | None:
        """It is there."""
        return True

    async def close(self) -> None:
        """Nothing is open."""


def far_from(app: App) -> App:
    """The same product behind an edge whose bus is in another role."""
    product, outside = app.product, app.product.outside
    services = product.services

    async def command(payload: Any, context: CallContext) -> Any:
        return await services.dispatch(payload[0], context, key=payload[1])

    async def query(payload: Any, context: CallContext) -> Any:
        return await services.ask(payload, context)

    wires = bus_wires(
        [spec for module in product.modules for spec in module.commands],
        [spec for module in product.modules for spec in module.queries],
    )
    calls = {COMMAND.name: command, QUERY.name: query, REPORT.name: query}
    tokens = KeyedServiceTokens(bytes(32), outside.clock)
    hop = RoleHop(
        HopParts(
            role="backend",
            version="1",
            rows={"gateway": [HopRow(row=ROW, wires=wires, calls=calls)]},
            tokens=tokens,
            lifecycle=Lifecycle("ready"),
            clock=outside.clock,
            chance=outside.chance,
            ids=outside.ids,
        )
    )
    transport = RoleTransport(
        link=ROW,
        issuer="gateway",
        audience="backend",
        wires=wires,
        tokens=tokens,
        inner=Wireless(hop, outside.clock.monotonic),
        clock=outside.clock,
    )
    product.registry.wire(ROW, Wired(transport=transport, targets=("http://backend",)))
    link = product.registry.link(ROW)
    reports = [spec.query for module in product.modules for spec in module.queries if spec.report]
    bus = RoutedBus(LinkedBus(link), dict.fromkeys(reports, LinkedBus(link, REPORT)))
    edge = Edge(replace(product, bus=bus))
    edge.lifecycle.ready()
    return App(product, edge, cookie=app.cookie, csrf=app.csrf)


@asynccontextmanager
async def both() -> AsyncIterator[tuple[App, App]]:
    """The product with its services near, and the same one with them a hop away."""
    async with in_process() as near:
        await near.sign_in()
        yield near, far_from(near)


def told(reply: Reply) -> tuple[int, Any]:
    """What an answer says as JSON, without what belongs to one request."""
    if "json" not in reply.headers.get("content-type", ""):
        return reply.status, reply.body
    body = json.loads(reply.body)
    if isinstance(body, dict) and "instance" in body:
        body = {name: value for name, value in body.items() if name not in OWN}
    return reply.status, body


async def filled(app: App) -> dict[str, str]:
    """Make one of many things through the edge; return their names."""
    made = (await app("POST", "/api/v1/chat/sessions", {"title": "Grüße 🔑"})).expect(201)
    session = json.loads(made.body)["id"]
    address = f"/api/v1/chat/sessions/{session}/messages"
    said = await app("POST", address, {"content": "help"}, headers={"prefer": "wait=20"})
    assert said.status == 200, said.body
    key = await app("POST", "/api/v1/auth/keys", {"name": "laptop", "scopes": ["chat:read"]})
    assert key.status == 201, key.body
    outside = {
        "specversion": "1.0",
        "id": "1",
        "source": "/shop",
        "type": "com.shop.sold",
        "data": {"a": [1, 2.5]},
    }
    posted = await app(
        "POST",
        "/api/v1/events",
        raw=json.dumps(outside).encode(),
        headers={"content-type": "application/cloudevents+json"},
    )
    assert posted.status in (200, 201, 202, 204), posted.body
    await app("PATCH", "/api/v1/settings/limits.default_per_minute", {"value": 5000})
    return {"session": session, "reply": json.loads(said.body)["id"]}


async def test_every_list_and_object_is_the_same_over_a_hop() -> None:
    """People, chats, settings, events, links, schemas and the past read the same near and far."""
    async with both() as (near, far):
        names = await filled(far)
        session, reply = names["session"], names["reply"]
        paths = (
            "/api/v1/auth/me", "/api/v1/auth/users", "/api/v1/auth/keys",
            "/api/v1/chat/sessions", "/api/v1/chat/sessions?limit=1", f"/api/v1/chat/sessions/{session}",
            f"/api/v1/chat/sessions/{session}/messages", f"/api/v1/chat/sessions/{session}/messages/{reply}",
            "/api/v1/chat/search?q=help", "/api/v1/chat/models", "/api/v1/chat/agents",
            "/api/v1/settings", "/api/v1/settings?search=limits", "/api/v1/actions/types", "/api/v1/sagas",
            "/api/v1/messaging/dead-letters", "/api/v1/messaging/schemas", "/api/v1/events/1", "/api/v1/events?limit=50",
            "/api/v1/system/events?limit=20", "/api/v1/system/info", "/api/v1/system/read-models",
            "/api/v1/system/read-models/chat?position=5", "/api/v1/system/density",
        )  # fmt: skip
        differing = []
        for path in paths:
            here, there = await near("GET", path), await far("GET", path)
            if told(here) != told(there):
                differing.append((path, told(here), told(there)))
        assert differing == []
        # So that the comparison is one of answers: nearly all of them are.
        found = [(await near("GET", path)).status for path in paths]
        assert found.count(200) >= len(paths) - 3, list(zip(paths, found, strict=True))


async def test_every_refusal_is_the_same_over_a_hop() -> None:
    """Absent things, broken rules, conflicts and lost races answer with the same problem near and far."""
    async with both() as (near, far):
        names = await filled(near)
        session = names["session"]
        asked: tuple[tuple[str, str, Any, dict[str, str]], ...] = (
            ("GET", "/api/v1/chat/sessions/none", None, {}),
            ("GET", "/api/v1/auth/users?cursor=garbage", None, {}),
            ("GET", "/api/v1/system/events/999999", None, {}),
            ("GET", "/api/v1/system/read-models/none", None, {}),
            ("POST", "/api/v1/auth/login", {"username": "admin", "password": "wrong"}, {}),
            ("POST", "/api/v1/auth/users", {"username": "admin", "role": "user"}, {}),
            ("POST", "/api/v1/auth/users", {"username": "x" * 500, "role": "user"}, {}),
            ("POST", f"/api/v1/chat/sessions/{session}/messages/none/edit", {"content": "x"}, {}),
            ("PATCH", f"/api/v1/chat/sessions/{session}", {"title": "x"}, {"if-match": '"7"'}),
            ("PATCH", "/api/v1/settings/none", {"value": 1}, {}),
            ("PATCH", "/api/v1/settings/limits.default_per_minute", {"value": "many"}, {}),
            ("POST", "/api/v1/actions/process", {"action_type": "none", "parameters": {}}, {}),
            ("PATCH", "/api/v1/system/links/none", {"timeout": 1}, {}),
            ("PATCH", "/api/v1/system/links/ai-ollama", {"timeout": -1}, {}),
            ("POST", "/api/v1/sagas/none/stop", {"reason": "x"}, {}),
        )
        differing = []
        for method, path, body, fields in asked:
            here = await near(method, path, body, headers=fields)
            there = await far(method, path, body, headers=fields)
            if told(here) != told(there):
                differing.append((method, path, told(here), told(there)))
            assert here.status >= 400, (method, path, here.body)
        assert differing == []


async def test_a_key_repeated_near_and_far_is_done_once() -> None:
    """An idempotency key holds whichever way its request came: the second is a replay of the first."""
    async with both() as (near, far):
        fields = {"idempotency-key": '"k-over-a-hop"'}
        first = (await far("POST", "/api/v1/chat/sessions", {"title": "Once"}, headers=fields)).expect(201)
        again = (await near("POST", "/api/v1/chat/sessions", {"title": "Once"}, headers=fields)).expect(201)
        once_more = (await far("POST", "/api/v1/chat/sessions", {"title": "Once"}, headers=fields)).expect(
            201
        )
        assert json.loads(first.body) == json.loads(again.body) == json.loads(once_more.body)
        assert [one.headers.get("idempotent-replayed") for one in (first, again, once_more)] == [
            None,
            "true",
            "true",
        ]
        other = await far("POST", "/api/v1/chat/sessions", {"title": "Other"}, headers=fields)
        assert (other.status, json.loads(other.body)["code"]) == (422, "idempotency-mismatch")
