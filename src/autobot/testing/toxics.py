"""A TCP proxy that spoils what it carries: between a program and its server, on purpose, as a test says.

A toxic acts on one direction (`up` is from client to server) or on both, on open connections and on new ones, from
the moment at which it is set until it is taken away. Chance (jitter) is drawn per connection and direction from the
seed, so the same seed gives the same delays for the same chunks.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Way = Literal["up", "down"]
WAYS: Final[tuple[Way, Way]] = ("up", "down")
CHUNK: Final = 64 * 1024
CHUNKS_AHEAD: Final = 64
"""Chunks that wait in the proxy for one direction of one connection before it stops reading."""
PIECE_S: Final = 0.02
"""Seconds of its rate that a bandwidth lets through at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic:
    """What all have: the direction that they spoil."""

    ways: tuple[Way, ...] = WAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Toxic):
    """Each chunk arrives `delay_s` seconds late, and up to `jitter_s` more; order is kept, throughput too."""

    delay_s: float
    jitter_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth(Toxic):
    """At most `bytes_per_s` pass."""

    bytes_per_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlackHole(Toxic):
    """Nothing passes, the end of a connection neither; what was on its way arrives when this is taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Toxic):
    """Open connections are reset (RST) at once, new ones when they are accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Toxic):
    """The next `size` bytes of each connection pass, then both of its sides are ended, by RST when `reset`."""

    size: int
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose(Toxic):
    """The end of one side reaches the other `delay_s` seconds late."""

    delay_s: float


def delay_of(toxics: Sequence[Toxic], chance: random.Random) -> float:
    """Draw the seconds by which these let the next chunk wait."""
    return sum(one.delay_s + chance.uniform(0.0, one.jitter_s) for one in toxics if isinstance(one, Latency))


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side sees a reset, as far as its kind of socket knows one."""
    sock: socket.socket = writer.get_extra_info("socket")
    if sock.family != socket.AF_UNIX:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class _Ended(Exception):
    """A toxic ended the connection."""


class _Lane:
    """One direction of one connection: what is read waits here until it may go on."""

    def __init__(
        self,
        proxy: TcpProxy,
        way: Way,
        chance: random.Random,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy, self._way, self._chance = proxy, way, chance
        self._reader, self._writer = reader, writer
        self._waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_AHEAD)
        self._limit: Limit | None = None
        self._left = 0

    async def read(self) -> None:
        """Take in what comes, with the moment at which it came."""
        loop = asyncio.get_running_loop()
        while True:
            data = await self._reader.read(CHUNK)
            await self._waiting.put((loop.time(), data))
            if not data:
                return

    async def write(self) -> None:
        """Hand on what was taken in, spoiled as the toxics say."""
        while True:
            came, data = await self._waiting.get()
            await self._held(came, SlowClose if not data else Latency)
            if not data:
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                return
            while data:
                data = data[await self._passed(data) :]

    def _toxics(self) -> list[Toxic]:
        return [one for one in self._proxy.toxics if self._way in one.ways]

    async def _held(self, came: float, by: type[Latency | SlowClose]) -> None:
        """Wait until a chunk, or the end, may go on."""
        loop = asyncio.get_running_loop()
        while True:
            changed, toxics = self._proxy.changed, self._toxics()
            if any(isinstance(one, BlackHole) for one in toxics):
                await changed.wait()
                continue
            if by is Latency:
                wait = delay_of(toxics, self._chance)
            else:
                wait = sum(one.delay_s for one in toxics if isinstance(one, SlowClose))
            left = came + wait - loop.time()
            if left <= 0 or not await _within(changed, left):
                return

    async def _passed(self, data: bytes) -> int:
        """Write a piece of a chunk and return its size. Raises _Ended when a limit is reached."""
        toxics = self._toxics()
        limit = next((one for one in toxics if isinstance(one, Limit)), None)
        if limit is not self._limit:
            self._limit, self._left = limit, limit.size if limit else 0
        size = len(data)
        if limit is not None:
            if self._left == 0:
                raise _Ended
            size = min(size, self._left)
            self._left -= size
        rate = min((one.bytes_per_s for one in toxics if isinstance(one, Bandwidth)), default=0)
        if rate:
            piece = min(size, max(1, int(rate * PIECE_S)))
            if limit is not None:
                self._left += size - piece
            size = piece
            await asyncio.sleep(size / rate)
        self._writer.write(data[:size])
        await self._writer.drain()
        self._proxy.passed[self._way] += size
        if limit is not None and self._left == 0:
            raise _Ended
        return size


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Say whether the event comes in that time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


class TcpProxy:
    """Listens on a free loopback port and carries each connection to `upstream`; an async context manager.

    `upstream` is (host, port), or the path of a Unix socket. Counters: `accepted` connections, `open` ones, bytes
    `passed` in each direction, `broken` by a toxic or by `cut`.
    """

    def __init__(self, upstream: tuple[str, int] | Path, *, seed: int = 0) -> None:
        self._upstream, self._seed = upstream, seed
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self.toxics: tuple[Toxic, ...] = ()
        self.changed = asyncio.Event()
        self.port = 0
        self.accepted = self.broken = 0
        self.passed: dict[Way, int] = {"up": 0, "down": 0}

    async def __aenter__(self) -> TcpProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def open(self) -> int:
        """How many connections are carried now."""
        return len(self._tasks)

    def set(self, *toxics: Toxic) -> None:
        """Spoil by these from now on, in place of what was set before."""
        self.toxics = toxics
        self.changed.set()
        self.changed = asyncio.Event()
        if any(isinstance(one, Reset) for one in toxics):
            self.cut()

    def clear(self) -> None:
        """Spoil nothing any more."""
        self.set()

    def cut(self) -> None:
        """Reset every open connection; new ones are carried as ever."""
        for writer in tuple(self._ends):
            _reset(writer)
        self.broken += len(self._tasks)
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.accepted = self.accepted, self.accepted + 1
        if any(isinstance(one, Reset) for one in self.toxics):
            self.broken += 1
            _reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._ends.add(writer)
        try:
            await self._carry(number, reader, writer)
        except asyncio.CancelledError:
            # Cut or closed by this proxy: the task ends here, and nobody waits for its outcome.
            _reset(writer)
        finally:
            self._ends.discard(writer)
            self._tasks.discard(task)

    async def _carry(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._upstream, Path):
                beyond = await asyncio.open_unix_connection(self._upstream)
            else:
                beyond = await asyncio.open_connection(*self._upstream)
        except OSError:
            _reset(writer)
            return
        self._ends.add(beyond[1])
        chances = [random.Random(f"{self._seed}-{number}-{way}") for way in WAYS]
        lanes = (
            _Lane(self, "up", chances[0], reader, beyond[1]),
            _Lane(self, "down", chances[1], beyond[0], writer),
        )
        try:
            async with asyncio.TaskGroup() as group:
                for lane in lanes:
                    group.create_task(lane.read())
                    group.create_task(lane.write())
        except* (_Ended, OSError) as ended:
            planned = ended.subgroup(_Ended) is not None
            self.broken += planned
            hard = not planned or any(isinstance(one, Limit) and one.reset for one in self.toxics)
            for end in (writer, beyond[1]):
                if hard:
                    _reset(end)
        finally:
            self._ends.discard(beyond[1])
            for end in (writer, beyond[1]):
                end.close()
