"""What `Transport` promises. Subclass, and override `serving`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.resilience.operation import Effect, Operation, Transport

ECHO: Final = Operation(name="echo", effect=Effect.FREE)
FAIL: Final = Operation(name="fail", effect=Effect.FREE)
HANG: Final = Operation(name="hang", effect=Effect.FREE)
COUNT: Final = Operation(name="count", effect=Effect.FREE)
ENDLESS: Final = Operation(name="endless", effect=Effect.FREE)
BREAK: Final = Operation(name="break", effect=Effect.FREE)

CONTEXT: Final = CallContext(
    correlation_id="conformance", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)
PATIENCE_S: Final = 10.0
"""Seconds after which a test gives up on what should have happened at once."""


@dataclass(slots=True)
class Other:
    """What the other side saw. Operations that begin and leave are noted by the implementation under test.

    `begun` counts how often each operation was begun; `hanging` is set when *hang* is being served, `left`
    when *hang* or *endless* stopped being served.
    """

    begun: dict[str, int] = field(default_factory=dict)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def begins(self, operation: str) -> None:
        """Note that an operation reached the other side."""
        self.begun[operation] = self.begun.get(operation, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A transport whose other side serves the operations above, for the block of `serving`.

    *echo* answers its text, *fail* raises or answers an error, *hang* waits for ever, *count* streams `a`,
    `b`, `c`, *endless* streams without end, *break* streams `a` and then fails.
    """

    transport: Transport
    target: str
    other: Other


class TransportSuite(ABC):
    """Carries calls to targets."""

    failures: tuple[type[BaseException], ...] = (AutoBotError,)
    """What a call may raise; a direct transport also lets the callee's own errors pass."""

    @abstractmethod
    def serving(self) -> AbstractAsyncContextManager[Served]:
        """Serve the operations for a block."""

    @abstractmethod
    def payload(self, operation: Operation, text: str) -> Any:
        """Return what is sent for an operation."""

    def text(self, answer: Any) -> str:
        """Return the text of an answer or a chunk."""
        return str(answer)

    async def _call(self, served: Served, operation: Operation, text: str = "") -> str:
        payload = self.payload(operation, text)
        return self.text(await served.transport.call(served.target, operation, payload, CONTEXT))

    def _stream(self, served: Served, operation: Operation) -> AsyncIterator[Any]:
        return served.transport.stream(served.target, operation, self.payload(operation, ""), CONTEXT)

    @pytest.mark.anyio
    async def test_answers(self) -> None:
        """A call's answer is the other side's."""
        async with self.serving() as served:
            assert await self._call(served, ECHO, "grüße") == "grüße"

    @pytest.mark.anyio
    async def test_serves_many_at_once(self) -> None:
        """Calls side by side get each its own answer."""
        async with self.serving() as served:
            texts = [f"text {number}" for number in range(50)]
            answers = await asyncio.gather(*(self._call(served, ECHO, text) for text in texts))
        assert answers == texts

    @pytest.mark.anyio
    async def test_fails_with_known_errors(self) -> None:
        """A failed call raises an error of the tree, and the transport goes on working."""
        async with self.serving() as served:
            with pytest.raises(self.failures):
                await self._call(served, FAIL)
            assert await self._call(served, ECHO, "still there") == "still there"

    @pytest.mark.anyio
    async def test_cancellation_stops_the_work(self) -> None:
        """A cancelled call ends at once, and the other side notices."""
        async with self.serving() as served:
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(self._call(served, HANG))
                async with asyncio.timeout(PATIENCE_S):
                    await served.other.hanging.wait()
                waiting.cancel()
            async with asyncio.timeout(PATIENCE_S):
                await served.other.left.wait()
            assert waiting.cancelled()
            assert await self._call(served, ECHO, "next") == "next"

    @pytest.mark.anyio
    async def test_streams_in_order(self) -> None:
        """A stream's chunks arrive whole and in order."""
        async with self.serving() as served:
            assert "".join([self.text(chunk) async for chunk in self._stream(served, COUNT)]) == "abc"

    @pytest.mark.anyio
    async def test_a_stream_starts_nothing_before_it_is_read(self) -> None:
        """Who makes a stream and never reads it has called nobody."""
        async with self.serving() as served:
            chunks = self._stream(served, COUNT)
            assert await self._call(served, ECHO, "after") == "after"
            assert served.other.begun.get("count", 0) == 0
            await _close(chunks)

    @pytest.mark.anyio
    async def test_closing_a_stream_stops_the_other_side(self) -> None:
        """A reader that goes away is noticed, whatever was still to come."""
        async with self.serving() as served:
            chunks = self._stream(served, ENDLESS)
            await anext(chunks)
            await _close(chunks)
            async with asyncio.timeout(PATIENCE_S):
                await served.other.left.wait()
            assert await self._call(served, ECHO, "next") == "next"

    @pytest.mark.anyio
    async def test_a_stream_that_breaks_raises_after_its_chunks(self) -> None:
        """What arrived before the break is delivered, then the error is raised; the end is never pretended."""
        async with self.serving() as served:
            got: list[str] = []
            with pytest.raises(self.failures):
                await self._read(served, got)
            assert "".join(got) == "a"

    async def _read(self, served: Served, got: list[str]) -> None:
        async for chunk in self._stream(served, BREAK):
            got.append(self.text(chunk))

    @pytest.mark.anyio
    async def test_a_probe_tells_whether_the_target_is_well(self) -> None:
        """A target that serves is well, or has no cheap way to ask."""
        async with self.serving() as served:
            assert await served.transport.probe(served.target) in {True, None}

    @pytest.mark.anyio
    async def test_nothing_works_after_close(self) -> None:
        """Calls and streams on a closed transport fail; closing twice is fine."""
        async with self.serving() as served:
            await served.transport.close()
            await served.transport.close()
            with pytest.raises(AutoBotError):
                await self._call(served, ECHO, "x")
            with pytest.raises(AutoBotError):
                await anext(self._stream(served, COUNT))


async def _close(chunks: AsyncIterator[Any]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
