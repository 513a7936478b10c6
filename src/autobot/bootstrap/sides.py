"""What carries rows between roles besides HTTP, in one process: gRPC, and streams of Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from autobot.adapters.redis.call_door import CallDoor
from autobot.adapters.redis.calls import StreamCalls
from autobot.adapters.redis.server import Server
from autobot.bootstrap.placing import HOPS, WORKER_ROW
from autobot.bootstrap.product import Product
from autobot.gateway.hop.parts import HopParts
from autobot.kernel.links.row import TransportName
from autobot.kernel.links.service_token import ServiceTokens
from autobot.kernel.links.wire import Wires
from autobot.kernel.resilience.operation import Transport

if TYPE_CHECKING:
    from autobot.bootstrap.grpc_side import GrpcSide

GRACE_S: Final = 10.0
"""Seconds that open calls get to end after a stop was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSide:
    """What goes by streams: the rows that are called, and what takes the calls of this role where others call it."""

    transports: Mapping[str, StreamCalls]
    door: CallDoor | None

    async def run(self) -> None:
        """Hear answers and take calls until cancelled."""
        async with asyncio.TaskGroup() as group:
            for one in self.transports.values():
                group.create_task(one.run())
            if self.door is not None:
                group.create_task(self.door.run())


@dataclass(slots=True, kw_only=True)
class Sides:
    """Both, as far as they are there; `open_grpc` and `open_stream` make them when a row first asks for one.

    What was opened stays until the process ends: calls that are under way end where they began.
    """

    open_grpc: Callable[[], Awaitable[GrpcSide]]
    open_stream: Callable[[], StreamSide]
    grpc: GrpcSide | None = None
    stream: StreamSide | None = None
    _taking: bool = False
    _streaming: asyncio.Event = field(default_factory=asyncio.Event)

    async def open_for(self, words: Collection[TransportName]) -> bool:
        """Open what carries these words and is not there yet; returns whether anything came.

        Raises Absent without gRPC's libraries, ConfigurationError when its port is taken.
        """
        came = False
        if "stream" in words and self.stream is None:
            self.stream, came = self.open_stream(), True
            self._streaming.set()
            if self._taking and self.stream.door is not None:
                self.stream.door.take()
        if "grpc" in words and self.grpc is None:
            self.grpc, came = await self.open_grpc(), True
            if self._taking:
                await self.grpc.ready()
        return came

    @property
    def others(self) -> Mapping[str, Mapping[TransportName, Transport]]:
        """Return the transports of each row by their word."""
        found: dict[str, dict[TransportName, Transport]] = {row: {} for row in HOPS}
        for row, over in (self.grpc.transports if self.grpc else {}).items():
            found[row]["grpc"] = over
        for row, by in (self.stream.transports if self.stream else {}).items():
            found[row]["stream"] = by
        return found

    async def run(self) -> None:
        """Do what is to be done beside the calls, until cancelled."""
        await self._streaming.wait()
        assert self.stream is not None
        await self.stream.run()

    async def ready(self) -> None:
        """Take calls, from now on also by what is opened later."""
        self._taking = True
        if self.stream is not None and self.stream.door is not None:
            self.stream.door.take()
        if self.grpc is not None:
            await self.grpc.ready()

    async def leave(self) -> None:
        """Take no more calls of those that anybody of the role may take, and say so to who probes."""
        self._taking = False
        if self.stream is not None and self.stream.door is not None:
            self.stream.door.leave()
        if self.grpc is not None:
            await self.grpc.leave()

    async def stop(self) -> None:
        """Let open calls end, and take no more."""
        async with asyncio.TaskGroup() as group:
            if self.stream is not None and self.stream.door is not None:
                group.create_task(self.stream.door.ended(GRACE_S))
            if self.grpc is not None:
                group.create_task(self.grpc.stop())

    async def close(self) -> None:
        """Close every connection."""
        for one in (self.stream.transports if self.stream else {}).values():
            await one.close()
        if self.grpc is not None:
            await self.grpc.close()


def open_streams(
    product: Product, parts: HopParts, wires: Mapping[str, Wires], tokens: ServiceTokens, server: Server
) -> StreamSide:
    """Return what carries the rows of this process by streams, with the wires that each has over HTTP."""
    outside, placement = product.outside, product.placement
    transports = {
        row: StreamCalls(
            link=row,
            issuer=caller,
            audience=callee,
            wires=wires[row],
            tokens=tokens,
            server=server,
            clock=outside.clock,
            chance=outside.chance,
            ids=outside.ids,
        )
        for row, (caller, callee) in HOPS.items()
        # A worker has no Redis to take calls from.
        if placement.outgoing(row) and row != WORKER_ROW
    }
    door = CallDoor(parts.door(), server, outside.clock, product.own.id) if parts.rows else None
    return StreamSide(transports=transports, door=door)
