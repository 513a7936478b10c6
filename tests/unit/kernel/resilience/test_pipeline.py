"""The pipeline as a whole: what passes through, and what a changed row changes."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

from autobot.kernel.core.errors import (
    AttemptTimeout,
    BulkheadFull,
    ChaosInjected,
    CircuitOpen,
    ConfigurationError,
    Conflict,
    ConnectFailed,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    RateLimited,
)
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.fallback.options import FallbackOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from tests.unit.kernel.resilience.kit import (
    READ,
    Bench,
    Slow,
    context,
    pass_time,
    refused,
    settle,
    spawn,
)

pytestmark = pytest.mark.anyio
BREAKER = BreakerOptions(failures=3, window=60.0)
EVERYTHING = PipelineOptions(
    fallback=FallbackOptions(targets=("z",)),
    cache=CacheOptions(ttl=60.0),
    rate_limit=RateLimitOptions(calls=1000),
    total=60.0,
    retry=RetryOptions(max=2),
    endpoint=EndpointOptions(),
    breaker=BREAKER,
    bulkhead=BulkheadOptions(limit=10),
    attempt_timeout=10.0,
    chaos=ChaosOptions(),
)


@pytest.mark.parametrize("options", [PipelineOptions(), EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("waits", [0.0, 1.0], ids=["at once", "later"])
async def test_an_answer_passes_unchanged(options: PipelineOptions, waits: float) -> None:
    """What the transport answers is what the caller gets, as the same object, through any pipeline."""
    answer = object()
    bench = Bench(options, Slow(waits, answer) if waits else answer)

    assert await bench.call() is answer


@pytest.mark.parametrize("options", [PipelineOptions(), EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("waits", [0.0, 1.0], ids=["at once", "later"])
async def test_a_callees_own_exception_passes_as_the_same_object(
    options: PipelineOptions, waits: float
) -> None:
    """A domain error and a bug reach the caller as they were raised, sent once, and do not open the breaker."""
    for error in (NotFound("no such thing"), Conflict("not now"), InvalidInput("wrong"), KeyError("bug")):
        bench = Bench(options, Slow(waits, error) if waits else error)

        for _ in range(5):
            assert await bench.outcome() is error
        assert len(bench.times) == 5
        assert bench.state() == "closed"
        assert bench.pipeline.snapshot().failures == 0


async def test_a_failed_hop_tells_which_hop() -> None:
    """A transport's error that names no hop gets the link's and target's names; one that does keeps its own."""
    bench = Bench(PipelineOptions(), refused(), ConnectFailed("inner", link="other", target="t"))

    first, second = await bench.outcome(), await bench.outcome()

    assert (first.link, first.target) == ("link", "a")
    assert (second.link, second.target) == ("other", "t")


async def test_the_payload_and_operation_reach_the_transport() -> None:
    """Target, operation, payload and context arrive as they were given."""
    bench = Bench(PipelineOptions())
    seen: list[Any] = []

    async def call(*given: Any) -> None:
        seen.extend(given)

    bench.transport.call = call  # type: ignore[method-assign]
    bench.rebuild(PipelineOptions())
    asked = context()
    await bench.call(READ, {"q": 1}, asked)

    assert seen == ["a", READ, {"q": 1}, asked]


async def test_a_transport_may_hand_on_the_callees_coroutine() -> None:
    """A direct transport that is a plain function returning a coroutine is driven like a coroutine function."""
    bench = Bench(PipelineOptions(attempt_timeout=5.0))

    async def handler(waits: float) -> str:
        await pass_time(waits)
        return "later"

    bench.transport.call = lambda *_: handler(1.0)  # type: ignore[method-assign, assign, misc]
    bench.rebuild(PipelineOptions(attempt_timeout=5.0))

    assert await bench.call() == "later"


@pytest.mark.parametrize("options", [PipelineOptions(), EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("waits", [0.0, 1.0], ids=["at once", "later"])
async def test_errors_are_freed_at_once(options: PipelineOptions, waits: float) -> None:
    """A raised error makes no reference cycle: a busy failing link does not wait for the collector."""
    bench = Bench(options)

    async def call(*_: Any) -> Any:
        if waits:
            await pass_time(waits)
        raise NotFound("gone")

    async def stream(*_: Any) -> AsyncIterator[int]:
        yield 1
        if waits:
            await pass_time(waits)
        raise NotFound("gone")

    bench.transport.call, bench.transport.stream = call, stream  # type: ignore[method-assign, assign]
    bench.rebuild(options)
    gc.disable()
    try:
        for ask in (bench.outcome, bench.chunks):
            raised = await ask()
            kept = weakref.ref(raised if ask == bench.outcome else raised[1])
            bench.heard.failures.clear()
            del raised
            assert kept() is None
    finally:
        gc.enable()


def test_a_pipeline_needs_targets() -> None:
    """No target, or one named twice, refuses the build."""

    async def build(*targets: str) -> None:
        Bench(PipelineOptions(fallback=FallbackOptions(targets=("z",))), targets=targets)

    for targets in ((), ("a", "a"), ("z",)):
        with pytest.raises(ConfigurationError):
            asyncio.run(build(*targets))


async def test_each_field_changes_behaviour_at_run_time() -> None:
    """A rebuilt pipeline obeys the new row with the very next call, field by field."""
    bench = Bench(PipelineOptions(), Slow(5.0, refused()))
    began = bench.clock.monotonic()

    async def after(options: PipelineOptions) -> tuple[type, float, int]:
        """Kind of the outcome, seconds taken, attempts sent."""
        bench.rebuild(options)
        start, sent = bench.clock.monotonic(), len(bench.transport.sent)
        outcome = await bench.outcome()
        return type(outcome), round(bench.clock.monotonic() - start, 3), len(bench.transport.sent) - sent

    assert await after(PipelineOptions()) == (ConnectFailed, 5.0, 1)
    assert await after(PipelineOptions(attempt_timeout=1.0)) == (AttemptTimeout, 1.0, 1)
    assert await after(PipelineOptions(total=2.0, attempt_timeout=3.0)) == (DeadlineExceeded, 2.0, 1)
    assert await after(PipelineOptions(retry=RetryOptions(max=1, delay=0.0))) == (ConnectFailed, 10.0, 2)
    assert await after(PipelineOptions(fallback=FallbackOptions(targets=("b",)))) == (ConnectFailed, 10.0, 2)
    assert await after(PipelineOptions(chaos=ChaosOptions(fault_rate=1.0))) == (ChaosInjected, 0.0, 0)
    assert await after(PipelineOptions(breaker=BreakerOptions(failures=1, window=60.0))) == (
        ConnectFailed,
        5.0,
        1,
    )
    assert (await after(PipelineOptions(breaker=BreakerOptions(failures=1, window=60.0))))[0] is CircuitOpen
    assert (await after(PipelineOptions()))[0] is ConnectFailed
    bench.rebuild(PipelineOptions(rate_limit=RateLimitOptions(calls=1)))
    await bench.outcome()
    assert (await after(PipelineOptions(rate_limit=RateLimitOptions(calls=1))))[0] is RateLimited
    bench.rebuild(PipelineOptions(bulkhead=BulkheadOptions(limit=1, queue=0)))
    busy = spawn(bench.outcome())
    await settle()
    assert isinstance(await bench.outcome(), BulkheadFull)
    await busy
    assert bench.clock.monotonic() > began


async def test_a_rebuilt_pipeline_keeps_breakers_and_counters() -> None:
    """An open breaker stays open when another field of the row changes, and counts go on."""
    bench = Bench(PipelineOptions(breaker=BREAKER), refused())
    for _ in range(3):
        await bench.outcome()
    bench.rebuild(PipelineOptions(breaker=BREAKER, attempt_timeout=3.0))

    assert bench.state() == "open"
    assert bench.pipeline.snapshot().calls == 3
    assert isinstance(await bench.outcome(), CircuitOpen)


async def test_calls_in_flight_over_a_rebuild_are_still_counted() -> None:
    """A call that began on the old pipeline holds and returns its permit on the new one."""
    options = PipelineOptions(bulkhead=BulkheadOptions(limit=1, queue=0))
    bench = Bench(options, Slow(5.0, "ok"))
    caller = spawn(bench.call())
    await settle()
    bench.rebuild(options)
    assert isinstance(await bench.outcome(), BulkheadFull)
    await caller

    assert await bench.call() == "ok"


async def test_a_target_that_is_gone_takes_its_state_along() -> None:
    """A target taken off the row and put back begins anew."""
    bench = Bench(PipelineOptions(breaker=BREAKER), refused())
    for _ in range(3):
        await bench.outcome()
    bench.rebuild(PipelineOptions(breaker=BREAKER), "b")
    bench.rebuild(PipelineOptions(breaker=BREAKER), "a")

    assert bench.state() == "closed"


async def test_a_forgotten_link_begins_anew() -> None:
    """After the row was deleted nothing of it is left."""
    bench = Bench(PipelineOptions(breaker=BREAKER), refused())
    await bench.outcome()
    bench.registry.forget("link")
    bench.rebuild(PipelineOptions(breaker=BREAKER))

    assert bench.pipeline.snapshot().calls == 0
