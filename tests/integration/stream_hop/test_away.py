"""A stream that is emptied or away, calls that nobody takes, and entries that are none."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, ConnectFailed, ConnectionLost, DeadlineExceeded
from tests.integration.role_hop.kit import CONTEXT, PATIENCE_S, operation
from tests.integration.stream_hop.kit import Hop, hop

ECHO, HANG, COUNT = operation("echo"), operation("hang"), operation("count")


async def echo(payload: str, context: CallContext) -> str:
    """Answer the payload."""
    return payload


async def until_answered(made: Hop) -> str:
    """Call until a call is answered."""
    async with asyncio.timeout(PATIENCE_S * 2):
        while True:
            try:
                async with asyncio.timeout(1.0):
                    return str(await made.transport.call(made.target, ECHO, "back", CONTEXT))
            except (AutoBotError, TimeoutError):
                continue


@pytest.mark.anyio
async def test_a_call_ends_when_its_answer_cannot_be_heard_any_more() -> None:
    """The server goes away under a call: it fails as a lost connection, and the next ones are answered when it is back."""
    hanging = asyncio.Event()

    async def hang(payload: str, context: CallContext) -> str:
        hanging.set()
        await asyncio.Event().wait()
        return payload

    async with hop({"echo": echo, "hang": hang}, {}) as made:
        async with asyncio.TaskGroup() as group:

            async def call() -> None:
                with pytest.raises(ConnectionLost):
                    await made.transport.call(made.target, HANG, "", CONTEXT)

            group.create_task(call())
            await hanging.wait()
            await asyncio.to_thread(made.valkey.kill)
        assert await made.transport.probe(made.target) is False
        with pytest.raises((ConnectFailed, ConnectionLost)):
            await made.transport.call(made.target, ECHO, "", CONTEXT)
        await asyncio.to_thread(made.valkey.start)
        assert await until_answered(made) == "back"


@pytest.mark.anyio
async def test_a_stream_that_was_emptied_is_made_again() -> None:
    """FLUSHALL takes stream and group away: calls after it are answered."""
    async with hop({"echo": echo}, {}) as made:
        assert await made.transport.call(made.target, ECHO, "before", CONTEXT) == "before"
        await made.server.do("FLUSHALL")
        assert await until_answered(made) == "back"


@pytest.mark.anyio
async def test_a_call_that_nobody_took_in_time_never_begins() -> None:
    """It waits in the stream until its caller's time is over; who takes it later answers without work."""
    begun: list[str] = []

    async def noted(payload: str, context: CallContext) -> str:
        begun.append(payload)
        return payload

    async with hop({"noted": noted}, {}, taken=False) as made:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:

            async def late() -> None:
                soon = replace(CONTEXT, deadline=loop.time() + 0.2)
                with pytest.raises(DeadlineExceeded):
                    await made.transport.call(made.target, operation("noted"), "late", soon)

            waiting = group.create_task(late())
            over = asyncio.Event()
            loop.call_later(0.4, over.set)
            await over.wait()
            assert not waiting.done()
            made.door.take()
        assert await made.transport.call(made.target, operation("noted"), "next", CONTEXT) == "next"
        assert begun == ["next"]


@pytest.mark.anyio
async def test_what_is_no_call_disturbs_nobody() -> None:
    """Entries without a form, to channels that are none, and words of nobody are passed over."""
    async with hop({"echo": echo}, {}) as made:
        key = "autobot:calls:{backend}"
        for words in (
            ("x", "y"),
            ("id", "1", "to", "elsewhere", "operation", "echo", "fields", "{}", "body", ""),
        ):
            await made.server.do("XADD", key, "*", *words)
        await made.server.publish([("autobot:words:backend", b"garbage"), ("autobot:words:backend", b"")])
        assert await made.transport.call(made.target, ECHO, "x", CONTEXT) == "x"
        assert int(await made.server.do("XLEN", key)) == 0


@pytest.mark.anyio
async def test_a_slow_reader_is_not_run_over() -> None:
    """Of a stream without end no more than a window is made ahead of who reads it."""
    told = 0

    async def count(payload: str, context: CallContext) -> AsyncIterator[str]:
        nonlocal told
        while True:
            told += 1
            yield str(told)

    async with hop({"echo": echo}, {"count": count}) as made:
        chunks = made.transport.stream(made.target, COUNT, "", CONTEXT)
        assert await anext(chunks) == "1"
        for _ in range(20):
            await made.transport.call(made.target, ECHO, "x", CONTEXT)
        assert told <= 66
        got = [await anext(chunks) for _ in range(200)]
        assert got[-1] == "201"
        await chunks.aclose()  # type: ignore[attr-defined]
