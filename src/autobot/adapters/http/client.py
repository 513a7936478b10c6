"""The aiohttp parts of one target: its connector, whose limit follows concurrency, and its session.

Imported when the first call is made: aiohttp costs start-up time that a process without HTTP links saves.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from aiohttp import (
    BaseConnector,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    ThreadedResolver,
    UnixConnector,
)
from aiohttp.abc import ResolveResult

from autobot.adapters.http.guard import require_public
from autobot.adapters.http.options import HttpOptions

LINE_MAX = 16_384
"""Bytes of a status line, and of one header field."""

Count = Callable[[str], None]
"""Hears `new` and `reused` connections."""


class FittingConnector(BaseConnector):
    """A connector whose limit moves. It reaches into aiohttp in two places, which tests hold down."""

    count: Count | None = None

    def fit(self, limit: int) -> None:
        """Let at most `limit` connections be open; surplus ones are closed as they come back."""
        self._limit = limit

    @property
    def open_connections(self) -> int:
        """Connections that are in use or wait for use."""
        return len(self._acquired) + sum(map(len, self._conns.values()))

    async def _get(self, key: Any, traces: Any) -> Any:
        connection = await super()._get(key, traces)
        if connection is not None and self.count is not None:
            self.count("reused")
        return connection

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        surplus = self.open_connections > self._limit
        super()._release(key, protocol, should_close=should_close or surplus)

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        protocol = await super()._create_connection(req, traces, timeout)
        if self.count is not None:
            self.count("new")
        return protocol


class FittingTcp(FittingConnector, TCPConnector):
    """Over TCP and TLS; certificates are verified."""


class FittingUnix(FittingConnector, UnixConnector):
    """Over a unix socket."""


class PublicResolver(ThreadedResolver):
    """Resolves once and hands out public addresses only; the connector connects to just these."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        for one in found:
            require_public(one["host"], host)
        return found


def open_session(
    target: str, options: HttpOptions, count: Count | None
) -> tuple[ClientSession, FittingConnector]:
    """Return a session for `target` and its connector. Needs a running loop.

    No cookies, no proxies from the environment, no redirects, no retries of its own: one layer retries.
    """
    connector: FittingConnector
    keeping: dict[str, Any] = (
        {"keepalive_timeout": options.idle_s} if options.idle_s else {"force_close": True}
    )
    if target.startswith("unix:"):
        connector = FittingUnix(path=target.removeprefix("unix:"), limit=options.connections_min, **keeping)
    else:
        connector = FittingTcp(
            limit=options.connections_min,
            **keeping,
            resolver=PublicResolver() if options.guarded else None,
            use_dns_cache=not options.guarded,
        )
    connector.count = count
    session = ClientSession(
        connector=connector,
        timeout=ClientTimeout(total=None, sock_connect=options.connect_s),
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        max_line_size=LINE_MAX,
        max_field_size=LINE_MAX,
    )
    session._retry_connection = False
    return session, connector
