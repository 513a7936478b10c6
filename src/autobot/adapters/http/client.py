"""aiohttp as the client of targets that speak TLS, and of guarded ones: a connector whose limit moves, and a session.

Imported when the first call to such a target is made: aiohttp costs start-up time that other processes save.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from aiohttp import (
    BaseConnector,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from autobot.adapters.http.connection import INTERIM_BELOW
from autobot.adapters.http.exchange import Count, joined
from autobot.adapters.http.guard import require_public
from autobot.adapters.http.mapping import ERRORS, mapped
from autobot.adapters.http.options import HttpOptions
from autobot.kernel.links.leaving import leaving

LINE_MAX: Final = 16_384
"""Bytes of a status line, and of one header field."""


INTERIM_MAX: Final = 16
"""Interim answers (RFC 9110 §15.2) before one that counts."""


class Answering(ResponseHandler):
    """A connection that ends with too many interim answers: aiohttp reads on for ever, and lets nobody else run meanwhile."""

    _interim = 0

    def feed_data(self, data: Any, size: int = 0) -> None:
        if self._interim > INTERIM_MAX:
            return
        self._interim = self._interim + 1 if data[0].code < INTERIM_BELOW else 0
        if self._interim <= INTERIM_MAX:
            super().feed_data(data, size)
            return
        if self.transport is not None:
            self.transport.abort()
        self.set_exception(HttpProcessingError(message="interim answers without end"))


class FittingConnector(BaseConnector):
    """A connector whose limit moves. It reaches into aiohttp in three places, which tests hold down."""

    count: Count | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        answering: type[ResponseHandler] = Answering
        self._factory = partial(answering, loop=self._loop)

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


class PublicResolver(ThreadedResolver):
    """Resolves once and hands out public addresses only; the connector connects to just these."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        for one in found:
            require_public(one["host"], host)
        return found


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return the socket for an address that is about to be connected to. Raises Forbidden unless it is public.

    Names are judged as they are resolved. What aiohttp takes for an address it never resolves: that is judged here, as it
    is once it is written in ASCII (`127` and `1` with other dots between).
    """
    family, kind, protocol, _, where = address
    require_public(where[0], where[0])
    return socket.socket(family, kind, protocol)


class LibraryAnswer:
    """An answer that aiohttp reads."""

    __slots__ = ("_client", "_response", "status")

    def __init__(self, response: ClientResponse, client: LibraryClient) -> None:
        self._response, self._client = response, client
        self.status = response.status

    @property
    def length(self) -> int | None:
        """Bytes that the body was said to have."""
        return self._response.content_length

    def headers(self) -> dict[str, str]:
        """Return the header fields."""
        return joined(list(self._response.headers.items()))

    async def read(self) -> bytes:
        """Return what of the body has come."""
        try:
            return await self._response.content.readany()
        except ERRORS as error:
            raise self._client.meaning(error) from error

    def release(self) -> None:
        """Give the connection back."""
        self._response.release()


class LibraryClient:
    """The connections to one target. Needs a running loop."""

    def __init__(self, link: str, target: str, base: str, options: HttpOptions, count: Count | None) -> None:
        self._link, self._target, self._base = link, target, base
        self._session, self._connector = open_session(options, count)

    async def send(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> LibraryAnswer:
        """Send a request and return the answer as soon as its head is there."""
        try:
            with leaving(self._link):
                response = await self._session.request(
                    method, self._base + path, data=body or None, headers=fields, allow_redirects=False
                )
        except ERRORS as error:
            raise self.meaning(error) from error
        return LibraryAnswer(response, self)

    def fit(self, limit: int) -> None:
        """Let at most `limit` connections be open."""
        self._connector.fit(limit)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    def meaning(self, error: BaseException) -> Exception:
        """Return the error of the tree that `error` means here."""
        return mapped(error, self._link, self._target)


def open_session(options: HttpOptions, count: Count | None) -> tuple[ClientSession, FittingConnector]:
    """Return a session for one target and its connector. Needs a running loop.

    No cookies, no proxies from the environment, no redirects, no retries of its own: one layer retries.
    """
    keeping: dict[str, Any] = (
        {"keepalive_timeout": options.idle_s} if options.idle_s else {"force_close": True}
    )
    connector = FittingTcp(
        limit=options.connections_min,
        **keeping,
        resolver=PublicResolver() if options.guarded else None,
        use_dns_cache=not options.guarded,
        socket_factory=public_socket if options.guarded else None,
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
