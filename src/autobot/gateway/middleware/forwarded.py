"""Who really asks, under which address: forwarding fields of trusted proxies, and the mount path.

Only a direct peer that the operator trusts is believed (RFC 7239 §8.1). Where both families of fields arrive,
`X-Forwarded-*` counts: common proxies write those and pass a client's own `Forwarded` through untouched.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.site import Site

FAMILIES: Final = frozenset({"chat", "system", "terminal", "workflow", "knowledge_base", "settings"})
"""Families whose unversioned paths (`/api/chat/…`) mean version 1."""

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_PAIR: Final = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^\s;,"]+)\s*')


def node_address(node: str) -> str:
    """Return the bare address of an RFC 7239 node or X-Forwarded-For item, empty for obfuscated ones."""
    node = node.strip().strip('"')
    if node.startswith("["):
        node = node[1:].partition("]")[0]
    elif node.count(":") == 1:
        node = node.partition(":")[0]
    try:
        return str(ip_address(node))
    except ValueError:
        return ""


def parse_forwarded(value: str) -> list[dict[str, str]]:
    """Parse a `Forwarded` field (RFC 7239 §4). Returns no element at all when any part is malformed."""
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(value):
        match = _PAIR.match(value, position)
        if match is None:
            return []
        name, raw = match[1].lower(), match[2]
        if name in elements[-1]:
            return []
        elements[-1][name] = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith('"') else raw
        position = match.end()
        if position == len(value):
            break
        if value[position] == ",":
            elements.append({})
        elif value[position] != ";":
            return []
        position += 1
    return elements


def versioned(path: str) -> str:
    """Return `path` with `/api/<family>` read as `/api/v1/<family>`; any other path as it is."""
    if path.startswith("/api/") and path[5:].partition("/")[0] in FAMILIES:
        return "/api/v1" + path[4:]
    return path


class Forwarded:
    """Fills client, scheme, host and base of the exchange, and takes the mount path off the path."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app, self._base = app, site.base
        networks, unix = site.networks, "unix" in site.trusted_proxies

        @lru_cache(maxsize=4096)
        def trusts(address: str) -> bool:
            if address == "unix":
                return unix
            try:
                parsed = ip_address(address)
            except ValueError:
                return False
            return any(parsed in network for network in networks)

        self._trusts = trusts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the normal path: that one, and no other, decides about access."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange = exchange_of(scope)
        peer = exchange.peer = scope.get("client")
        address = peer[0] if peer else "unix"
        exchange.client, exchange.base = address, self._base
        if exchange.scheme == "ws" or exchange.scheme == "wss":
            exchange.scheme = "https" if exchange.scheme == "wss" else "http"
        if self._trusts(address):
            exchange.trusted_peer = True
            self._believe(exchange)
        path, base = exchange.path, exchange.base
        if base and path.startswith(base) and path[len(base) : len(base) + 1] in ("", "/"):
            path = path[len(base) :] or "/"
        scope["path"] = exchange.path = versioned(path)
        scope["root_path"] = ""
        await self._app(scope, receive, send)

    def _believe(self, exchange: Exchange) -> None:
        fields = exchange.fields
        chain, proto, host = self._listed(fields)
        at = self._first_untrusted(chain)
        if chain and chain[at]:
            exchange.client = chain[at]
        if proto:
            scheme = proto[at if len(proto) == len(chain) else -1].strip().lower()
            if scheme in ("http", "https"):
                exchange.scheme = scheme
        if host:
            name = host[at if len(host) == len(chain) else -1].strip()
            if _HOST.fullmatch(name):
                exchange.host = name
        prefix = fields.get(b"x-forwarded-prefix", b"").decode("latin-1").rstrip("/")
        if prefix and _PREFIX.fullmatch(prefix) and "/.." not in prefix:
            exchange.base = prefix

    def _listed(self, fields: dict[bytes, bytes]) -> tuple[list[str], list[str], list[str]]:
        """Return addresses, schemes and hosts from the outermost proxy inwards."""
        by_x = [
            fields.get(b"x-forwarded-" + name, b"").decode("latin-1") for name in (b"for", b"proto", b"host")
        ]
        if any(by_x):
            chain, proto, host = (one.split(",") if one else [] for one in by_x)
            return [node_address(one) for one in chain], proto, host
        elements = parse_forwarded(fields.get(b"forwarded", b"").decode("latin-1"))
        if not elements or not elements[0]:
            return [], [], []
        return (
            [node_address(one.get("for", "")) for one in elements],
            [one.get("proto", "") for one in elements],
            [one.get("host", "") for one in elements],
        )

    def _first_untrusted(self, chain: list[str]) -> int:
        """Return the index of the nearest hop that is not one of our proxies: what is left of it may be forged."""
        for index in range(len(chain) - 1, -1, -1):
            if not self._trusts(chain[index]):
                return index
        return 0
