"""Faults made on purpose."""

import pytest

from autobot.kernel.core.errors import (
    AttemptTimeout,
    ChaosInjected,
    CircuitOpen,
    ConnectionLost,
)
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from tests.unit.kernel.resilience.kit import (
    Bench,
)

pytestmark = pytest.mark.anyio
BREAKER = BreakerOptions(failures=3, window=60.0)


async def test_chaos_is_off_by_default() -> None:
    """A row with chaos options but no rates behaves like one without."""
    bench = Bench(PipelineOptions(chaos=ChaosOptions(latency=60.0)), share=0.0)
    began = bench.clock.monotonic()

    assert await bench.call() == "ok"
    assert bench.clock.monotonic() == began


async def test_chaos_latency_is_inside_the_attempt_timeout() -> None:
    """Added latency delays the send, and over the timeout it is a timeout."""
    late = Bench(PipelineOptions(chaos=ChaosOptions(latency=2.0, latency_rate=1.0)))
    began = late.clock.monotonic()
    assert await late.call() == "ok"
    assert late.clock.monotonic() == began + 2.0

    over = Bench(PipelineOptions(chaos=ChaosOptions(latency=2.0, latency_rate=1.0), attempt_timeout=1.0))

    assert isinstance(await over.outcome(), AttemptTimeout)
    assert over.transport.sent == []


async def test_chaos_faults_are_seen_by_the_breaker() -> None:
    """Injected faults never reach the target and open the breaker like real ones."""
    bench = Bench(PipelineOptions(chaos=ChaosOptions(fault_rate=1.0), breaker=BREAKER))
    outcomes = [await bench.outcome() for _ in range(4)]

    assert [type(outcome) for outcome in outcomes] == [ChaosInjected] * 3 + [CircuitOpen]
    assert bench.transport.sent == []


async def test_chaos_aborts_lose_the_answer_after_the_work_was_done() -> None:
    """An aborted call was sent; an aborted stream has given its first chunk."""
    bench = Bench(PipelineOptions(chaos=ChaosOptions(abort_rate=1.0)), "ok", ["a", "b"])

    assert isinstance(await bench.outcome(), ConnectionLost)
    assert len(bench.transport.sent) == 1
    chunks, error = await bench.chunks()
    assert chunks == ["a"]
    assert isinstance(error, ConnectionLost)
    assert bench.transport.open_streams == 0


async def test_chaos_strikes_with_its_probability() -> None:
    """With a draw above the rate nothing happens, below it it does."""
    options = PipelineOptions(chaos=ChaosOptions(fault_rate=0.3))

    assert await Bench(options, share=0.31).outcome() == "ok"
    assert isinstance(await Bench(options, share=0.29).outcome(), ChaosInjected)
