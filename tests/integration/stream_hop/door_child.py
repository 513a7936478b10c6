"""A process of a role that takes calls from a stream: it says that it was asked, and then works for ever, or answers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator

from autobot.adapters.redis.call_door import CallDoor
from autobot.adapters.redis.server import Server
from autobot.gateway.hop.parts import HopLimits
from autobot.kernel.core.context import CallContext
from tests.integration.role_hop.kit import MovableClock, parts_of

FOR_EVER = "for ever"


async def work(payload: str, context: CallContext) -> str:
    """Answer, or work for ever."""
    print("asked", flush=True)
    if payload == FOR_EVER:
        await asyncio.Event().wait()
    return payload


async def tell(payload: str, context: CallContext) -> AsyncIterator[str]:
    """Begin an answer that never goes on."""
    yield payload
    print("asked", flush=True)
    await asyncio.Event().wait()


async def main(url: str) -> None:
    """Take calls until killed."""
    clock, server = MovableClock(), Server(url)
    parts, _, _ = parts_of({"work": work}, {"tell": tell}, None, HopLimits(), clock)
    door = CallDoor(parts.door(), server, clock, f"backend-{os.getpid()}")
    async with asyncio.TaskGroup() as group:
        group.create_task(door.run())
        await door.heard.wait()
        door.take()
        print("takes calls", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
