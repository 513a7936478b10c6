"""Chaos around a transport keeps the promise of `Transport`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.chaos.strategy import ChaosTransport
from autobot.testing.conformance.transport import Served
from autobot.testing.virtual_time import seeded
from tests.conformance.test_links import TestDirectTransport as Direct


class TestChaosTransport(Direct):
    """Armed, but with no chance to strike."""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Served]:
        async with super().serving() as served:
            transport = ChaosTransport(ChaosOptions(latency=60.0), served.transport, seeded(), "link")
            yield Served(transport=transport, target=served.target, other=served.other)
