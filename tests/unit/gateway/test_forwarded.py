"""Reverse proxies and sub-paths: believed only from peers that the operator trusts."""

import pytest

from autobot.gateway.middleware.forwarded import node_address, parse_forwarded, versioned
from autobot.gateway.site import Site
from autobot.kernel.core.errors import ConfigurationError
from tests.unit.gateway.edge import AUTHORIZED, Client, create_app, parts

pytestmark = pytest.mark.anyio

PROXY, STRANGER = "10.0.0.2", "203.0.113.9"


def behind(peer: str, **site: object) -> Client:
    """An edge that trusts 10.0.0.0/8, asked by `peer`."""
    given = Site(trusted_proxies=("10.0.0.0/8",), **site)  # type: ignore[arg-type]
    return Client(create_app(parts(site=given)), peer)


async def seen(client: Client, headers: dict[str, str]) -> dict[str, str]:
    """What the edge takes for client, scheme, host and base."""
    reply = await client("GET", "/api/v1/chat/seen", headers={**AUTHORIZED, **headers})
    assert reply.status == 200, reply.body
    found: dict[str, str] = reply.json
    return found


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({"x-forwarded-for": "198.51.100.7"}, "198.51.100.7"),
        ({"x-forwarded-for": "1.2.3.4, 198.51.100.7"}, "198.51.100.7"),
        ({"x-forwarded-for": "1.2.3.4, 198.51.100.7, 10.0.0.9"}, "198.51.100.7"),
        ({"x-forwarded-for": "[2001:db8::1]:443"}, "2001:db8::1"),
        ({"x-forwarded-for": "198.51.100.7:5555"}, "198.51.100.7"),
        ({"x-forwarded-for": "unknown"}, PROXY),
        ({"forwarded": "for=198.51.100.7;proto=https"}, "198.51.100.7"),
        ({"forwarded": 'for="[2001:db8::1]:4711"'}, "2001:db8::1"),
        ({"forwarded": "for=1.2.3.4, for=198.51.100.7"}, "198.51.100.7"),
        ({"forwarded": "for=_hidden"}, PROXY),
        ({"forwarded": "for=198.51.100.7; broken"}, PROXY),
        ({"x-forwarded-for": "198.51.100.7", "forwarded": "for=1.2.3.4"}, "198.51.100.7"),
        ({}, PROXY),
    ],
)
async def test_the_client_is_the_nearest_hop_that_is_not_ours(headers: dict[str, str], client: str) -> None:
    """What stands left of the nearest foreign address may be forged, so it does not count."""
    assert (await seen(behind(PROXY), headers))["client"] == client


async def test_a_stranger_is_not_believed() -> None:
    """Forwarding fields from an untrusted peer change nothing."""
    headers = {
        "x-forwarded-for": "10.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "evil.test",
        "x-forwarded-prefix": "/evil",
        "forwarded": "for=10.0.0.1;proto=https;host=evil.test",
    }
    found = await seen(behind(STRANGER), headers)
    assert found == {"client": STRANGER, "scheme": "http", "host": "autobot.test", "base": ""}


async def test_scheme_host_and_prefix_of_a_trusted_proxy() -> None:
    """A TLS proxy under a sub-path is believed about both."""
    headers = {
        "x-forwarded-for": "198.51.100.7",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "home.example:8443",
        "x-forwarded-prefix": "/tools/autobot/",
    }
    found = await seen(behind(PROXY), headers)
    assert found == {
        "client": "198.51.100.7",
        "scheme": "https",
        "host": "home.example:8443",
        "base": "/tools/autobot",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-proto": "javascript"},
        {"x-forwarded-host": "a b"},
        {"x-forwarded-host": "evil/../x"},
        {"x-forwarded-prefix": "//evil.test"},
        {"x-forwarded-prefix": "/../x"},
        {"x-forwarded-prefix": '/"><script>'},
        {"x-forwarded-prefix": "relative"},
    ],
)
async def test_values_that_are_none_are_left_out(headers: dict[str, str]) -> None:
    """Even a trusted proxy passes only a scheme, a host and a path of their own form."""
    found = await seen(behind(PROXY), headers)
    assert (found["scheme"], found["host"], found["base"]) == ("http", "autobot.test", "")


async def test_hsts_only_over_tls() -> None:
    """Strict-Transport-Security is said where the client speaks TLS, and nowhere else."""
    secure = await behind(PROXY)("GET", "/docs", headers={"x-forwarded-proto": "https"})
    assert "strict-transport-security" in secure
    assert "strict-transport-security" not in await behind(STRANGER)("GET", "/docs")


@pytest.mark.parametrize(
    "path", ["/tools/autobot/api/v1/chat/seen", "/api/v1/chat/seen", "/tools/autobot/api/chat/seen"]
)
async def test_the_mount_path_is_taken_off(path: str) -> None:
    """Under a sub-path the proxy may leave the prefix on or take it off."""
    client = behind(STRANGER, public_url="https://home.example/tools/autobot")
    reply = await client("GET", path, headers=AUTHORIZED)
    assert reply.json["base"] == "/tools/autobot"
    other = await client("GET", "/tools/autobots/api/v1/chat/seen", headers=AUTHORIZED)
    assert other.status != 200


def test_a_unix_socket_peer_is_trusted_by_its_word() -> None:
    """The word `unix` stands for peers without an address."""
    assert Site(trusted_proxies=("unix",)).networks == ()


@pytest.mark.parametrize("wrong", [{"trusted_proxies": ("nowhere",)}, {"public_url": "home.example"}])
def test_a_wrong_site_is_refused(wrong: dict[str, object]) -> None:
    """A proxy that is no network, or an address that is no URL, stops the start."""
    with pytest.raises(ConfigurationError):
        Site(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("for=a;proto=http", [{"for": "a", "proto": "http"}]),
        ('for="a, b"; by=c , for=d', [{"for": "a, b", "by": "c"}, {"for": "d"}]),
        ('for="a\\"b"', [{"for": 'a"b'}]),
        ("FOR=a", [{"for": "a"}]),
        ("for=a;for=b", []),
        ("for", []),
        ("for=a=b", [{"for": "a=b"}]),
    ],
)
def test_forwarded_grammar(value: str, found: list[dict[str, str]]) -> None:
    """Elements, pairs and quoted strings of RFC 7239; one malformed part spoils the field."""
    assert parse_forwarded(value) == found


@pytest.mark.parametrize(("node", "address"), [("1.2.3.4", "1.2.3.4"), ("_x", ""), ("", ""), ("::1", "::1")])
def test_node_addresses(node: str, address: str) -> None:
    """Only real addresses are taken from nodes."""
    assert node_address(node) == address


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/api/chat/sessions", "/api/v1/chat/sessions"),
        ("/api/knowledge_base", "/api/v1/knowledge_base"),
        ("/api/v1/chat/x", "/api/v1/chat/x"),
        ("/api/v2/chat/x", "/api/v2/chat/x"),
        ("/api/auth/login", "/api/auth/login"),
        ("/apichat/x", "/apichat/x"),
        ("/api/", "/api/"),
    ],
)
def test_versioned(path: str, meant: str) -> None:
    """The six named families mean version 1 when no version is said."""
    assert versioned(path) == meant
