"""What speaks gRPC in a process of a role, beside HTTP: the same handlers, the same roles table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from autobot.adapters.grpc.ai import ai_wires
from autobot.adapters.grpc.inference import inference_proto_wires
from autobot.adapters.grpc.listening import GrpcServer
from autobot.adapters.grpc.methods import AI_METHODS, INFERENCE_METHODS, Method
from autobot.adapters.grpc.transport import GrpcTransport
from autobot.bootstrap.grpc import grpc_server
from autobot.bootstrap.placing import HOPS
from autobot.bootstrap.product import Product
from autobot.bootstrap.selves import reachable
from autobot.config import Config
from autobot.gateway.hop.parts import HopParts
from autobot.kernel.links.hop_door import HopRow
from autobot.kernel.links.service_token import ServiceTokens
from autobot.kernel.links.wire import Wires


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcSide:
    """What speaks gRPC in a process of a role: the rows that it calls, and its server where others call it."""

    transports: Mapping[str, GrpcTransport]
    server: GrpcServer | None
    address: str

    async def ready(self) -> None:
        """Say that calls are taken."""
        if self.server is not None:
            await self.server.ready()

    async def leave(self) -> None:
        """Say that no calls are taken any more."""
        if self.server is not None:
            await self.server.leave()

    async def stop(self) -> None:
        """Let open calls end, and take no more."""
        if self.server is not None:
            await self.server.stop()

    async def close(self) -> None:
        """Close every connection."""
        if self.server is not None:
            await self.server.stop(0)
        for transport in self.transports.values():
            await transport.close()


async def open_side(
    product: Product, parts: HopParts, wires: Mapping[str, Wires], tokens: ServiceTokens, port: int
) -> GrpcSide:
    """Open it; its server listens and refuses calls until the role is ready.

    `wires` are those that each row has over HTTP; operations with methods of their own get typed ones.
    """
    outside, placement = product.outside, product.placement
    transports = {
        row: GrpcTransport(
            link=row,
            issuer=caller,
            audience=callee,
            wires=_typed(callee, wires[row]),
            tokens=tokens,
            clock=outside.clock,
            chance=outside.chance,
            methods=_methods(callee),
        )
        for row, (caller, callee) in HOPS.items()
        if placement.outgoing(row)
    }
    if not parts.rows:
        return GrpcSide(transports=transports, server=None, address="")
    rows = {issuer: [_typed_row(parts.role, one) for one in each] for issuer, each in parts.rows.items()}
    server = grpc_server(replace(parts, rows=rows), _methods(parts.role))
    bound = server.listen(_place(product.config, port), await asyncio.to_thread(_tls, product.config))
    await server.start()
    address = await asyncio.to_thread(reachable, replace(product.config, port=bound))
    return GrpcSide(transports=transports, server=server, address=address)


def _methods(role: str) -> tuple[Method, ...]:
    return {"ai": AI_METHODS, "npu": INFERENCE_METHODS}.get(role, ())


def _typed(role: str, wires: Wires) -> Wires:
    if role == "npu":
        return inference_proto_wires()
    return {**wires, **ai_wires()} if role == "ai" else wires


def _typed_row(role: str, row: HopRow) -> HopRow:
    return replace(row, wires=_typed(role, row.wires))


def _place(config: Config, port: int) -> str:
    return f"[{config.host}]:{port}" if ":" in config.host else f"{config.host}:{port}"


def _tls(config: Config) -> tuple[bytes, bytes] | None:
    if config.tls_cert is None or config.tls_key is None:
        return None
    return config.tls_key.read_bytes(), config.tls_cert.read_bytes()
