"""The direct transport: an in-process call. The callee's own exceptions pass unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent
from autobot.kernel.resilience.operation import Operation

Handler = Callable[[Any, CallContext], Awaitable[Any]]
StreamHandler = Callable[[Any, CallContext], AsyncIterator[Any]]


class DirectTransport:
    """Calls handlers by operation name. Handlers are registered once, at wiring."""

    def __init__(
        self, calls: Mapping[str, Handler] | None = None, streams: Mapping[str, StreamHandler] | None = None
    ) -> None:
        self._calls, self._streams = dict(calls or {}), dict(streams or {})

    def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Awaitable[Any]:
        """Call the handler. Raises Absent for an operation that nobody handles."""
        handler = self._calls.get(operation.name)
        if handler is None:
            raise _unhandled(operation)
        return handler(payload, context)

    def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Yield what the handler yields."""
        handler = self._streams.get(operation.name)
        if handler is None:
            raise _unhandled(operation)
        return handler(payload, context)

    async def probe(self, target: str) -> bool | None:
        """There is nothing to ask."""
        return None

    async def close(self) -> None:
        """There is nothing to close."""


def _unhandled(operation: Operation) -> Absent:
    return Absent(
        "handler",
        f"Nothing in this process handles {operation.name} on this link.",
        hint="autobot doctor",
    )
