"""The transport between roles keeps the promise of a call inside a process, over a real server on loopback."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from autobot.testing.conformance.calls import Call, CallsSuite, Carried, Stream
from tests.integration.role_hop.kit import role, text_wires, transport


class TestRoleTransport(CallsSuite):
    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        async with role(calls, streams) as served, transport(text_wires(*calls, *streams)) as made:
            yield Carried(made, served.address)
