"""Which addresses a guarded transport may reach: public ones, judged after the name was resolved once. Pure.

Against server-side request forgery: an address that a user gave must not reach this machine, its
network or a cloud's metadata service, whatever name or notation it hides behind.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from autobot.kernel.core.errors import Forbidden

_NAT64: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_SIX_TO_FOUR: Final = ipaddress.ip_network("2002::/16")
_COMPATIBLE: Final = ipaddress.ip_network("::/96")
_ULA: Final = ipaddress.ip_network("fc00::/7")
_CARRIER: Final = ipaddress.ip_network("100.64.0.0/10")


def is_public(text: str) -> bool:
    """Return whether an IP address (no name) lies on the public internet.

    Loopback, private, link-local, shared (RFC 6598), unique local, multicast, reserved and unspecified
    addresses are not public, nor is an IPv6 address that carries one of them (mapped, compatible, 6to4,
    Teredo, NAT64).
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in _COMPATIBLE or address in _SIX_TO_FOUR or address.teredo is not None:
            return False
        carried = _carried(address)
        if carried is not None:
            return _plain(carried)
    return _plain(address)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a mapped or translated IPv6 address stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    within = address in _CARRIER if address.version == 4 else address in _ULA
    return address.is_global and not (address.is_multicast or address.is_reserved or within)


def require_public(text: str, host: str) -> None:
    """Raise Forbidden unless `text`, which `host` resolved to, is public."""
    if not is_public(text):
        raise Forbidden(
            f"{host} lies inside a private network or on this machine; only public addresses may be reached."
        )
