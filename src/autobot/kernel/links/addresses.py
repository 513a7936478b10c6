"""Addresses that a row of the matrix may fix: `http://host:port`, `https://host:port`, `unix:/path`, `dns:name:port`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

TARGETS_MAX: Final = 100
ADDRESS_MAX: Final = 300
DNS: Final = "dns:"
FORMS: Final = "http://host:port, https://host:port, unix:/path or dns:name:port"
_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_-]{1,63})*\.?"
)
_PORT_MAX: Final = 65_535


def wrong_address(text: str) -> str | None:
    """Return what is wrong with an address, None when nothing is."""
    if len(text) > ADDRESS_MAX or any(one.isspace() or not one.isprintable() for one in text):
        return f"is longer than {ADDRESS_MAX} characters, or has spaces"
    if text.startswith("unix:"):
        return None if text.startswith("unix:/") and len(text) > len("unix:/") else "needs an absolute path"
    if text.startswith(DNS):
        name, _, port = text.removeprefix(DNS).rpartition(":")
        return None if _NAME.fullmatch(name) and _is_port(port) else "needs a name and a port, dns:name:port"
    return _wrong_url(text)


def _wrong_url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"is none of {FORMS}"
    if port is None or port == 0:
        return "needs a port"
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return "is more than scheme, host and port"
    return None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text) <= _PORT_MAX


def named(target: str) -> tuple[str, int] | None:
    """Return name and port of a `dns:` address, None for one that needs no look-up."""
    if not target.startswith(DNS):
        return None
    name, _, port = target.removeprefix(DNS).rpartition(":")
    return name, int(port)


def plain(targets: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses that need no look-up."""
    return tuple(one for one in targets if named(one) is None)


def at(host: str, port: int) -> str:
    """Return the address of a host's port; a literal IPv6 address gets its brackets (RFC 3986 §3.2.2)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
