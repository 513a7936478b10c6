"""What the edge tells its listener: each call once, failures with their error, metrics with few labels."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from autobot.gateway.access import Proven
from autobot.gateway.middleware.measure import Measure
from autobot.kernel.core import errors
from autobot.kernel.telemetry.listener import Change, Hop
from tests.unit.gateway.edge import AUTHORIZED, Boom, Client, TestClock, context_of, create_app, edge, parts

pytestmark = pytest.mark.anyio


@dataclass
class Heard:
    """A listener that keeps everything."""

    hops: list[tuple[str, Hop, Any]] = field(default_factory=list)
    counts: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)

    def started(self, hop: Hop) -> None:
        self.hops.append(("started", hop, None))

    def completed(self, hop: Hop, duration: float) -> None:
        self.hops.append(("completed", hop, duration))

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        self.hops.append(("failed", hop, error))

    def changed(self, change: Change) -> None: ...

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        self.counts.append((name, value, dict(labels)))

    def of(self, name: str) -> list[tuple[float, dict[str, str]]]:
        return [(value, labels) for found, value, labels in self.counts if found == name]


async def test_a_call_is_started_and_completed_with_its_context() -> None:
    """Each call of a client is one hop on its row, with the correlation id and the principal."""
    heard = Heard()
    await edge(listener=heard)("GET", "/api/v1/chat/mine", headers={**AUTHORIZED, "x-correlation-id": "c-7"})
    kinds = [(kind, hop.link) for kind, hop, _ in heard.hops]
    assert kinds == [("started", "frontend-gateway"), ("completed", "frontend-gateway")]
    context = heard.hops[0][1].context
    assert (context.correlation_id, context.principal.id) == ("c-7", "alice")
    assert heard.hops[1][2] >= 0


async def test_a_callers_mistake_is_no_failure() -> None:
    """Answers below 500 are completed calls: sending fewer of them would change nothing."""
    heard = Heard()
    client = edge(listener=heard)
    for path in ("/api/v1/nothing", "/api/v1/chat/fails/conflict"):
        await client("GET", path, headers=AUTHORIZED)
    assert [kind for kind, _, _ in heard.hops] == ["started", "completed"] * 2


async def test_what_is_unexpected_is_told_with_its_error() -> None:
    """The listener hears the error itself, which the client never sees, under the same correlation id."""
    heard = Heard()
    reply = await edge(listener=heard)("GET", "/api/v1/chat/fails/boom", headers=AUTHORIZED)
    kind, hop, error = heard.hops[-1]
    assert kind == "failed"
    assert isinstance(error, Boom)
    assert hop.context.correlation_id == reply.json["correlation_id"]


async def test_what_fails_before_anybody_is_known_is_told_too() -> None:
    """A failure of the proof itself is an opaque 500 for the client and a failed hop for the operator."""

    class Broken:
        async def key(self, token: str) -> Proven | None:
            raise RuntimeError("the store is gone")

        async def session(self, token: str) -> Proven | None:
            return None

    heard = Heard()
    reply = await edge(listener=heard, authenticator=Broken())("GET", "/api/v1/chat/mine", headers=AUTHORIZED)
    assert reply.status == 500
    assert b"store" not in reply.body
    (kind, hop, error) = heard.hops[-1]
    assert (kind, str(error)) == ("failed", "the store is gone")
    assert hop.context.correlation_id == reply.json["correlation_id"]


async def test_metrics_have_sizes_status_and_few_labels() -> None:
    """Duration and sizes are told by method, route template and status; invented methods and paths are no labels."""
    heard = Heard()
    client = edge(listener=heard)
    await client("POST", "/api/v1/chat/things", headers=AUTHORIZED, json_body={"name": "x"})
    await client("GET", "/api/v1/chat/things/one-of-many", headers=AUTHORIZED)
    await client("BREW", "/api/v1/chat/things", headers=AUTHORIZED)
    labels = [found for _, found in heard.of("http_server_request_duration_seconds")]
    assert labels == [
        {"method": "POST", "route": "/api/v1/chat/things", "status": "201"},
        {"method": "GET", "route": "/api/v1/chat/things/{name}", "status": "200"},
        {"method": "other", "route": "/api/v1/chat/things", "status": "405"},
    ]
    assert heard.of("http_server_request_body_bytes")[0][0] == len(b'{"name": "x"}')
    assert heard.of("http_server_response_body_bytes")[1][0] > 5_000


async def test_reused_connections_are_told_apart() -> None:
    """The second request of a connection counts as reuse; another connection does not."""
    heard = Heard()
    client = edge(listener=heard)
    await client("GET", "/docs")
    await client("GET", "/docs")
    client.peer = "198.51.100.1"
    await client("GET", "/docs")
    assert [labels["reused"] for _, labels in heard.of("http_server_connection_requests_total")] == [
        "no",
        "yes",
        "no",
    ]


async def test_nobody_listening_costs_no_layer() -> None:
    """Without a listener the measuring layer is not there at all."""

    async def inner(scope: Any, receive: Any, send: Any) -> None: ...

    assert Measure(TestClock(), None).around(inner) is inner
    assert (await Client(create_app(parts()))("GET", "/docs")).status == 200


def test_refusals_on_streams_are_no_failures() -> None:
    """A channel that is not the caller's is no failed hop; a source that breaks is one."""
    heard = Heard()
    measure = Measure(TestClock(), heard)
    measure.stream_failed(context_of(), errors.NotFound("No such channel."))
    measure.stream_failed(context_of(), OSError("disk"))
    assert [(kind, hop.link, str(error)) for kind, hop, error in heard.hops] == [
        ("failed", "frontend-backend", "disk")
    ]
