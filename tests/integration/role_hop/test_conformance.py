"""The transport between roles keeps the promise of `Transport`, over a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.resilience.operation import Operation
from autobot.testing.conformance.transport import Other, Served, TransportSuite
from tests.integration.role_hop.kit import role, text_wires, transport


class CalleeError(Exception):
    """An error of the callee's own."""


def handlers(other: Other) -> tuple[dict[str, Any], dict[str, Any]]:
    """The operations of the suite."""

    async def echo(payload: str, context: CallContext) -> str:
        return payload

    async def fail(payload: str, context: CallContext) -> str:
        raise CalleeError

    async def hang(payload: str, context: CallContext) -> str:
        other.hanging.set()
        try:
            await asyncio.Event().wait()
        finally:
            other.left.set()
        raise AssertionError

    async def letters(payload: str, context: CallContext) -> AsyncIterator[str]:
        other.begins("count")
        for letter in "abc":
            yield letter

    async def endless(payload: str, context: CallContext) -> AsyncIterator[str]:
        try:
            while True:
                yield "."
        finally:
            other.left.set()

    async def breaking(payload: str, context: CallContext) -> AsyncIterator[str]:
        yield "a"
        raise CalleeError

    return {"echo": echo, "fail": fail, "hang": hang}, {
        "count": letters,
        "endless": endless,
        "break": breaking,
    }


class TestRoleTransport(TransportSuite):
    def payload(self, operation: Operation, text: str) -> Any:
        return text

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Served]:
        other = Other()
        calls, streams = handlers(other)
        async with role(calls, streams) as served, transport(text_wires(*calls, *streams)) as made:
            yield Served(transport=made, target=served.address, other=other)
