"""Streams through the pipeline."""

import asyncio
from typing import Any

import pytest

from autobot.kernel.core.errors import (
    AttemptTimeout,
    BulkheadFull,
    CircuitOpen,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
)
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.fallback.options import FallbackOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from tests.unit.kernel.resilience.kit import READ, Bench, Slow, context, pass_time, refused, settle, spawn

pytestmark = pytest.mark.anyio
BREAKER = BreakerOptions(failures=1, window=60.0)


def lost() -> ConnectionLost:
    """Broke off."""
    return ConnectionLost("reset")


async def test_chunks_arrive_as_they_are_sent() -> None:
    """Every chunk arrives, in order, when it is sent."""
    bench = Bench(PipelineOptions(attempt_timeout=5.0), [1, Slow(2.0, 2), None, 3])

    assert await bench.chunks() == ([1, 2, None, 3], None)
    snapshot = bench.pipeline.snapshot()
    assert (snapshot.calls, snapshot.attempts, snapshot.failures, snapshot.in_flight) == (1, 1, 0, 0)


async def test_an_empty_stream_is_a_good_answer() -> None:
    """A stream may end without a chunk."""
    bench = Bench(PipelineOptions(breaker=BREAKER), [])

    assert await bench.chunks() == ([], None)
    assert bench.state() == "closed"


async def test_a_stream_that_fails_before_its_first_chunk_is_sent_again() -> None:
    """Until something has reached the caller, a stream is a call like any other."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=2)), [refused()], [Slow(1.0, lost())], ["a", "b"])

    assert await bench.chunks() == (["a", "b"], None)
    assert len(bench.times) == 3


async def test_a_stream_that_breaks_later_is_not_sent_again() -> None:
    """After the first chunk the failure reaches the caller, and no other text is appended."""
    bench = Bench(
        PipelineOptions(retry=RetryOptions(max=3), fallback=FallbackOptions(targets=("b",))),
        ["half an", lost()],
        [" other answer"],
    )

    chunks, error = await bench.chunks()

    assert chunks == ["half an"]
    assert isinstance(error, ConnectionLost)
    assert len(bench.times) == 1
    assert bench.pipeline.snapshot().failures == 1


async def test_an_error_inside_a_stream_counts_for_the_breaker() -> None:
    """A target that breaks its streams is given up."""
    bench = Bench(PipelineOptions(breaker=BREAKER), ["a", lost()])
    await bench.chunks()

    assert bench.state() == "open"
    assert isinstance((await bench.chunks())[1], CircuitOpen)


async def test_silence_before_the_first_chunk_times_out() -> None:
    """The row's timeout bounds connect-to-first-chunk."""
    bench = Bench(PipelineOptions(attempt_timeout=2.0), [Slow(60.0, "late")])

    chunks, error = await bench.chunks()

    assert chunks == []
    assert isinstance(error, AttemptTimeout)
    assert error.phase == "first_byte"
    assert bench.transport.open_streams == 0


async def test_silence_between_chunks_times_out() -> None:
    """The same timeout bounds each gap, however long the whole takes."""
    bench = Bench(PipelineOptions(attempt_timeout=2.0), [Slow(1.5, n) for n in range(10)] + [Slow(2.5, "x")])
    began = bench.clock.monotonic()

    chunks, error = await bench.chunks()

    assert chunks == list(range(10))
    assert isinstance(error, AttemptTimeout)
    assert error.phase == "gap"
    assert bench.clock.monotonic() == began + 17.0
    assert bench.transport.open_streams == 0


async def test_a_slow_reader_is_not_a_silent_target() -> None:
    """Time that the reader takes between chunks is not the target's."""
    bench = Bench(PipelineOptions(attempt_timeout=2.0), ["a", "b"])
    got = []
    async for chunk in bench.pipeline.stream(READ, None, context()):
        got.append(chunk)
        await pass_time(60.0)

    assert got == ["a", "b"]


async def test_the_total_bounds_the_whole_stream() -> None:
    """A stream that never ends is cut at the row's total, and the target is not blamed for it."""
    bench = Bench(
        PipelineOptions(attempt_timeout=2.0, total=10.0, breaker=BREAKER), [Slow(1.0, n) for n in range(99)]
    )
    began = bench.clock.monotonic()

    chunks, error = await bench.chunks()

    assert len(chunks) == 9
    assert isinstance(error, DeadlineExceeded)
    assert bench.clock.monotonic() == began + 10.0
    assert bench.state() == "closed"


async def test_a_flood_without_waiting_is_bounded_too() -> None:
    """Chunks that come without the loop ever turning still end at the total."""
    bench = Bench(PipelineOptions(total=10.0), ["a"] * 5)
    got = []
    error: Exception | None = None
    try:
        async for chunk in bench.pipeline.stream(READ, None, context()):
            got.append(chunk)
            await pass_time(4.0)
    except DeadlineExceeded as exceeded:
        error = exceeded

    assert got == ["a"] * 3
    assert error is not None
    assert bench.transport.open_streams == 0


async def test_the_callers_deadline_bounds_a_stream() -> None:
    """A stream ends with its caller's deadline."""
    bench = Bench(PipelineOptions(), [Slow(1.0, n) for n in range(99)])

    chunks, error = await bench.chunks(context=context(deadline=bench.clock.monotonic() + 3.5))

    assert chunks == [0, 1, 2]
    assert isinstance(error, DeadlineExceeded)


async def test_closing_early_closes_the_transport_and_counts_nothing() -> None:
    """A reader that stops after one chunk ends the target's work and is no failure."""
    bench = Bench(PipelineOptions(breaker=BREAKER, bulkhead=BulkheadOptions(limit=1)), ["a", Slow(9.0, "b")])
    stream: Any = bench.pipeline.stream(READ, None, context())
    assert await anext(stream) == "a"
    assert bench.pipeline.snapshot().in_flight == 1

    await stream.aclose()

    snapshot = bench.pipeline.snapshot()
    assert (bench.transport.open_streams, snapshot.in_flight, snapshot.failures) == (0, 0, 0)
    assert bench.state() == "closed"


async def test_cancelling_the_reader_closes_the_transport() -> None:
    """A cancelled reader leaves no stream open and no permit taken, before the first chunk or after."""
    for steps in ([Slow(9.0, "a")], ["a", Slow(9.0, "b")]):
        bench = Bench(PipelineOptions(bulkhead=BulkheadOptions(limit=1)), steps)
        reader = spawn(bench.chunks())
        await settle()
        assert bench.transport.open_streams == 1
        reader.cancel()
        await settle()

        assert reader.cancelled()
        assert (bench.transport.open_streams, bench.pipeline.snapshot().in_flight) == (0, 0)


async def test_a_stream_holds_its_permit_to_the_end() -> None:
    """While a stream runs, the bulkhead counts it."""
    bench = Bench(
        PipelineOptions(bulkhead=BulkheadOptions(limit=1, queue=0)), [Slow(1.0, n) for n in range(5)]
    )
    reader = spawn(bench.chunks())
    await pass_time(2.5)

    assert isinstance((await bench.chunks())[1], BulkheadFull)
    await reader
    assert (await bench.chunks())[1] is None


async def test_a_probe_stream_passes_at_its_first_chunk() -> None:
    """Half-open, three streams that have begun close the breaker: a three-minute answer blocks nobody."""
    bench = Bench(PipelineOptions(breaker=BREAKER), [refused()], ["a", Slow(180.0, "b")])
    await bench.chunks()
    await pass_time(5.0)
    readers = []
    for _ in range(3):
        readers.append(spawn(bench.chunks()))
        await settle()
    assert bench.state() == "closed"

    results = await asyncio.gather(*readers)

    assert all(error is None for _, error in results)


async def test_a_probe_stream_that_gets_no_first_chunk_fails() -> None:
    """Half-open, a stream that never begins opens the breaker again."""
    bench = Bench(PipelineOptions(breaker=BREAKER, attempt_timeout=2.0), [refused()], [Slow(9.0, "a")])
    await bench.chunks()
    await pass_time(5.0)
    await bench.chunks()

    assert bench.state() == "open"


async def test_a_model_that_loads_for_40_s_and_streams_for_3_minutes_succeeds() -> None:
    """Long silence within the row's timeout, also as a probe, and a long answer are no failure."""
    options = PipelineOptions(attempt_timeout=60.0, total=900.0, breaker=BREAKER)
    answer = [Slow(40.0, 0)] + [Slow(1.0, n) for n in range(180)]
    bench = Bench(options, [refused()], answer)
    await bench.chunks()
    await pass_time(5.0)
    for _ in range(3):
        chunks, error = await bench.chunks()
        assert (len(chunks), error) == (181, None)

    assert bench.state() == "closed"


async def test_fallback_before_the_first_chunk() -> None:
    """A stream whose first target is down comes from the next."""
    bench = Bench(
        PipelineOptions(fallback=FallbackOptions(targets=("b",))),
        lambda target: refused() if target == "a" else ["from b"],
    )

    assert (await bench.chunks()) == (["from b"], None)


async def test_the_time_to_the_first_chunk_is_measured() -> None:
    """The listener hears how long the first chunk took, and the end of the stream."""
    bench = Bench(PipelineOptions(), [Slow(3.0, "a"), Slow(5.0, "b")])
    await bench.chunks()

    assert ("link_first_chunk_seconds", 3.0, {"link": "link", "target": "a"}) in bench.heard.counts
    assert [duration for _, duration in bench.heard.completions] == [8.0]


async def test_an_unfinished_stream_fails_with_the_original_error() -> None:
    """What the transport raised is what the reader gets, as the same object."""
    error = ConnectFailed("refused", link="elsewhere", target="x")
    bench = Bench(PipelineOptions(), ["a", error])

    assert (await bench.chunks())[1] is error


@pytest.mark.parametrize("breaks_at", [0, 1])
async def test_an_iterator_that_raises_is_closed(breaks_at: int) -> None:
    """A transport's iterator that is no generator is closed when it fails, at the first chunk or later."""

    class Chunks:
        def __init__(self) -> None:
            self.sent = self.closed = 0

        def __aiter__(self) -> "Chunks":
            return self

        async def __anext__(self) -> int:
            if self.sent == breaks_at:
                raise ConnectionLost("reset")
            self.sent += 1
            return self.sent

        async def aclose(self) -> None:
            self.closed += 1

    bench, chunks = Bench(PipelineOptions()), Chunks()
    bench.transport.stream = lambda *_: chunks  # type: ignore[method-assign, assign, misc]
    await bench.chunks()

    assert chunks.closed == 1
