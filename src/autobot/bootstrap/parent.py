"""The life of a process that may be the child of `autobot up --scaled`: a child ends when its parent does."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

READY: Final = "Takes work at "
"""How the line begins that a process of a role, or a worker, prints when it is ready."""
ORPHAN_S: Final = 15.0
"""Seconds that a child gets to leave in order when its parent is gone."""


@dataclass(frozen=True, slots=True)
class Life:
    """Told to stop, and whether there is work in hand that stopping must finish."""

    stop: asyncio.Event
    working: asyncio.Event


async def lived(serve: Callable[[Life], Coroutine[Any, Any, int]], *, child: bool) -> int:
    """Serve and return the exit code; a child ends with its parent, also one that still waits for a database that is away."""
    life = Life(asyncio.Event(), asyncio.Event())
    if not child:
        return await serve(life)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve(life))
        watching = group.create_task(_parent_ended(life, serving))
        await asyncio.wait({serving})
        watching.cancel()
    return 0 if serving.cancelled() else serving.result()


async def _parent_ended(life: Life, serving: asyncio.Task[int]) -> None:
    """Stop when the parent is gone, however it went: the pipe that it held is at its end then."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while await reader.read(1024):
        pass
    life.stop.set()
    if not life.working.is_set():
        serving.cancel()
    await asyncio.sleep(ORPHAN_S)
    # The database may be away for ever, and nobody is left who would end us: the next life recovers what is open.
    os._exit(1)
