"""Names of hosts become addresses of targets."""

import socket

import pytest

from autobot.adapters.system.names import resolved

pytestmark = pytest.mark.anyio


async def test_a_name_becomes_targets() -> None:
    """The machine's own name for itself is found, each address once, and an IPv6 address has its brackets."""
    found = await resolved("localhost", 8001)
    assert "http://127.0.0.1:8001" in found or "http://[::1]:8001" in found
    assert len(set(found)) == len(found)
    assert await resolved("::1", 80) == ("http://[::1]:80",)


async def test_a_name_that_is_none_is_an_error_of_the_system() -> None:
    """A reserved name (RFC 6761) has no address."""
    with pytest.raises(socket.gaierror):
        await resolved("nowhere.invalid", 80)
