"""What a transport between two processes promises besides `CallsSuite`: who is not believed reaches nothing, and time ends work.

HTTP, gRPC and streams pass it. Subclass, and override `carrying` and `distrusted`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Final

import pytest

from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ConnectionLost, DeadlineExceeded, RemoteError
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.ports import Link
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.testing.conformance.calls import CALLER, Call, CallsSuite, Carried, Stream
from autobot.testing.conformance.transport import PATIENCE_S
from autobot.testing.virtual_time import FixedChance

ROW: Final = "gateway-ai"
RETRIED: Final = {
    "pattern": "streaming",
    "transport": "http",
    "error_handling": "propagate",
    "idempotency": "effect-free",
    "timeout": 30.0,
    "retry": {"max": 2, "backoff": "fixed", "delay": 0.001},
}
ASK: Final = Operation(name="ask", effect=Effect.FREE)
TELL: Final = Operation(name="tell", effect=Effect.FREE)
SHORT_S: Final = 0.3
"""Seconds of a caller that does not wait for long."""
UNAUTHENTICATED: Final = 401


class _Noted:
    """Handlers that never end by themselves, and what became of them."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = asyncio.Event()

    async def ask(self, payload: str, context: CallContext) -> str:
        """Wait for ever."""
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        raise AssertionError("unreachable")

    async def tell(self, payload: str, context: CallContext) -> AsyncIterator[str]:
        """Say one thing, then wait for ever."""
        yield "a"
        yield await self.ask(payload, context)

    @property
    def served(self) -> tuple[Mapping[str, Call], Mapping[str, Stream]]:
        """Both by name."""
        return {"ask": self.ask}, {"tell": self.tell}


class HopsSuite(CallsSuite):
    """Carries calls between processes, under service tokens."""

    @abstractmethod
    def distrusted(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AbstractAsyncContextManager[Carried]:
        """Serve these handlers for a block, to a caller whose tokens are signed with another key."""

    async def _asked(self, carried: Carried, way: Operation, context: CallContext) -> list[str]:
        if way is ASK:
            return [await carried.transport.call(carried.target, ASK, "", context)]
        chunks = carried.transport.stream(carried.target, TELL, "", context)
        return [chunk async for chunk in chunks]

    @pytest.mark.anyio
    @pytest.mark.parametrize("way", [ASK, TELL], ids=lambda way: way.name)
    async def test_a_token_of_another_key_reaches_nothing(self, way: Operation) -> None:
        """It is refused as unauthenticated, the handler never begins, and what to mend is told."""
        noted = _Noted()
        async with self.distrusted(*noted.served) as carried:
            with pytest.raises(RemoteError) as found:
                await self._asked(carried, way, CALLER)
        assert (found.value.status, noted.begun) == (UNAUTHENTICATED, 0)
        assert found.value.hint

    @pytest.mark.anyio
    @pytest.mark.parametrize("way", [ASK, TELL], ids=lambda way: way.name)
    async def test_the_end_of_the_callers_time_ends_the_work(self, way: Operation) -> None:
        """The handler is cancelled when the caller's time is up, and the caller hears that it was."""
        noted = _Noted()
        async with self.carrying(*noted.served) as carried:
            ends = asyncio.get_running_loop().time() + SHORT_S
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(DeadlineExceeded):
                    await self._asked(carried, way, replace(CALLER, deadline=ends))
                await noted.ended.wait()

    @pytest.mark.anyio
    @pytest.mark.parametrize("way", [ASK, TELL], ids=lambda way: way.name)
    async def test_what_is_too_late_never_begins(self, way: Operation) -> None:
        """A call whose time was spent before it arrived is answered so, without work."""
        noted = _Noted()
        async with self.carrying(*noted.served) as carried:
            past = asyncio.get_running_loop().time() - 1.0
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(DeadlineExceeded):
                    await self._asked(carried, way, replace(CALLER, deadline=past))
        assert noted.begun == 0

    @pytest.mark.anyio
    @pytest.mark.parametrize("chunks", [0, 1])
    async def test_nothing_is_begun_again_after_the_first_chunk(self, chunks: int) -> None:
        """On a row with two retries a break before the first chunk is tried again, after it never."""
        begun: list[str] = []

        async def tell(payload: str, context: CallContext) -> AsyncIterator[str]:
            begun.append(payload)
            for _ in range(chunks):
                yield "a"
            raise ConnectionLost("broken", link=ROW)

        got: list[str] = []
        async with self.carrying({}, {"tell": tell}) as carried:
            link, registry = _linked(carried)
            with pytest.raises(ConnectionLost):
                await _read(link.stream(TELL, "", replace(CALLER, attempt=0)), got)
            await registry.close()
        assert got == ["a"] * chunks
        assert len(begun) == (1 if chunks else 3)


def _linked(carried: Carried) -> tuple[Link, LinkRegistry]:
    registry = LinkRegistry(Matrix({ROW: RETRIED}), SystemClock(), FixedChance(0.0))
    registry.wire(ROW, Wired(transport=carried.transport, targets=(carried.target,)))
    return registry.link(ROW), registry


async def _read(chunks: AsyncIterator[Any], got: list[str]) -> None:
    async for chunk in chunks:
        got.append(chunk)
