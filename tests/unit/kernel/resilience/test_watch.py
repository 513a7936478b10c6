"""One timer for the waits of a stream, and streams that nobody holds."""

import asyncio
import gc
from collections.abc import Awaitable
from typing import Any

import pytest

from autobot.kernel.core.errors import AttemptTimeout
from autobot.kernel.resilience.attempt_timeout.watch import Watch
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from tests.unit.kernel.resilience.kit import READ, Bench, Slow, context, settle, spawn

pytestmark = pytest.mark.anyio


async def waited(watch: Watch, awaitable: Awaitable[Any], seconds: float) -> Any:
    """Wait as a stream does: step once by hand, then under the watch."""
    step: Any = awaitable.__await__()
    return await watch.wait(step, step.send(None), asyncio.get_running_loop().time() + seconds)


async def test_each_gap_has_its_own_time() -> None:
    """Gaps under the limit add up to far more than it; the first one over it ends the stream, at its own end."""
    bench = Bench(PipelineOptions(attempt_timeout=5.0), [1, *(Slow(4.0, n) for n in range(10)), Slow(9.0)])
    began = asyncio.get_running_loop().time()

    chunks, error = await bench.chunks()

    assert chunks == [1, *range(10)]
    assert isinstance(error, AttemptTimeout)
    assert asyncio.get_running_loop().time() - began == pytest.approx(45.0)


async def test_a_shorter_wait_after_a_longer_one_ends_in_time() -> None:
    """The timer of a long wait that is over does not make the next one longer."""
    watch, loop = Watch(), asyncio.get_running_loop()
    await waited(watch, asyncio.sleep(1.0), 100.0)
    began = loop.time()

    with pytest.raises(TimeoutError):
        await waited(watch, asyncio.sleep(50.0), 2.0)

    assert watch.expired
    assert loop.time() - began == pytest.approx(2.0)


async def test_a_timer_that_rings_while_nobody_waits_stops_nobody() -> None:
    """Between two waits the reader may take all the time it likes."""
    watch = Watch()
    await waited(watch, asyncio.sleep(1.0), 3.0)
    await asyncio.sleep(10.0)

    assert await waited(watch, asyncio.sleep(2.0, "there"), 3.0) == "there"
    assert not watch.expired


async def test_a_cancellation_from_outside_stays_one() -> None:
    """Who cancels the reader cancels it, also in the moment in which the time is over."""
    watch = Watch()
    task = spawn(waited(watch, asyncio.sleep(50.0), 2.0))
    await settle()
    asyncio.get_running_loop().call_later(2.0, task.cancel)

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_wait_that_ends_as_its_time_does_leaves_no_cancellation() -> None:
    """A task that swallowed the timer's cancellation goes on uncancelled."""

    async def stubborn() -> str:
        try:
            await asyncio.sleep(50.0)
        except asyncio.CancelledError:
            return "kept"
        return "never"

    watch = Watch()

    assert await waited(watch, stubborn(), 2.0) == "kept"
    assert watch.expired
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_stream_that_nobody_holds_gives_its_permit_back() -> None:
    """A reader that just goes, without closing, takes no place in the bulkhead with it."""
    bench = Bench(PipelineOptions(bulkhead=BulkheadOptions(limit=1), attempt_timeout=5.0), ["a", "b"])
    stream = bench.pipeline.stream(READ, None, context())
    assert await anext(stream) == "a"
    assert bench.pipeline.snapshot().in_flight == 1

    del stream
    gc.collect()

    assert bench.pipeline.snapshot().in_flight == 0
