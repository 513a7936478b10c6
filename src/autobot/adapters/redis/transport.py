"""What is sent to Redis, as the transport of its row of the matrix."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from autobot.adapters.redis.server import Server
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, InvalidInput
from autobot.kernel.resilience.operation import Effect, Operation

FRAMES: Final = Operation(name="frames", effect=Effect.UNSAFE)
"""Publishes frames, the payload of `Server.publish`. Twice would be worse than not at all."""
APPEND: Final = Operation(name="append", effect=Effect.IDEMPOTENT)
"""Appends to a stream: part, expected position, new position, entries, as `Server.append` takes them."""


class RedisTransport:
    """Implements `Transport` for `FRAMES` and `APPEND`. The server is its owner's to close."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Send. Raises ConnectFailed or ConnectionLost when Redis is away."""
        if operation is FRAMES:
            return await self._server.publish(payload)
        if operation is APPEND:
            return await self._server.append(*payload)
        raise InvalidInput(f"Redis is not asked to {operation.name}.")

    def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Refuse: messages are waited for by what reads them, not streamed by a call."""
        raise InvalidInput("What is sent to Redis is no stream.")

    async def probe(self, target: str) -> bool | None:
        """Ask Redis for a sign of life."""
        try:
            await self._server.do("PING")
        except AutoBotError:
            return False
        return True

    async def close(self) -> None:
        """Nothing of its own is open."""
