"""An edge to test: fakes at its ports, and a client that speaks ASGI to it without a socket."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from annotated_types import Len
from fastapi import Query
from starlette.responses import JSONResponse, Response
from starlette.types import Message

from autobot.gateway.access import Proven, needs, public, signed_in
from autobot.gateway.app import Gateway, create_app
from autobot.gateway.exchange import Call, Context
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.middleware.rate_limit import DEFAULT_CLASSES
from autobot.gateway.parts import GatewayParts
from autobot.gateway.realtime.fanout import ChannelSource, Fanout
from autobot.gateway.routing import router
from autobot.kernel.commands.authorize import Authorizer, Rule, Verdict
from autobot.kernel.core import errors
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.resilience.rate_limit.limiter import MemoryLimiter

ALICE = Principal(id="alice", kind="user", role="user", user_id="alice", username="alice")
ROBOT = Principal(id="key-1", kind="key", role="user", user_id="alice", scopes=frozenset({"things:read"}))
VIEWER = Principal(id="victor", kind="user", role="viewer", user_id="victor", username="victor")
KEY, VIEWER_KEY, SESSION, CSRF = "alice-key", "viewer-key", "alice-session", "proof"
AUTHORIZED = {"authorization": f"Bearer {KEY}"}
COOKIE = {"cookie": f"autobot_session={SESSION}"}


class TestClock:
    """Time that moves when told; the wall follows the monotonic clock."""

    __test__ = False

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(1_800_000_000 + self.offset, tz=UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.offset


@dataclass
class Credentials:
    """An authenticator over two dictionaries."""

    keys: dict[str, Proven] = field(default_factory=dict)
    sessions: dict[str, Proven] = field(default_factory=dict)

    async def key(self, token: str) -> Proven | None:
        return self.keys.get(token)

    async def session(self, token: str) -> Proven | None:
        return self.sessions.get(token)


def credentials() -> Credentials:
    """The keys and the session that the tests know."""
    return Credentials(
        keys={
            KEY: Proven(principal=ALICE, credential="k1"),
            VIEWER_KEY: Proven(principal=VIEWER, credential="k2"),
            "narrow-key": Proven(principal=ROBOT, credential="k3"),
        },
        sessions={SESSION: Proven(principal=ALICE, credential="s1", csrf=CSRF)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A body with limits."""

    name: Annotated[str, Len(1, 5)]
    parts: tuple[Annotated[str, Len(1, 3)], ...] = ()
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command bus answers."""

    value: Any = None
    position: int = 7
    replayed: bool = False


class Boom(Exception):
    """Something that is not of the tree, with a text that must never be seen."""


def things() -> Any:
    """A router with one route of each kind that the edge must bear."""
    routes = router("/api/v1/chat", "things")

    @routes.get("/things")
    @needs("things:read")
    async def read(context: Context, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
        return {"caller": context.principal.id, "correlation": context.correlation_id, "limit": limit}

    @routes.post("/things", status_code=201)
    @needs("things:write")
    async def write(body: Thing, call: Call) -> dict[str, Any]:
        call.settled(Answer(replayed=call.key == "again"))
        return {"name": body.name, "key": call.key, "wait": call.wait}

    @routes.get("/things/{name}")
    @needs("things:read")
    async def one(name: str) -> Response:
        if name == "tagged":
            return JSONResponse({"name": name}, headers={"etag": '"r12"'})
        return JSONResponse({"name": name, "text": "long " * 1000})

    @routes.get("/mine")
    @signed_in
    async def mine(context: Context) -> dict[str, str]:
        return {"user": context.principal.user_id}

    @routes.get("/seen")
    @signed_in
    async def seen(call: Call) -> dict[str, str]:
        return {"client": call.client, "scheme": call.scheme, "host": call.host, "base": call.base}

    @routes.get("/trace")
    @signed_in
    async def trace(context: Context) -> dict[str, Any]:
        found = context.trace
        return {
            "trace_id": found.trace_id,
            "span_id": found.span_id,
            "flags": found.flags,
            "state": found.state,
            "baggage": context.baggage,
            "attempt": context.attempt,
        }

    @routes.get("/fails/{how}")
    @signed_in
    async def fails(how: str) -> None:
        if how == "boom":
            raise Boom("secret-internal-text")
        raise FAILURES[how]

    @routes.get("/slow")
    @signed_in
    async def slow() -> None:
        await asyncio.Event().wait()

    return routes


FAILURES: dict[str, Exception] = {
    "conflict": errors.WrongExpectedVersion("thing-1", 3, 4),
    "absent": errors.Absent("redis", "There is no Redis.", hint="autobot add redis"),
}


def public_routes() -> Any:
    """A router with the public routes that the list names."""
    routes = router("/api/v1/system", "health")

    @routes.get("/health/live")
    @public
    async def live() -> dict[str, str]:
        return {"status": "live"}

    return routes


RULES = (
    Rule(action="things:read", user=Verdict.ALLOW, viewer=Verdict.ALLOW),
    Rule(action="things:write", user=Verdict.ALLOW),
)


def parts(**changes: Any) -> GatewayParts:
    """Parts of an edge that is ready; `changes` replace some."""
    clock = TestClock()
    chance = random.Random(7)
    sources: Mapping[str, ChannelSource] = changes.pop("sources", {})
    plain = GatewayParts(
        clock=clock,
        ids=Uuid7Source(clock, chance),
        chance=chance,
        authenticator=credentials(),
        authorizer=Authorizer(RULES),
        fanout=Fanout(sources),
        limiter=MemoryLimiter(clock),
        classes=DEFAULT_CLASSES,
        lifecycle=Lifecycle("ready"),
        routers=(things(), public_routes()),
        version="1.0.0",
    )
    return replace(plain, **changes)


@dataclass
class Reply:
    """An answer as the server would send it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        found = [value for key, value in self.headers if key == name]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.headers)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Speaks ASGI to an application."""

    def __init__(self, app: Gateway, peer: str = "203.0.113.9") -> None:
        self.app, self.peer = app, peer

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] | None = None,
        json_body: Any = None,
        query: str = "",
        receive: AsyncIterator[Message] | None = None,
    ) -> Reply:
        lines = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        if json_body is not None:
            body = json.dumps(json_body).encode()
            lines.append(("content-type", "application/json"))
        if isinstance(body, bytes) and not any(name == "content-length" for name, _ in lines):
            lines.append(("content-length", str(len(body))))
        if not any(name == "host" for name, _ in lines):
            lines.append(("host", "autobot.test"))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in lines],
            "client": (self.peer, 40000),
            "server": ("127.0.0.1", 8001),
            "state": {},
        }
        return await self.run(scope, receive or _pieces(body))

    async def run(self, scope: dict[str, Any], pieces: AsyncIterator[Message]) -> Reply:
        reply = Reply(0, [], b"")

        async def receive() -> Message:
            async for message in pieces:
                return message
            return await asyncio.Event().wait()  # type: ignore[return-value]

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = [
                    (name.decode(), value.decode("latin-1")) for name, value in message["headers"]
                ]
            elif message["type"] == "http.response.body":
                reply.body += message.get("body", b"")

        await self.app(scope, receive, send)
        return reply


async def _pieces(body: bytes | Iterable[bytes] | None) -> AsyncIterator[Message]:
    parts = [body] if isinstance(body, bytes) else list(body or [b""])
    for index, part in enumerate(parts):
        yield {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}


def edge(**changes: Any) -> Client:
    """A client of an edge made of `parts(**changes)`."""
    return Client(create_app(parts(**changes)))


def context_of(principal: Principal = ALICE) -> CallContext:
    """A call context outside any request."""
    from autobot.gateway.exchange import UNKNOWN_TRACE

    return CallContext(correlation_id="c-1", principal=principal, trace=UNKNOWN_TRACE)
