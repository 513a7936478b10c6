"""Serves the rows of a role over gRPC, beside HTTP: the same door, the same handlers. Needs the extra `grpc`."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from autobot.adapters.grpc.listening import GrpcServer
from autobot.adapters.grpc.methods import Method
from autobot.adapters.grpc.server import GrpcHop, Refusal
from autobot.gateway.hop.answers import refusal
from autobot.gateway.hop.parts import HopParts


def grpc_server(parts: HopParts, methods: Iterable[Method] = ()) -> GrpcServer:
    """Return a server of the rows in `parts`, whose wires are those of `methods` where an operation has one.

    Made in a running loop; it is its caller's to start and to stop.
    """
    now = parts.clock.monotonic

    def document(found: Refusal) -> bytes:
        _, members = refusal(
            found.error,
            request_id=parts.ids.new(),
            correlation_id=found.correlation_id,
            now=now(),
            told=found.told,
            unready=found.unready,
            most=found.most,
        )
        return orjson.dumps(members)

    limits = parts.limits
    hop = GrpcHop(
        parts.door(),
        parts.clock,
        document,
        methods,
        answer_max=limits.answer_bytes,
        chunk_max=limits.frame_bytes,
    )
    return GrpcServer(hop, payload_max=limits.payload_bytes)
