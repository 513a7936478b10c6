"""The link registry keeps the promise of `Links`, the direct transport that of `Transport`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.testing.conformance.calls import Call, CallsSuite, Carried, Stream
from autobot.testing.conformance.links import ROW, CalleeError, LinksSuite, Wiring
from autobot.testing.virtual_time import FixedChance, ManualClock


async def echo(payload: Any, context: CallContext) -> Any:
    """Answer the payload."""
    return payload


async def fail(payload: Any, context: CallContext) -> Any:
    """Raise an error of the callee's own."""
    raise CalleeError


async def count(payload: Any, context: CallContext) -> AsyncIterator[int]:
    """Yield 1, 2, 3."""
    for number in (1, 2, 3):
        yield number


class TestLinkRegistry(LinksSuite):
    def wiring(self) -> Wiring:
        clock: Clock = ManualClock()
        rows = {ROW: {"pattern": "direct", "transport": "direct", "error_handling": "propagate"}}
        registry = LinkRegistry(Matrix(rows), clock, FixedChance())
        transport = DirectTransport({"echo": echo, "fail": fail}, {"count": count})
        registry.wire(ROW, Wired(transport=transport, targets=("local",)))
        return Wiring(links=registry, delete=lambda: registry.apply(ROW, {"deleted": True}))


class TestDirectTransport(CallsSuite):
    failures = (AutoBotError, CalleeError)

    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        yield Carried(DirectTransport(calls, streams), "local")
