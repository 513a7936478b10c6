"""The gRPC transport keeps the promise of a call inside a process, over TCP and over a unix socket."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.testing.conformance.calls import Call, Carried, Stream
from autobot.testing.conformance.hops import HopsSuite
from tests.integration.grpc_hop.kit import role, transport
from tests.integration.role_hop.kit import MovableClock, text_wires

OTHER_KEY = bytes(range(1, 33))


class TestGrpcTransport(HopsSuite):
    @asynccontextmanager
    async def carrying(
        self,
        calls: Mapping[str, Call],
        streams: Mapping[str, Stream],
        path: str | None = None,
        **changes: Any,
    ) -> AsyncIterator[Carried]:
        wires = text_wires(*calls, *streams)
        async with role(calls, streams, path=path) as served, transport(wires, **changes) as made:
            yield Carried(made, served.address)

    @asynccontextmanager
    async def distrusted(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        tokens = KeyedServiceTokens(OTHER_KEY, MovableClock())
        async with self.carrying(calls, streams, tokens=tokens) as carried:
            yield carried


class TestGrpcTransportOverAUnixSocket(TestGrpcTransport):
    @asynccontextmanager
    async def carrying(
        self,
        calls: Mapping[str, Call],
        streams: Mapping[str, Stream],
        path: str | None = None,
        **changes: Any,
    ) -> AsyncIterator[Carried]:
        with TemporaryDirectory() as folder:
            socket = str(Path(folder) / "hop.sock")
            async with super().carrying(calls, streams, socket, **changes) as carried:
                yield carried
