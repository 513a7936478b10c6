"""What is never sent: requests, targets and peers that a transport refuses; and how targets are asked for their health."""

import ssl
from typing import Any

import pytest

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.kernel.core.errors import ConfigurationError, ConnectFailed, InvalidInput
from tests.integration.http_transport.certificate import self_signed
from tests.integration.http_transport.kit import client_of, free_port, pair
from tests.integration.http_transport.server import response, says, serving

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "request_fields",
    [
        {"headers": {"x-a": "b\r\nx-evil: 1"}},
        {"headers": {"x-a\r\nx-evil": "1"}},
        {"headers": {"x-a": "b\nc"}},
    ],
)
async def test_a_request_that_http_does_not_allow_is_not_sent(request_fields: Any) -> None:
    """Line breaks in header fields are refused before anything leaves; the value is not repeated."""
    async with pair() as (server, client):
        error = await client.failure("/echo", **request_fields)
    assert type(error) is InvalidInput
    assert "evil" not in error.detail
    assert server.requests == []


async def test_a_path_cannot_break_out_of_its_line() -> None:
    """Line breaks and spaces in a path are encoded."""
    async with pair({"/a": says(response())}) as (server, client):
        await client.failure("/x y\r\nx-evil: 1")
    assert server.requests[0].header("x-evil") is None


@pytest.mark.parametrize(
    "target",
    ["ftp://127.0.0.1", "127.0.0.1:80", "http://", "http://user:pw@127.0.0.1", "http://127.0.0.1/?q=1", ""],
)
async def test_a_target_that_is_no_address_is_refused(target: str) -> None:
    """The operator hears which address cannot be used."""
    async with client_of(target) as client:
        assert type(await client.failure("/")) is ConfigurationError


async def test_a_certificate_is_verified() -> None:
    """A server that proves itself with a certificate of its own making is not talked to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with self_signed() as (certificate, key):
        context.load_cert_chain(certificate, key)
    async with serving(tls=context) as server, client_of(server.address) as client:
        error = await client.failure("/echo")
    assert type(error) is ConnectFailed
    assert "certificate" in error.detail
    assert server.requests == []


async def test_options_are_checked_when_built() -> None:
    """A value outside its range refuses to start."""
    for broken in (
        {"connections_min": 0},
        {"connections_min": 5, "connections_max": 4},
        {"connections_max": 10_001},
        {"idle_s": 0.5},
        {"connect_s": 0.0},
        {"health_path": "health"},
        {"internal": True, "guarded": True},
    ):
        with pytest.raises(ConfigurationError):
            HttpOptions(**broken)


async def test_a_sick_target_fails_its_probe() -> None:
    """Server errors, refusals and silence on the health path are told as not well; other answers as well."""
    async with pair({"/sick": says(response(b"", "500 No"))}, health_path="/sick") as (_, client):
        assert await client.transport.probe(client.target) is False
        assert await client.transport.probe(f"http://127.0.0.1:{free_port()}") is False
    async with pair(health_path="/not-there") as (_, client):
        assert await client.transport.probe(client.target) is True
    async with pair(health_path="/hang", connect_s=0.05) as (_, client):
        assert await client.transport.probe(client.target) is False
    assert isinstance(client.transport, HttpTransport)
