"""The gRPC transport keeps the promise of a call inside a process, over TCP and over a unix socket."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from autobot.testing.conformance.calls import Call, CallsSuite, Carried, Stream
from tests.integration.grpc_hop.kit import role, transport
from tests.integration.role_hop.kit import text_wires


class TestGrpcTransport(CallsSuite):
    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        async with role(calls, streams) as served, transport(text_wires(*calls, *streams)) as made:
            yield Carried(made, served.address)


class TestGrpcTransportOverAUnixSocket(CallsSuite):
    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        with TemporaryDirectory() as folder:
            path = str(Path(folder) / "hop.sock")
            async with (
                role(calls, streams, path=path) as served,
                transport(text_wires(*calls, *streams)) as made,
            ):
                yield Carried(made, served.address)
