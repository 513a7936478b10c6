"""What every answer carries: entity tags, codings, security fields; and when no answer is given."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import Message

from autobot.gateway.access import Access, needs
from autobot.gateway.app import Gateway
from autobot.gateway.exchange import Exchange
from autobot.gateway.middleware.conditional import (
    ANY,
    demanded_tags,
    entity_tags,
    none_match,
    require_match,
    without_coding,
)
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.parts import RawRoute
from autobot.gateway.routing import router
from autobot.kernel.core.errors import Malformed, PreconditionFailed
from autobot.testing.virtual_time import run
from tests.unit.gateway.edge import AUTHORIZED, Client, create_app, edge, parts, public_routes

pytestmark = pytest.mark.anyio

LONG = "/api/v1/chat/things/long"


# ------------------------------------------------------------------------------------------ entity tags


async def test_json_reads_carry_a_strong_tag_and_answer_304() -> None:
    """The tag is that of the very bytes; who has them gets 304 without a body, and the same fields."""
    client = edge()
    first = await client("GET", LONG, headers=AUTHORIZED)
    tag = first["etag"]
    assert tag.startswith('"')
    assert first["cache-control"] == "private, no-cache"
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await client("GET", LONG, headers={**AUTHORIZED, "if-none-match": asked})
        assert (again.status, again.body) == (304, b"")
        assert "content-type" not in again
        assert tag in again["etag"]
        assert again["cache-control"] == "private, no-cache"
    for asked in ('"other"', "garbage", '"open', ""):
        again = await client("GET", LONG, headers={**AUTHORIZED, "if-none-match": asked})
        assert again.status == 200


async def test_a_routes_own_tag_is_kept() -> None:
    """A route that knows a revision names it; the same comparison holds."""
    reply = await edge()(
        "GET", "/api/v1/chat/things/tagged", headers={**AUTHORIZED, "if-none-match": '"r12"'}
    )
    assert reply.status == 304
    assert reply["etag"] == '"r12"'


async def test_errors_and_writes_are_not_tagged() -> None:
    """Only reads that succeed have a tag."""
    client = edge()
    assert "etag" not in await client("GET", "/api/v1/chat/nothing", headers=AUTHORIZED)
    written = await client("POST", "/api/v1/chat/things", headers=AUTHORIZED, json_body={"name": "x"})
    assert "etag" not in written


def test_tag_lists() -> None:
    """Lists of tags are read strictly; a malformed one is none."""
    assert entity_tags(b'"a", W/"b" ,"c,d"') == [(False, b'"a"'), (True, b'"b"'), (False, b'"c,d"')]
    assert entity_tags(b', "a",\t, "b" , ') == [(False, b'"a"'), (False, b'"b"')]
    for wrong in (b"", b",", b"a", b'"a" "b"', b'w/"a"', b'"a', b"*", b'"a b"', b'"a", b', b'"a"x'):
        assert entity_tags(wrong) is None


def test_weak_and_strong_comparison() -> None:
    """If-None-Match compares weakly; If-Match takes strong tags only."""
    assert none_match(b'W/"x"', b'"x"') == b'W/"x"'
    assert none_match(b'"x-gzip"', b'"x"') == b'"x-gzip"'
    assert none_match(b'"y"', b'"x"') is None
    assert demanded_tags(b'W/"a", "b", "c-br"') == ("b", "c")
    assert demanded_tags(b" * ") == ANY
    with pytest.raises(Malformed):
        demanded_tags(b"r12")
    assert without_coding(b'"x-zstd"') == b'"x"'


def test_if_match_is_held_against_the_object() -> None:
    """No field lets pass; another tag, or no object at all, does not."""

    async def send(_: object) -> None: ...

    call = Exchange({"type": "http", "method": "PUT", "path": "/", "headers": []}, send, 0.0)
    require_match(call, "r1")
    call.if_match = ("r1", "r2")
    require_match(call, "r2")
    for current in ("r3", None):
        with pytest.raises(PreconditionFailed):
            require_match(call, current)
    call.if_match = ANY
    require_match(call, "r9")
    with pytest.raises(PreconditionFailed):
        require_match(call, None)


async def test_if_match_reaches_the_route_and_bad_ones_are_400() -> None:
    """The conflict of a conditional write is 412; a field that is no list is malformed."""
    client = edge()
    lost = await client("GET", "/api/v1/chat/fails/conflict", headers={**AUTHORIZED, "if-match": '"r3"'})
    assert lost.status == 412
    assert (await client("GET", "/api/v1/chat/fails/conflict", headers=AUTHORIZED)).status == 409
    bad = await client("GET", "/api/v1/chat/mine", headers={**AUTHORIZED, "if-match": "r3"})
    assert bad.status == 400


def renamed() -> Gateway:
    """An edge with one object that can be read and renamed, and a list that can only be added to."""
    state = {"name": "first"}
    routes = router("/api/v1/chat", "object")

    @routes.get("/object")
    @needs("things:read")
    async def read() -> JSONResponse:
        return JSONResponse(state)

    @routes.patch("/object")
    @needs("things:write")
    async def rename(name: str) -> JSONResponse:
        await asyncio.sleep(0)
        state["name"] = name
        return JSONResponse(state)

    @routes.post("/unreadable")
    @needs("things:write")
    async def add() -> JSONResponse:
        return JSONResponse(state)

    return create_app(parts(routers=(routes, public_routes())))


async def test_a_write_under_a_stale_if_match_changes_nothing() -> None:
    """The tag of a read lets one write through; the next that holds it is 412, as is a wrong tag and no object."""
    client = Client(renamed())
    tag = (await client("GET", "/api/v1/chat/object", headers=AUTHORIZED))["etag"]

    async def rename(name: str, held: str) -> int:
        fields = {**AUTHORIZED, "if-match": held}
        return (await client("PATCH", "/api/v1/chat/object", headers=fields, query=f"name={name}")).status

    assert await rename("wrong", '"other"') == 412
    assert sorted(await asyncio.gather(rename("one", tag), rename("two", tag))) == [200, 412]
    assert await rename("late", tag) == 412
    assert await rename("last", "*") == 200
    assert (await client("GET", "/api/v1/chat/object", headers=AUTHORIZED)).json == {"name": "last"}
    fields = {**AUTHORIZED, "if-match": "*"}
    assert (await client("POST", "/api/v1/chat/unreadable", headers=fields)).status == 412


# -------------------------------------------------------------------------------------------- compression


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, br, zstd", "zstd"),
        ("gzip;q=0.5, br;q=0", "gzip"),
    ],
)
async def test_bodies_are_encoded_as_accepted(accepted: str, coding: str) -> None:
    """A long answer is encoded; its tag names the coding, and revalidating by that tag works."""
    client = edge()
    plain = await client("GET", LONG, headers=AUTHORIZED)
    headers = {**AUTHORIZED, "accept-encoding": accepted}
    packed = await client("GET", LONG, headers=headers)
    assert packed["content-encoding"] == coding
    assert packed["etag"] == plain["etag"][:-1] + f'-{coding}"'
    assert "accept-encoding" in packed["vary"].lower()
    assert len(packed.body) < len(plain.body)
    if coding == "gzip":
        assert gzip.decompress(packed.body) == plain.body
    again = await client("GET", LONG, headers={**headers, "if-none-match": packed["etag"]})
    assert (again.status, again["etag"]) == (304, packed["etag"])


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "deflate", "*;q=0"])
async def test_what_is_not_accepted_is_not_used(accepted: str) -> None:
    """Without a coding that we have, the plain form is sent."""
    reply = await edge()("GET", LONG, headers={**AUTHORIZED, "accept-encoding": accepted})
    assert "content-encoding" not in reply


async def test_short_answers_and_event_streams_stay_plain() -> None:
    """Little is gained on short bodies, and an encoder would hold events back."""

    async def events(scope: Any, receive: Any, send: Any) -> None:
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"data: x\n\n" * 1000})

    raw = RawRoute(path="/v1/stream", methods=("GET",), app=events, access=Access())
    client = Client(create_app(parts(raw=(raw,))))
    headers = {**AUTHORIZED, "accept-encoding": "gzip, br"}
    assert "content-encoding" not in await client("GET", "/v1/stream", headers=headers)
    assert "content-encoding" not in await client("GET", "/api/v1/chat/mine", headers=headers)


async def test_a_stream_of_json_is_not_held_back_for_a_tag() -> None:
    """An answer in pieces passes piece by piece, untagged."""

    async def lines(scope: Any, receive: Any, send: Any) -> None:
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"[1,", "more_body": True})
        await send({"type": "http.response.body", "body": b"2]"})

    raw = RawRoute(path="/v1/stream", methods=("GET",), app=lines, access=Access())
    reply = await Client(create_app(parts(raw=(raw,))))("GET", "/v1/stream", headers=AUTHORIZED)
    assert reply.body == b"[1,2]"
    assert "etag" not in reply


# ----------------------------------------------------------------------------------------- security fields


@pytest.mark.parametrize(
    "path", ["/api/v1/chat/mine", "/docs", "/", "/problems", "/api/v1/nothing", "/openapi.json"]
)
async def test_every_answer_is_hardened(path: str) -> None:
    """No answer is sniffed, framed or leaked as a referrer, and none may load anything from elsewhere."""
    reply = await edge()("GET", path)
    assert reply["x-content-type-options"] == "nosniff"
    assert reply["referrer-policy"] == "no-referrer"
    assert reply["x-frame-options"] == "DENY"
    policy = reply["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "http:" not in policy
    assert "script-src 'unsafe" not in policy
    assert "*" not in policy


# ------------------------------------------------------------------------------------ lifecycle, disconnect


async def test_before_and_after_ready_only_health_answers() -> None:
    """While starting or draining, work is refused with Retry-After; probes go on answering."""
    lifecycle = Lifecycle()
    client = edge(lifecycle=lifecycle)
    drained: list[str] = []
    lifecycle.on_draining(lambda: drained.append("told"))
    for step in (lambda: None, lifecycle.drain):
        step()
        reply = await client("GET", "/api/v1/chat/mine", headers=AUTHORIZED)
        assert reply.status == 503
        assert reply.json["code"] == "overloaded"
        assert int(reply["retry-after"]) >= 1
        assert (await client("GET", "/api/v1/system/health/live")).status == 200
    lifecycle.drain()
    lifecycle.ready()
    assert lifecycle.phase == "draining"
    assert drained == ["told"]


def test_ready_opens_the_door() -> None:
    """A process that has started says so once."""
    lifecycle = Lifecycle()
    lifecycle.ready()
    assert lifecycle.phase == "ready"


async def lifespan(client: Client, stop: asyncio.Event) -> None:
    """Run the application's lifespan until `stop`."""
    steps = iter(["lifespan.startup"])

    async def receive() -> Message:
        step = next(steps, None)
        if step is None:
            await stop.wait()
            step = "lifespan.shutdown"
        return {"type": step}

    async def send(_: Message) -> None: ...

    await client.app({"type": "lifespan"}, receive, send)


def test_a_client_that_leaves_ends_its_work() -> None:
    """Work that was done for one caller alone is cancelled when that caller goes away."""

    async def leaving() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.sleep(5)
        yield {"type": "http.disconnect"}

    async def main() -> None:
        client, stop = edge(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lifespan(client, stop))
            began = asyncio.get_running_loop().time()
            reply = await client("GET", "/api/v1/chat/slow", headers=AUTHORIZED, receive=leaving())
            assert reply.status == 0
            assert asyncio.get_running_loop().time() - began < 5.5
            stop.set()

    run(main())


def test_shutdown_drains() -> None:
    """At shutdown the edge takes no new work."""

    async def main() -> None:
        lifecycle = Lifecycle("ready")
        client, stop = edge(lifecycle=lifecycle), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lifespan(client, stop))
            stop.set()
        assert lifecycle.phase == "draining"

    run(main())
