"""Deny by default: every route declares who may call it, and the public ones stand on one list."""

import pytest
from starlette.responses import Response

from autobot.gateway.access import PUBLIC, Access, needs, public
from autobot.gateway.app import create_app
from autobot.gateway.parts import RawRoute
from autobot.gateway.routing import router
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ConfigurationError
from tests.unit.gateway.edge import AUTHORIZED, Client, edge, parts, things

pytestmark = pytest.mark.anyio


async def nothing(*_: object) -> None:
    """A plain ASGI application that says nothing."""


def test_every_route_declares_its_access() -> None:
    """The whole table, HTTP and WebSocket, has an access for each row; a public one stands on the list."""
    entries = create_app(parts()).entries
    assert {"WEBSOCKET", "GET", "POST"} <= {entry.method for entry in entries}
    for entry in entries:
        assert isinstance(entry.access, Access)
        assert entry.access.public == (entry.key in PUBLIC), entry.key


def test_a_route_that_says_nothing_stops_the_start() -> None:
    """A route without a declaration is refused by name."""
    routes = router("/api/v1/chat", "chat")

    @routes.get("/open-door")
    async def open_door() -> None: ...

    with pytest.raises(ConfigurationError, match="/api/v1/chat/open-door"):
        create_app(parts(routers=(routes,)))


def test_a_socket_that_says_nothing_stops_the_start() -> None:
    """WebSocket routes are held to the same."""
    routes = router("/api/v1/chat", "chat")

    @routes.websocket("/open-door")
    async def open_door() -> None: ...

    with pytest.raises(ConfigurationError, match="/api/v1/chat/open-door"):
        create_app(parts(routers=(routes,)))


def test_public_is_not_a_word_that_a_route_may_say_alone() -> None:
    """A route that calls itself public and is not on the list is refused; so is a plain ASGI one."""
    routes = router("/api/v1/chat", "chat")

    @routes.get("/open-door")
    @public
    async def open_door() -> None: ...

    with pytest.raises(ConfigurationError, match="public list"):
        create_app(parts(routers=(routes,)))
    raw = RawRoute(path="/v1/models", methods=("GET",), app=nothing, access=Access(public=True))
    with pytest.raises(ConfigurationError, match="/v1/models"):
        create_app(parts(raw=(raw,)))


def test_an_action_that_nobody_has_a_rule_for_stops_the_start() -> None:
    """A declared action must stand in the authorization table."""
    routes = router("/api/v1/chat", "chat")

    @routes.get("/new")
    @needs("new:read")
    async def new() -> None: ...

    with pytest.raises(ConfigurationError, match="new:read"):
        create_app(parts(routers=(routes,)))


def test_two_routes_for_one_address_stop_the_start() -> None:
    """An address has one answer; a second one would never be reached."""
    with pytest.raises(ConfigurationError, match="Two routes"):
        create_app(parts(routers=(things(), things())))


def test_nested_routers_are_refused() -> None:
    """Routers are flat, so that the table shows what there is."""
    outer, inner = router("/api/v1/outer", "outer"), router("/inner", "inner")

    @inner.get("/x")
    @public
    async def x() -> None: ...

    outer.include_router(inner)
    with pytest.raises(ConfigurationError, match="flat"):
        create_app(parts(routers=(outer,)))


async def test_nobody_gets_401_with_a_challenge() -> None:
    """Without a credential a protected route answers 401 and says how to prove oneself."""
    reply = await edge()("GET", "/api/v1/chat/things")
    assert reply.status == 401
    assert reply["www-authenticate"].startswith("Bearer")


async def test_a_key_that_does_not_hold_is_told_so() -> None:
    """A wrong key's challenge says invalid_token (RFC 6750); one who sent none is told of no error."""
    reply = await edge()("GET", "/api/v1/chat/things", headers={"authorization": "Bearer wrong"})
    assert 'error="invalid_token"' in reply["www-authenticate"]
    assert "error" not in (await edge()("GET", "/api/v1/chat/things"))["www-authenticate"]


async def test_a_role_without_the_right_gets_403() -> None:
    """A viewer may read and not write."""
    client = edge()
    viewer = {"authorization": "Bearer viewer-key"}
    assert (await client("GET", "/api/v1/chat/things", headers=viewer)).status == 200
    reply = await client("POST", "/api/v1/chat/things", headers=viewer, json_body={"name": "x"})
    assert reply.status == 403
    assert reply.json["code"] == "forbidden"


async def test_a_key_does_only_what_its_scopes_cover() -> None:
    """A key with one scope is refused for everything else, though its user may."""
    client = edge()
    narrow = {"authorization": "Bearer narrow-key"}
    assert (await client("GET", "/api/v1/chat/things", headers=narrow)).status == 200
    assert (
        await client("POST", "/api/v1/chat/things", headers=narrow, json_body={"name": "x"})
    ).status == 403


async def test_refusals_are_noted_for_the_audit_chain() -> None:
    """Each refusal at the door is told to the audit with who, what and why."""
    noted: list[tuple[str, str, str]] = []

    def note(context: CallContext, action: str, code: str) -> None:
        noted.append((context.principal.id, action, code))

    client = edge(note=note)
    await client("GET", "/api/v1/chat/things")
    await client(
        "POST", "/api/v1/chat/things", headers={"authorization": "Bearer viewer-key"}, json_body={"name": "x"}
    )
    assert noted == [("anonymous", "things:read", "unauthenticated"), ("victor", "things:write", "forbidden")]


async def test_public_routes_bear_a_stale_credential() -> None:
    """A cookie of an ended session does not lock anybody out of what is public, and opens nothing else."""
    stale = {"cookie": "autobot_session=ended"}
    client = edge()
    assert (await client("GET", "/api/v1/system/health/live", headers=stale)).status == 200
    reply = await client("GET", "/api/v1/chat/mine", headers=stale)
    assert reply.status == 401
    assert "session" in reply.json["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/chat/things",
        "/api/v1/chat/things/",
        "/api/v1/chat/../chat/things",
        "/API/v1/chat/things",
        "/api/v1/chat/things;x=1",
        "/api/v1/chat//things",
        "/api/v1/chat/things\x00",
        "/./api/v1/chat/things",
    ],
)
async def test_other_spellings_of_an_address_reach_nothing(path: str) -> None:
    """Only the exact path is the route: no spelling slips past the table, with or without a credential."""
    client = edge()
    for headers in ({}, AUTHORIZED):
        reply = await client("GET", path, headers=headers)
        assert b"alice" not in reply.body
        assert reply.status in (404, 503)  # 503: the page that says that no client is built


async def test_header_fields_do_not_move_a_request() -> None:
    """Access is decided on the path of the request line, whatever a header field claims."""
    for name in ("x-original-url", "x-rewrite-url", "x-forwarded-prefix", "x-forwarded-path"):
        reply = await edge()("GET", "/api/v1/chat/things", headers={name: "/api/v1/system/health/live"})
        assert reply.status == 401


async def test_unversioned_paths_are_version_one() -> None:
    """The six unversioned families reach the same handlers, and their guards."""
    client = edge()
    assert (await client("GET", "/api/chat/things", headers=AUTHORIZED)).status == 200
    assert (await client("GET", "/api/chat/things")).status == 401
    assert (await client("GET", "/api/system/health/live")).status == 200
    assert (await client("GET", "/api/chats/things", headers=AUTHORIZED)).status == 404


async def test_methods() -> None:
    """Another method is 405 with Allow, OPTIONS tells the same, HEAD is GET without its body."""
    client = edge()
    refused = await client("DELETE", "/api/v1/chat/things", headers={**AUTHORIZED})
    assert refused.status == 405
    assert refused["allow"] == "GET, HEAD, OPTIONS, POST"
    told = await client("OPTIONS", "/api/v1/chat/things")
    assert told.status == 204
    assert told["allow"] == "GET, HEAD, OPTIONS, POST"
    got = await client("GET", "/api/v1/chat/things/tagged", headers=AUTHORIZED)
    head = await client("HEAD", "/api/v1/chat/things/tagged", headers=AUTHORIZED)
    assert head.status == 200
    assert head.body == b""
    assert head["content-length"] == got["content-length"] == str(len(got.body))


async def test_plain_asgi_routes_are_guarded_and_may_raise() -> None:
    """A raw route needs what it declares, and its errors become problems."""

    async def app(scope: object, receive: object, send: object) -> None:
        await Response("in")(scope, receive, send)  # type: ignore[arg-type]

    raw = RawRoute(path="/v1/models/{name:path}", methods=("GET",), app=app, access=Access("things:read"))
    client = Client(create_app(parts(raw=(raw,))))
    assert (await client("GET", "/v1/models/a/b")).status == 401
    assert (await client("GET", "/v1/models/a/b", headers=AUTHORIZED)).body == b"in"
