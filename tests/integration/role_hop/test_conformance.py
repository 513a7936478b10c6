"""The transport between roles keeps the promise of a call inside a process, over a real server on loopback."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.gateway.hop.parts import HopParts
from autobot.testing.conformance.calls import Call, Carried, Stream
from autobot.testing.conformance.hops import HopsSuite
from tests.integration.role_hop.kit import MovableClock, role, text_wires, transport

OTHER_KEY = bytes(range(1, 33))


class TestRoleTransport(HopsSuite):
    kind: type[HopParts] = HopParts

    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream], **changes: Any
    ) -> AsyncIterator[Carried]:
        wires = text_wires(*calls, *streams)
        async with (
            role(calls, streams, kind=type(self).kind) as served,
            transport(wires, **changes) as made,
        ):
            yield Carried(made, served.address)

    @asynccontextmanager
    async def distrusted(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        async with self.carrying(
            calls, streams, tokens=KeyedServiceTokens(OTHER_KEY, MovableClock())
        ) as carried:
            yield carried
