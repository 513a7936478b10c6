"""What a pipeline tells: to the listener, in snapshots, and by background probes."""

import asyncio

import pytest

from autobot.kernel.core.errors import (
    CircuitOpen,
    ConnectFailed,
)
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from tests.unit.kernel.resilience.kit import (
    Bench,
    Slow,
    pass_time,
    refused,
    settle,
    spawn,
)

pytestmark = pytest.mark.anyio
BREAKER = BreakerOptions(failures=3, window=60.0)


async def test_every_attempt_is_reported_once() -> None:
    """Started and completed or failed come in pairs, with attempt numbers; refusals are failures without a start."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1), breaker=BREAKER), refused(), "ok")
    await bench.call()
    bench.pipeline.breaker("isolate", by="ann", reason="drill")
    await bench.outcome()
    heard = bench.heard

    assert [(hop.attempt, hop.operation, hop.target) for hop in heard.starts] == [
        (0, "read", "a"),
        (1, "read", "a"),
    ]
    assert [hop.attempt for hop, _ in heard.completions] == [1]
    assert [type(error) for _, _, error in heard.failures] == [ConnectFailed, CircuitOpen]


async def test_a_cancelled_attempt_is_reported_as_failed() -> None:
    """A listener that counts what is in flight never drifts."""
    bench = Bench(PipelineOptions(), Slow(60.0))
    caller = spawn(bench.call())
    await settle()
    caller.cancel()
    await settle()

    assert len(bench.heard.starts) == 1
    assert [type(error) for _, _, error in bench.heard.failures] == [asyncio.CancelledError]


async def test_a_snapshot_tells_what_happened() -> None:
    """Calls, failures, attempts, rates, quantiles and the last error, in wall time."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1, delay=0.0)), *[Slow(0.1, "ok")] * 9, refused())
    for _ in range(10):
        await bench.outcome()

    seen = bench.pipeline.snapshot()

    assert (seen.calls, seen.failures, seen.attempts, seen.retries) == (10, 1, 11, 1)
    assert seen.rates.failure_rate == pytest.approx(2 / 11)
    assert seen.rates.p50_ms == pytest.approx(100, rel=0.1)
    assert seen.rates.rate == pytest.approx(11 / 0.9, rel=0.01)
    assert seen.last_error is not None
    assert (seen.last_error.code, seen.last_error.at) == ("connect-failed", bench.clock.now())
    target = seen.targets[0]
    assert (target.address, target.calls, target.failures, target.breaker_state) == ("a", 11, 2, "closed")


async def test_taking_a_snapshot_changes_nothing() -> None:
    """An open breaker whose time is over stays open until a call comes, however often it is looked at."""
    bench = Bench(PipelineOptions(breaker=BREAKER), refused())
    for _ in range(3):
        await bench.outcome()
    first = bench.pipeline.snapshot().targets[0]
    assert first.next_probe_at is not None
    assert (first.next_probe_at - bench.clock.now()).total_seconds() == pytest.approx(5.0)
    await pass_time(3600.0)

    assert bench.state() == "open"
    assert bench.pipeline.snapshot() == bench.pipeline.snapshot()
    assert bench.pipeline.snapshot().rates.rate == 0.0


async def test_rates_are_of_the_last_minute() -> None:
    """After a minute of silence rates and quantiles are empty and the counters stand."""
    bench = Bench(PipelineOptions())
    for _ in range(5):
        await bench.call()
    await pass_time(61.0)
    seen = bench.pipeline.snapshot()

    assert (seen.calls, seen.rates.rate, seen.rates.p99_ms) == (5, 0.0, None)


async def test_a_due_target_is_probed_in_the_background() -> None:
    """An open target that is well again is closed by three background probes, without a call."""
    bench = Bench(PipelineOptions(breaker=BREAKER), refused())
    bench.transport.health = {"a": True}
    for _ in range(3):
        await bench.outcome()
    await bench.pipeline.probe_idle()
    assert bench.state() == "open"
    await pass_time(5.0)
    for _ in range(3):
        await bench.pipeline.probe_idle()

    assert bench.state() == "closed"
    assert len(bench.times) == 3


async def test_a_sick_target_stays_open() -> None:
    """A failed background probe doubles the open time like a failed call."""
    bench = Bench(PipelineOptions(breaker=BREAKER), refused())
    bench.transport.health = {"a": False}
    for _ in range(3):
        await bench.outcome()
    await pass_time(5.0)
    await bench.pipeline.probe_idle()
    seen = bench.pipeline.snapshot().targets[0]

    assert (seen.breaker_state, seen.reachable) == ("open", False)
    assert seen.next_probe_at is not None
    assert (seen.next_probe_at - bench.clock.now()).total_seconds() == pytest.approx(10.0)


async def test_without_a_health_call_nothing_is_judged() -> None:
    """A target that cannot be asked keeps its state and its permits."""
    bench = Bench(PipelineOptions(breaker=BREAKER), *[refused()] * 3, "ok")
    for _ in range(3):
        await bench.outcome()
    await pass_time(5.0)
    for _ in range(5):
        await bench.pipeline.probe_idle()

    assert await bench.call() == "ok"
    assert bench.pipeline.snapshot().targets[0].reachable is None


async def test_an_idle_target_is_only_looked_at() -> None:
    """A closed target without calls is asked; the answer is shown and judges nothing."""
    bench = Bench(PipelineOptions(breaker=BreakerOptions(failures=1, window=60.0)))
    bench.transport.health = {"a": False}
    await bench.pipeline.probe_idle()
    seen = bench.pipeline.snapshot().targets[0]

    assert (seen.breaker_state, seen.reachable, seen.probed_at) == ("closed", False, bench.clock.now())


async def test_an_answer_takes_back_a_failed_probe() -> None:
    """A target that answers a call is not shown as out of reach by what a probe found before."""
    bench = Bench(PipelineOptions(breaker=BREAKER), "ok")
    bench.transport.health = {"a": False}
    await bench.pipeline.probe_idle()
    assert bench.pipeline.snapshot().targets[0].reachable is False
    await bench.call()

    assert bench.pipeline.snapshot().targets[0].reachable is None


async def test_a_busy_target_is_not_probed() -> None:
    """Calls tell enough."""
    bench = Bench(PipelineOptions())
    bench.transport.health = {"a": True}
    await bench.call()
    await bench.pipeline.probe_idle()

    assert bench.pipeline.snapshot().targets[0].reachable is None
