"""Chaos as a transport around the transport, so that everything outside it sees a real fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ChaosInjected, ConnectionLost
from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.operation import Operation, Transport


class ChaosTransport:
    """Adds the faults of `options` to each attempt on `inner`; keeps the contract of Transport."""

    def __init__(self, options: ChaosOptions, inner: Transport, chance: Chance, link: str) -> None:
        self._options = options
        self._inner = inner
        self._chance = chance
        self._link = link

    def _strikes(self, rate: float) -> bool:
        return rate > 0.0 and self._chance.random() < rate

    async def _before(self, target: str) -> None:
        options = self._options
        if self._strikes(options.latency_rate):
            await asyncio.sleep(options.latency)
        if self._strikes(options.fault_rate):
            raise ChaosInjected(
                "A fault that an operator switched on for this link.", link=self._link, target=target
            )

    def _abort(self, target: str) -> ConnectionLost:
        return ConnectionLost(
            "The answer was cut off by chaos that an operator switched on for this link.",
            link=self._link,
            target=target,
        )

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Call, late, not at all, or without handing the answer over."""
        aborts = self._strikes(self._options.abort_rate)
        await self._before(target)
        answer = await self._inner.call(target, operation, payload, context)
        if aborts:
            raise self._abort(target)
        return answer

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Stream, late, not at all, or broken off after the first chunk."""
        aborts = self._strikes(self._options.abort_rate)
        await self._before(target)
        chunks = self._inner.stream(target, operation, payload, context)
        async with aclosing(chunks):  # type: ignore[type-var] # a transport's iterator can be closed, by its contract
            async for chunk in chunks:
                yield chunk
                if aborts:
                    raise self._abort(target)

    async def probe(self, target: str) -> bool | None:
        """Ask the target itself: probes tell the truth about it."""
        return await self._inner.probe(target)

    async def close(self) -> None:
        """Release the connections of the inner transport."""
        await self._inner.close()
