"""Waits for the library's answers: its errors in the project's words, and no cancellation lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

from redis import exceptions

from autobot.adapters.redis.errors import mapped

CLOSED: Final = "the handler is closed"


async def heard(call: Awaitable[Any]) -> Any:
    """Await a call of the library: errors of the tree come out, and a cancellation does, too.

    The library sends inside `asyncio.wait_for`, which in Python 3.11 loses a cancellation that comes in the
    moment when the sending ends (CPython issue 86296); the task then would go on for ever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        answer = await call
    except (exceptions.RedisError, OSError) as error:
        raise mapped(error) from error
    except RuntimeError as error:
        # What uvloop says of a connection that was cut off just before the library writes to it.
        if CLOSED not in str(error):
            raise
        raise mapped(ConnectionResetError(str(error))) from error
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer
