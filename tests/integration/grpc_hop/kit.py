"""What the tests of hops over gRPC share: a role on a real server, and a transport to it."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import grpc

from autobot.adapters.grpc.listening import GrpcServer
from autobot.adapters.grpc.transport import GrpcTransport, open_channel
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.bootstrap.grpc import grpc_server
from autobot.gateway.hop.parts import HopLimits, HopParts
from autobot.kernel.links.hop_door import Handler, StreamHandler
from autobot.kernel.links.wire import Wire
from tests.integration.role_hop.kit import KEY, ROW, Heard, MovableClock, parts_of


@dataclass
class Role:
    """A role that serves, and what reaches into it."""

    address: str
    parts: HopParts
    heard: Heard
    server: GrpcServer


async def settled(address: str) -> None:
    """Wait for one exchange more.

    What the library has to tell of earlier calls is told before; told after the end of their loop, it would end the loop
    of the next test.
    """
    async with open_channel(address) as channel:
        with suppress(grpc.aio.AioRpcError):
            await channel.unary_unary("/none/None")(b"")


@asynccontextmanager
async def role(
    calls: Mapping[str, Handler] | None = None,
    streams: Mapping[str, StreamHandler] | None = None,
    *,
    wires: Mapping[str, Wire] | None = None,
    limits: HopLimits | None = None,
    clock: MovableClock | None = None,
    path: str | None = None,
    methods: Any = (),
    tls: tuple[bytes, bytes] | None = None,
    **changes: Any,
) -> AsyncIterator[Role]:
    """Serve a role called `backend` to one called `gateway`, on a free port of 127.0.0.1 or at a path."""
    parts, heard, _ = parts_of(
        calls or {}, streams or {}, wires, limits or HopLimits(), clock or MovableClock()
    )
    parts = replace(parts, **changes)
    server = grpc_server(parts, methods)
    port = server.listen(f"unix:{path}" if path else "127.0.0.1:0", tls)
    await server.start()
    await server.ready()
    try:
        address = f"unix:{path}" if path else f"http{'s' if tls else ''}://127.0.0.1:{port}"
        yield Role(address, parts, heard, server)
    finally:
        await settled(address)
        await server.stop(0)


@asynccontextmanager
async def transport(
    wires: Mapping[str, Wire], clock: MovableClock | None = None, **changes: Any
) -> AsyncIterator[GrpcTransport]:
    """A transport from the role `gateway` to a role `backend`."""
    clock = clock or MovableClock()
    given: dict[str, Any] = {
        "link": ROW,
        "issuer": "gateway",
        "audience": "backend",
        "wires": wires,
        "tokens": KeyedServiceTokens(KEY, clock),
        "clock": clock,
        "chance": random.Random(2),
        **changes,
    }
    made = GrpcTransport(**given)
    try:
        yield made
    finally:
        await made.close()
