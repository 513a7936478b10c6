"""The direct transport: an in-process call. The callee's own exceptions pass unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent
from autobot.kernel.resilience.operation import Operation

Handler = Callable[[Any, CallContext], Coroutine[Any, Any, Any]]
StreamHandler = Callable[[Any, CallContext], AsyncIterator[Any]]


class DirectTransport:
    """Calls handlers by operation name. Handlers are registered once, at wiring.

    A handler is `async def handler(payload, context)`; a stream handler an async generator function of the
    same parameters. The answer is what the handler returns, its exceptions are the callee's own objects.
    """

    __slots__ = ("_calls", "_closed", "_streams")

    def __init__(
        self,
        calls: Mapping[str, Handler] | None = None,
        streams: Mapping[str, StreamHandler] | None = None,
    ) -> None:
        self._calls, self._streams = dict(calls or {}), dict(streams or {})
        self._closed = False

    def call(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> Coroutine[Any, Any, Any]:
        """Call the handler. Raises Absent for an operation that nobody handles."""
        handler = self._calls.get(operation.name)
        if handler is None:
            raise self._unhandled(operation)
        # The handler's own coroutine: one frame less on every hop inside the process.
        return handler(payload, context)

    def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Yield what the handler yields. Raises Absent for an operation that nobody handles."""
        handler = self._streams.get(operation.name)
        if handler is None:
            raise self._unhandled(operation)
        return handler(payload, context)

    async def probe(self, target: str) -> bool | None:
        """There is nothing to ask: who is in the process is there."""
        return None

    async def close(self) -> None:
        """Let go of the handlers; calls after it find none."""
        self._calls, self._streams = {}, {}
        self._closed = True

    def _unhandled(self, operation: Operation) -> Absent:
        if self._closed:
            return Absent("handler", f"{operation.name} is shut down.", hint="Start AutoBot again.")
        return Absent(
            "handler",
            f"Nothing in this process handles {operation.name} on this link.",
            hint="autobot doctor",
        )
