"""Which addresses a guarded transport may reach."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.adapters.http.guard import is_public, require_public
from autobot.kernel.core.errors import Forbidden


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8"],
)
def test_public_addresses_pass(address: str) -> None:
    """The public internet is reached, also by an IPv6 address that stands for a public IPv4 one."""
    assert is_public(address)
    require_public(address, "example.org")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456:789a::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "localhost",
        "127.1",
        "0x7f000001",
        "",
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    """Loopback, private, link-local, shared, local, multicast, reserved, and whatever stands for one of them."""
    assert not is_public(address)
    with pytest.raises(Forbidden, match=r"example\.org"):
        require_public(address, "example.org")


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_what_it_stands_for(address: ipaddress.IPv4Address) -> None:
    """Mapping or translating an IPv4 address changes nothing about who it reaches."""
    plain = is_public(str(address))
    assert is_public(f"::ffff:{address}") == plain
    assert (
        is_public(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address)))) == plain
    )


@given(st.text(max_size=30))
def test_no_text_makes_the_guard_fail(text: str) -> None:
    """What is no address is not public."""
    assert is_public(text) in {True, False}
