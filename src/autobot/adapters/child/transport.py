"""A transport to a child process: a call starts the child if need be, and waits until it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any

from autobot.adapters.child.supervisor import Supervisor
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ConnectFailed
from autobot.kernel.resilience.operation import Operation, Transport


class ChildTransport:
    """Implements `Transport` over `inner`, whose one target is the child's socket.

    A child that just died is not known to be dead for a moment. A call that could not even connect, so that nothing of it was
    sent, waits for the next life of the child and is made once more. The child is not ended while it is asked. `looks` are
    the operations that only ask how it is: they neither start it nor keep it.
    """

    def __init__(self, inner: Transport, child: Supervisor, looks: Collection[str] = ()) -> None:
        self._inner, self._child, self._looks = inner, child, frozenset(looks)

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        if operation.name in self._looks:
            if self._child.state != "ready":
                raise ConnectFailed("Nobody needs it now, so it does not run.", target=target)
            return await self._inner.call(target, operation, payload, context)
        with self._child.in_use():
            await self._child.ready()
            life = self._child.starts
            try:
                return await self._inner.call(target, operation, payload, context)
            except ConnectFailed:
                await self._child.outlived(life)
                await self._child.ready()
                return await self._inner.call(target, operation, payload, context)

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        with self._child.in_use():
            await self._child.ready()
            async for chunk in self._inner.stream(target, operation, payload, context):
                yield chunk

    async def probe(self, target: str) -> bool | None:
        # A child that nobody needs is not started to be asked how it is.
        return await self._inner.probe(target) if self._child.state == "ready" else None

    async def close(self) -> None:
        await self._inner.close()
