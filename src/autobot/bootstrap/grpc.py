"""Servers and transports of gRPC, joined to the door and the documents that HTTP has. Needs the extra `grpc`."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from autobot.adapters.grpc.inference import inference_proto_wires
from autobot.adapters.grpc.listening import GrpcServer
from autobot.adapters.grpc.methods import INFERENCE_METHODS, Method
from autobot.adapters.grpc.server import GrpcHop, Refusal
from autobot.adapters.grpc.transport import GrpcTransport
from autobot.bootstrap.outside import Outside
from autobot.gateway.hop.answers import refusal
from autobot.gateway.hop.parts import HopParts
from autobot.kernel.links.service_token import ServiceTokens


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


def inference_transport(row: str, tokens: ServiceTokens, outside: Outside) -> GrpcTransport:
    """Return what carries the calls of the ai role to workers for inference."""
    return GrpcTransport(
        link=row,
        issuer="ai",
        audience="npu",
        wires=inference_proto_wires(),
        tokens=tokens,
        clock=outside.clock,
        chance=outside.chance,
        methods=INFERENCE_METHODS,
    )
