"""What the library raises comes out in the project's words."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from autobot.adapters.redis.hearing import heard
from autobot.kernel.core.errors import ConnectionLost

pytestmark = pytest.mark.anyio


async def failing(error: Exception) -> None:
    """Fail."""
    raise error


def test_a_connection_that_uvloop_has_closed_is_a_lost_one() -> None:
    """Writing to a transport that was closed a moment before raises no error of sockets, and is a lost connection."""

    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except ConnectionError:
            pass
        writer.close()
        ended.set()

    async def main() -> None:
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])

            async def write_too_late() -> None:
                writer.transport.abort()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                writer.writelines([b"PING"])

            with pytest.raises(ConnectionLost):
                await heard(write_too_late())
            await ended.wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def test_other_errors_of_programming_pass() -> None:
    """A mistake of ours is not told as a broken connection."""
    with pytest.raises(RuntimeError, match="ours"):
        await heard(failing(RuntimeError("a mistake of ours")))
