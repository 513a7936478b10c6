"""Nothing runs at a role without a service token that vouches for this very call."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.gateway.hop.app import RoleHop
from autobot.gateway.hop.parts import HopLimits, HopParts
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.links.service_token import ServiceCall, body_mark
from autobot.testing.client import Reply
from autobot.testing.harness import exchange
from tests.integration.role_hop.kit import ANN, KEY, Heard, MovableClock, parts_of

pytestmark = pytest.mark.anyio

BODY = b'"hello"'
CALL = ServiceCall(
    issuer="gateway",
    audience="backend",
    operation="echo",
    principal=ANN,
    correlation_id="c-1",
    body=body_mark(BODY),
)


class World:
    """A role, what ran in it, and what it said."""

    def __init__(self, **changes: Any) -> None:
        self.ran: list[CallContext] = []
        self.clock = MovableClock()

        async def echo(payload: str, context: CallContext) -> str:
            self.ran.append(context)
            return payload

        parts, self.heard, self.arrivals = parts_of(
            {"echo": echo, "other": echo}, {}, None, HopLimits(), self.clock
        )
        self.parts: HopParts = replace(parts, **changes)
        self.app = RoleHop(self.parts)

    def token(self, key: bytes = KEY, **changes: Any) -> str:
        """A token for `echo`, or for what `changes` say."""
        return KeyedServiceTokens(key, self.clock).issue(replace(CALL, **changes))

    async def send(
        self,
        token: str | None,
        fields: dict[str, str] | None = None,
        *,
        path: str = "/hop/echo",
        method: str = "POST",
        body: bytes = BODY,
    ) -> Reply:
        """Send a request."""
        lines = {"content-type": "application/json", "content-length": str(len(body)), **(fields or {})}
        if token is not None:
            lines["authorization"] = f"Bearer {token}"
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in lines.items()],
        }
        return await exchange(self.app, scope, body)


def refused(world: World, reply: Reply, status: int = 401) -> dict[str, Any]:
    """Assert that the call was refused before anything ran; return the problem."""
    problem: dict[str, Any] = orjson.loads(reply.body)
    assert (reply.status, problem["status"]) == (status, status)
    assert reply.headers["content-type"] == "application/problem+json"
    assert (world.ran, world.arrivals, world.heard.hops) == ([], [], [])
    assert "raised" not in problem
    return problem


async def test_a_call_with_its_token_runs() -> None:
    """The control: with the right token the handler runs, as the token's principal, counted on its row."""
    world = World()
    reply = await world.send(world.token(), {"x-correlation-id": "c-1", "baggage": "user_id=ann"})
    assert (reply.status, reply.body) == (200, BODY)
    assert [(one.principal, one.baggage) for one in world.ran] == [(ANN, (("user_id", "ann"),))]
    assert (world.arrivals, world.heard.ends) == (["gateway-backend"], ["completed"])


@pytest.mark.parametrize(
    "changes",
    [
        {"key": bytes(32)},
        {"audience": "ai"},
        {"audience": ""},
        {"operation": "other"},
        {"operation": ""},
        {"issuer": "npu"},
        {"issuer": "backend"},
        {"body": body_mark(b'"another"')},
    ],
    ids=str,
)
async def test_a_token_for_anything_else_is_refused(changes: dict[str, Any]) -> None:
    """Another key, role, operation, caller or body: 401, and nothing runs."""
    world = World()
    reply = await world.send(world.token(**changes))
    assert reply.status == 401
    assert world.ran == []


@pytest.mark.parametrize("seconds", [36, -6, 86_400, -86_400])
async def test_a_stale_or_early_token_is_refused(seconds: float) -> None:
    """After its life and before its issue, whichever clock jumped, a token is refused and counted."""
    world = World()
    token = world.token()
    world.clock.move(seconds)
    problem = refused(world, await world.send(token))
    assert "clocks" in problem["detail"]
    assert ("hop_unauthenticated_total", {"role": "backend"}) in world.heard.counts
    world.clock.move(-seconds)
    assert (await world.send(token)).status == 200


@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer s1..",
        "bearer ",
        "Bearer eyJhbGciOiJub25lIn0.eyJhdWQiOiJiYWNrZW5kIn0.",
        "Bearer " + "A" * 50_000,
        "Bearer \u00e9",
    ],
)
async def test_without_a_token_nothing_runs(field: str | None) -> None:
    """No token, an empty one, another scheme, an unsigned web token, garbage: 401 with a challenge, counted and told."""
    world = World()
    fields = {} if field is None else {"authorization": field}
    reply = await world.send(None, fields)
    refused(world, reply)
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert ("hop_unauthenticated_total", {"role": "backend"}) in world.heard.counts
    assert [(one.subject, one.after) for one in world.heard.changes] == [("calls to backend", "refused")]


async def test_context_fields_alone_are_nothing() -> None:
    """Fields that say who calls open nothing without a token, and an identity in the body is no identity."""
    world = World()
    spoof = {
        "x-correlation-id": "c-1",
        "x-principal": "root",
        "baggage": "user_id=root,tenant_id=acme",
        "x-attempt": "3",
        "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
    }
    refused(world, await world.send(None, spoof))
    body = b'{"principal": {"id": "root", "role": "admin"}}'
    reply = await world.send(world.token(body=body_mark(body)), body=body)
    assert (reply.status, world.ran) == (422, [])


async def test_fields_beside_a_token_do_not_change_who_calls() -> None:
    """Whatever is said beside the token, the principal, tenant and client are the token's."""
    world = World()
    spoof = {"x-principal": "root", "x-forwarded-for": "203.0.113.9", "x-tenant": "other"}
    assert (await world.send(world.token(client="192.0.2.7"), spoof)).status == 200
    assert [(one.principal, one.client) for one in world.ran] == [(ANN, "192.0.2.7")]


async def test_another_correlation_id_beside_the_token_is_refused() -> None:
    """The correlation id is one of the things that the token vouches for."""
    world = World()
    refused(world, await world.send(world.token(), {"x-correlation-id": "c-2"}))


async def test_a_changed_body_is_refused() -> None:
    """The body that came must be the one that was signed for."""
    world = World()
    reply = await world.send(world.token(), body=b'"changed"')
    assert (reply.status, world.ran) == (401, [])
    assert "raised" not in orjson.loads(reply.body)


async def test_every_changed_character_of_a_token_is_refused() -> None:
    """No character of a token can be changed: neither what it says nor its signature."""
    world = World()
    token = world.token()
    for at in range(0, len(token), 7):
        other = "A" if token[at] != "A" else "B"
        refused(world, await world.send(token[:at] + other + token[at + 1 :]))


async def test_an_administrator_is_nobody_without_a_token() -> None:
    """The strongest principal in a token of another installation is refused like everybody."""
    world = World()
    root = Principal(id="root", kind="user", role="admin", user_id="root")
    refused(world, await world.send(world.token(key=b"x" * 32, principal=root)))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/hop/echo", 405),
        ("PUT", "/hop/echo", 405),
        ("GET", "/", 404),
        ("POST", "/api/v1/chat/sessions", 404),
        ("POST", "/hop", 404),
        ("POST", "/hop/health", 401),
    ],
)
async def test_there_is_nothing_else(method: str, path: str, status: int) -> None:
    """Only calls are answered: no page, no route of the edge, no other method."""
    world = World()
    refused(world, await world.send(None, method=method, path=path), status)


async def test_an_operation_without_a_handler_is_absent() -> None:
    """With a token for it, an operation that nobody handles says so."""
    world = World()
    reply = await world.send(world.token(operation="none"), path="/hop/none")
    problem = orjson.loads(reply.body)
    assert (reply.status, problem["raised"]["code"], world.ran) == (503, "absent", [])


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/json; charset=utf-16"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"content-length": "99999999999"}, 413),
        ({"content-length": "x"}, 400),
    ],
)
async def test_bodies_are_declared_and_bounded(fields: dict[str, str], status: int) -> None:
    """What is no JSON by its declaration, is packed, or is over the limit is refused before it is read."""
    world = World()
    reply = await world.send(world.token(), fields)
    assert (reply.status, world.ran) == (status, [])


@pytest.mark.parametrize("phase", ["starting", "draining"])
async def test_a_role_that_takes_no_work_says_so_at_once(phase: Any) -> None:
    """Outside *ready* every call is declined with the time to come back, and marked as never begun."""
    world = World(lifecycle=Lifecycle(phase))
    reply = await world.send(world.token())
    problem = orjson.loads(reply.body)
    assert (reply.status, reply.headers["retry-after"], problem["unready"]) == (503, "2", True)
    assert (problem["raised"]["code"], world.ran) == ("overloaded", [])


@pytest.mark.parametrize(("phase", "status"), [("ready", 200), ("starting", 503), ("draining", 503)])
async def test_health_needs_no_token_and_says_little(phase: Any, status: int) -> None:
    """Role, version and phase, and nothing of what is inside."""
    world = World(lifecycle=Lifecycle(phase))
    reply = await world.send(None, method="GET", path="/hop/health", body=b"")
    assert (reply.status, orjson.loads(reply.body)) == (
        status,
        {"role": "backend", "version": "1", "phase": phase},
    )


async def test_a_row_that_was_taken_away_is_refused() -> None:
    """An operator who deletes the row ends the hop at its callee too."""
    from autobot.kernel.core.errors import LinkMissing

    def gone(row: str) -> None:
        raise LinkMissing(f"The matrix has no row {row}.", link=row)

    world = World(arrived=gone)
    problem = orjson.loads((await world.send(world.token())).body)
    assert (problem["raised"]["code"], world.ran) == ("link-missing", [])


async def test_the_deadline_that_was_sent_holds() -> None:
    """Spent on arrival nothing runs; a number that is none is refused; the role's own limit holds as well."""
    world = World()
    spent = await world.send(world.token(), {"x-deadline-ms": "0"})
    wrong = await world.send(world.token(), {"x-deadline-ms": "soon"})
    assert (spent.status, wrong.status, world.ran) == (504, 400, [])
    await world.send(world.token(), {"x-deadline-ms": "99999999"})
    now = asyncio.get_running_loop().time()
    assert 890 < (world.ran[0].deadline or 0) - now <= 900


async def test_what_a_listener_hears_of_refusals() -> None:
    """What was refused before anybody was known is counted and is no call of the row."""
    world = World()
    await world.send("garbage")
    assert isinstance(world.heard, Heard)
    assert (world.heard.hops, len(world.heard.counts)) == ([], 1)
