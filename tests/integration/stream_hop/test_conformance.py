"""The stream transport keeps the promise of a call inside a process, over a real server."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from autobot.testing.conformance.calls import Call, Carried, Stream
from autobot.testing.conformance.hops import HopsSuite
from tests.integration.role_hop.kit import KEY
from tests.integration.stream_hop.kit import hop

OTHER_KEY = bytes(range(1, 33))


class TestStreamCalls(HopsSuite):
    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream], key: bytes = KEY
    ) -> AsyncIterator[Carried]:
        async with hop(calls, streams, key) as made:
            yield Carried(made.transport, made.target)

    @asynccontextmanager
    async def distrusted(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        async with self.carrying(calls, streams, OTHER_KEY) as carried:
            yield carried
