"""Keys, session cookies, the proof of origin, and cross-site requests."""

import pytest

from autobot.gateway.middleware.authentication import session_cookie
from autobot.gateway.site import Site
from tests.unit.gateway.edge import AUTHORIZED, COOKIE, CSRF, KEY, SESSION, edge

pytestmark = pytest.mark.anyio

WRITE = ("POST", "/api/v1/chat/things")
THING = {"name": "x"}


@pytest.mark.parametrize(
    ("field", "token"),
    [
        (b"autobot_session=abc", "abc"),
        (b"a=1; autobot_session=abc; b=2", "abc"),
        (b"autobot_session=abc; b=2", "abc"),
        (b'autobot_session="abc"', "abc"),
        (b"not_autobot_session=abc", None),
        (b"x=autobot_session=abc", None),
        (b"autobot_session=", None),
        (b"autobot_session=a; autobot_session=b", None),
        (b"autobot_session=a; autobot_session=a", "a"),
        (b"autobot_session=" + b"x" * 600, None),
        (b";;;", None),
    ],
)
def test_the_session_cookie_is_found_or_not(field: bytes, token: str | None) -> None:
    """The token is taken from the one cookie of that name; two that differ prove nothing."""
    assert session_cookie(field) == token


@pytest.mark.parametrize(
    "field",
    ["Bearer", "Bearer ", "Bearer  ", "Basic YTpi", f"Bearer {KEY} x", "Bearer unknown", f"Token {KEY}", KEY],
)
async def test_bad_authorization_is_401(field: str) -> None:
    """Another scheme, an empty, cut or unknown key opens nothing, even with a good cookie beside it."""
    reply = await edge()("GET", "/api/v1/chat/mine", headers={"authorization": field, **COOKIE})
    assert reply.status == 401


async def test_the_scheme_has_no_case() -> None:
    """`bearer` is the same scheme as `Bearer` (RFC 9110 §11.1)."""
    assert (
        await edge()("GET", "/api/v1/chat/mine", headers={"authorization": f"bearer {KEY}"})
    ).status == 200


async def test_two_authorization_fields_prove_nothing() -> None:
    """A field that was sent twice is no credential."""
    lines = [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {KEY}")]
    assert (await edge()("GET", "/api/v1/chat/mine", headers=lines)).status == 401


async def test_a_session_reads_without_and_writes_with_its_proof() -> None:
    """A cookie alone reads; a write needs the session's X-CSRF-Token."""
    client = edge()
    assert (await client("GET", "/api/v1/chat/mine", headers=COOKIE)).status == 200
    for proof in ({}, {"x-csrf-token": "wrong"}, {"x-csrf-token": ""}):
        reply = await client(*WRITE, headers={**COOKIE, **proof}, json_body=THING)
        assert reply.status == 403
        assert reply.json["code"] == "csrf"
    reply = await client(*WRITE, headers={**COOKIE, "x-csrf-token": CSRF}, json_body=THING)
    assert reply.status == 201


async def test_a_key_needs_no_proof() -> None:
    """A browser never attaches a key by itself, so a key's write stands alone."""
    assert (await edge()(*WRITE, headers=AUTHORIZED, json_body=THING)).status == 201


@pytest.mark.parametrize(
    "origin",
    ["https://evil.test", "null", "http://autobot.test.evil.test", "http://autobot.test:81", "file://"],
)
async def test_another_sites_page_cannot_write(origin: str) -> None:
    """A write with a session and a foreign Origin is refused even with the proof; so is a sign-in."""
    client = edge()
    headers = {**COOKIE, "x-csrf-token": CSRF, "origin": origin}
    assert (await client(*WRITE, headers=headers, json_body=THING)).status == 403
    reply = await client("POST", "/api/v1/auth/login", headers={"origin": origin}, json_body={})
    assert reply.status == 403


@pytest.mark.parametrize("origin", ["http://autobot.test", "https://autobot.test", "HTTP://AUTOBOT.test"])
async def test_our_own_page_can_write(origin: str) -> None:
    """The page's own host is ours, whichever scheme the proxy in front speaks."""
    headers = {**COOKIE, "x-csrf-token": CSRF, "origin": origin}
    assert (await edge()(*WRITE, headers=headers, json_body=THING)).status == 201


async def test_the_public_address_is_ours() -> None:
    """Behind a proxy that changes Host, the declared public address counts."""
    client = edge(site=Site(public_url="https://home.example/autobot"))
    headers = {**COOKIE, "x-csrf-token": CSRF, "origin": "https://home.example", "host": "10.0.0.5:8001"}
    assert (await client(*WRITE, headers=headers, json_body=THING)).status == 201


async def test_tokens_never_come_back() -> None:
    """No answer repeats a credential that was sent."""
    for headers in (
        {"authorization": "Bearer sk-secret-of-mine"},
        {"cookie": "autobot_session=sk-secret-of-mine"},
    ):
        reply = await edge()("GET", "/api/v1/chat/mine", headers=headers)
        assert b"sk-secret" not in reply.body
        assert SESSION not in str(reply.headers)
