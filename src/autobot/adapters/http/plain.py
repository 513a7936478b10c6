"""A client of our own for plain HTTP, over TCP or a unix socket: a pool of connections whose limit moves."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from autobot.adapters.http.connection import Connection
from autobot.adapters.http.exchange import Count, joined
from autobot.adapters.http.options import HttpOptions
from autobot.adapters.http.wire import RequestWriter, Unpacker
from autobot.kernel.core.errors import AttemptTimeout, BadAnswer, ConnectFailed
from autobot.kernel.links.leaving import leaving

PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
PORT: Final = 80


def speaks_plainly(target: str, options: HttpOptions) -> bool:
    """Say whether this client can serve a target; guarded ones judge what a name resolves to, which it does not."""
    return not options.guarded and target.isascii() and target.startswith(("http:", "unix:"))


class PlainAnswer:
    """An answer on a connection of the pool."""

    __slots__ = ("_connection", "_pool", "_unpacker", "status")

    def __init__(self, connection: Connection, pool: PlainClient) -> None:
        self._connection, self._pool = connection, pool
        self.status = connection.status
        self._unpacker: Unpacker | None = None
        for name, value in connection.fields:
            if len(name) == 16 and name.lower() == b"content-encoding":
                self._unpacker = pool.unpacker(value)

    @property
    def length(self) -> int | None:
        """Bytes that the body was said to have."""
        for name, value in self._connection.fields:
            if len(name) == 14 and name.lower() == b"content-length":
                return int(value)
        return None

    def headers(self) -> dict[str, str]:
        """Return the header fields."""
        return joined(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._connection.fields]
        )

    async def read(self) -> bytes:
        """Return what of the body has come, unpacked."""
        unpacker = self._unpacker
        if unpacker is None:
            return await self._connection.read()
        while True:
            try:
                piece = unpacker.step()
            except ValueError as error:
                raise self._pool.bad("sent a body that breaks HTTP") from error
            if piece:
                return piece
            packed = await self._connection.read()
            if not packed:
                if not unpacker.whole:
                    raise self._pool.bad("sent a body that breaks HTTP")
                return b""
            unpacker.feed(packed)

    def release(self) -> None:
        """Give the connection back."""
        self._pool.release(self._connection)


class PlainClient:
    """The connections to one target. Used from one event loop.

    `_open` counts every connection from the moment it is dialled until it is gone. Who finds none that is free and
    may not open one waits in line for one that comes back (or for the right to open one: the future's None).
    """

    def __init__(self, link: str, target: str, base: str, options: HttpOptions, count: Count | None) -> None:
        self._link, self._target, self._options, self._count = link, target, options, count
        parts = urlsplit(base)
        self._host, self._port = parts.hostname or "", parts.port or PORT
        authority = parts.netloc if parts.port != PORT else parts.netloc.rpartition(":")[0]
        self._writer = RequestWriter(authority, parts.path, keep=options.idle_s > 0)
        self._limit = options.connections_min
        self._open = 0
        self._all: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._line: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    # --------------------------------------------------------------------------------------- the client

    async def send(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> PlainAnswer:
        """Send a request and return the answer as soon as its head is there."""
        request = self._writer.write(method, path, fields, body)
        idle = self._idle
        connection = idle.pop() if idle else await self._wait()
        if not connection.usable:
            connection = await self._another(connection)
        if self._count is not None and connection.idle_since:
            self._count("reused")
        try:
            await connection.exchange(request, headless=method == "HEAD")
            return PlainAnswer(connection, self)
        except BaseException:
            self.release(connection)
            raise

    def fit(self, limit: int) -> None:
        """Let at most `limit` connections be open."""
        self._limit = limit

    async def close(self) -> None:
        """Close every connection; who waits for one hears that it is over."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in tuple(self._all):
            connection.abort()
        self._idle.clear()
        self._grant()

    # ----------------------------------------------------------------------------------------- the pool

    async def _wait(self) -> Connection:
        """Return a connection: a new one, or, at the limit, the next that comes back."""
        if self._open < self._limit or self._closed:
            self._open += 1
            return await self._dialled()
        place: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            given = await place
        except BaseException:
            if place.cancelled() or not place.done():
                self._line = deque(one for one in self._line if one is not place)
            elif (late := place.result()) is not None:
                self._back(late)
            else:
                self._open -= 1
                self._grant()
            raise
        return given if given is not None else await self._dialled()

    async def _another(self, stale: Connection) -> Connection:
        """Return a connection in place of one that ended while it was idle."""
        stale.abort()
        while self._idle:
            found = self._idle.pop()
            if found.usable:
                return found
            found.abort()
        return await self._wait()

    def release(self, connection: Connection) -> None:
        """Take a connection back after an exchange."""
        if connection.ended():
            self._back(connection)

    def _back(self, connection: Connection) -> None:
        """Give a connection to who waits, keep it, or close it as one too many."""
        if self._closed or not self._options.idle_s or self._open > self._limit:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        while self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_result(connection)
                return
        self._idle.append(connection)
        if self._sweeping is None:
            self._sweeping = loop.call_later(self._options.idle_s, self._sweep)

    def _grant(self) -> None:
        """Let who is first in line open a connection, where there is room for one; everybody, when it is over."""
        while self._line and (self._closed or self._open < self._limit):
            place = self._line.popleft()
            if not place.done():
                self._open += 1
                place.set_result(None)

    def _lost(self, connection: Connection) -> None:
        if connection not in self._all:
            return
        self._all.discard(connection)
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._grant()

    def _sweep(self) -> None:
        """Close what has been idle for too long; the longest idle stand first."""
        self._sweeping = None
        loop, idle_s = asyncio.get_running_loop(), self._options.idle_s
        now = loop.time()
        while self._idle and self._idle[0].idle_since + idle_s <= now:
            self._idle.popleft().abort()
        if self._idle:
            self._sweeping = loop.call_at(self._idle[0].idle_since + idle_s, self._sweep)

    # -------------------------------------------------------------------------------------- connecting

    async def _dialled(self) -> Connection:
        """Open a connection, whose place is counted already."""
        dialled: list[Connection] = []
        try:
            self._check_open()
            connection = await self._dial(dialled)
            self._check_open()
        except BaseException:
            lost = any(one not in self._all for one in dialled)
            self._all.difference_update(dialled)
            for one in dialled:
                one.abort()
            if not lost:
                self._open -= 1
                self._grant()
            raise
        if self._count is not None:
            self._count("new")
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectFailed("This connection is shut down.", link=self._link, target=self._target)

    async def _dial(self, dialled: list[Connection]) -> Connection:
        loop, target = asyncio.get_running_loop(), self._target

        def made() -> Connection:
            connection = Connection(self._link, target, self._lost)
            dialled.append(connection)
            self._all.add(connection)
            return connection

        limit = asyncio.timeout(self._options.connect_s)
        try:
            with leaving(self._link):
                async with limit:
                    if target.startswith("unix:"):
                        _, connection = await loop.create_unix_connection(made, target.removeprefix("unix:"))
                    else:
                        _, connection = await loop.create_connection(made, self._host, self._port)
        except TimeoutError as error:
            raise AttemptTimeout(
                f"{target} did not take the connection.", phase="connect", link=self._link, target=target
            ) from error
        except socket.gaierror as error:
            detail = f"{target} cannot be found: its name does not resolve."
            raise ConnectFailed(detail, link=self._link, target=target) from error
        except (OSError, ValueError) as error:
            raise ConnectFailed(f"{target} cannot be reached.", link=self._link, target=target) from error
        return connection

    # ------------------------------------------------------------------------------------------ answers

    def unpacker(self, coding: bytes) -> Unpacker | None:
        """Return what unpacks a body of this coding. Raises BadAnswer for one that was not asked for."""
        name = coding.decode("latin-1").strip().lower()
        if name in PACKED:
            return Unpacker()
        if name in {"", "identity"}:
            return None
        raise self.bad("packed its answer in a way that it was not asked for")

    def bad(self, what: str) -> BadAnswer:
        """Return the error of an answer that breaks HTTP."""
        return BadAnswer(f"{self._target} {what}.", link=self._link, target=self._target)
