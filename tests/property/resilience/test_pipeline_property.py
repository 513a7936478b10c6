"""Whole pipelines under any mixture of outcomes, delays, deadlines and cancellations, in virtual time."""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autobot.kernel.core.errors import (
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    HopFailed,
    NotFound,
    Rejected,
    RemoteError,
)
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.fallback.options import FallbackOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.testing.virtual_time import run
from tests.unit.kernel.resilience.kit import CACHED, READ, WRITE, Bench, Slow, context, pass_time, settle


@dataclass(frozen=True)
class Caller:
    """One caller: when it comes, what it does, how long it waits, when it is cancelled."""

    comes: float
    kind: str
    patience: float | None
    cancelled: float | None
    payload: int


CALLERS = st.lists(
    st.builds(
        Caller,
        comes=st.floats(0.0, 20.0),
        kind=st.sampled_from(["read", "write", "cached", "stream", "half a stream"]),
        patience=st.none() | st.floats(0.0, 10.0),
        cancelled=st.none() | st.floats(0.0, 10.0),
        payload=st.integers(0, 1),
    ),
    min_size=1,
    max_size=12,
)
STEPS = st.lists(
    st.builds(
        lambda seconds, kind: (seconds, kind),
        st.sampled_from([0.0, 0.0, 0.5, 3.0, 20.0]),
        st.sampled_from(["ok", "ok", "refused", "lost", "503", "429", "domain"]),
    ),
    min_size=1,
    max_size=20,
)


@st.composite
def rows(draw: st.DrawFn) -> PipelineOptions:
    """Any row."""
    return PipelineOptions(
        fallback=draw(st.none() | st.just(FallbackOptions(targets=("z",)))),
        cache=draw(
            st.none() | st.just(CacheOptions(ttl=2.0, stale_while_revalidate=1.0, stale_if_error=5.0))
        ),
        rate_limit=draw(st.none() | st.just(RateLimitOptions(calls=5, window=10.0))),
        total=draw(st.none() | st.just(8.0)),
        retry=draw(st.none() | st.just(RetryOptions(max=2, delay=0.5))),
        breaker=draw(st.none() | st.just(BreakerOptions(failures=2, window=30.0))),
        bulkhead=draw(st.none() | st.just(BulkheadOptions(limit=2, queue=2))),
        attempt_timeout=draw(st.none() | st.just(4.0)),
    )


def behaviour(step: tuple[float, str]) -> Any:
    """What the transport does for one step."""
    seconds, kind = step
    answer: Any = {
        "ok": "ok",
        "refused": ConnectFailed("refused"),
        "lost": ConnectionLost("reset"),
        "503": RemoteError("busy", status=503, retry_after=1.0),
        "429": RemoteError("slow down", status=429, retry_after=1.0),
        "domain": NotFound("gone"),
    }[kind]
    return Slow(seconds, answer) if seconds else answer


async def live(bench: Bench, caller: Caller) -> str:
    """Be one caller; return how it went."""
    await pass_time(caller.comes)
    now = bench.clock.monotonic()
    asked = context(deadline=None if caller.patience is None else now + caller.patience)
    try:
        async with asyncio.timeout(caller.cancelled):
            if caller.kind in {"read", "write", "cached"}:
                operation = {"read": READ, "write": WRITE, "cached": CACHED}[caller.kind]
                await bench.pipeline.call(operation, caller.payload, asked)
            else:
                stream: Any = bench.pipeline.stream(READ, caller.payload, asked)
                async for _ in stream:
                    if caller.kind == "half a stream":
                        break
                await stream.aclose()
    except TimeoutError:
        return "cancelled"
    except (HopFailed, Rejected, DeadlineExceeded, NotFound) as error:
        if caller.patience is not None:
            assert bench.clock.monotonic() <= now + caller.patience + 1e-6, "nobody waits past its deadline"
        return type(error).__name__
    return "ok"


async def story(
    options: PipelineOptions, steps: list[tuple[float, str]], callers: list[Caller], targets: int
) -> None:
    """Let all callers live, then look at what is left."""
    bench = Bench(options, *[behaviour(step) for step in steps], targets=("a", "b")[:targets])
    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(live(bench, caller))
    await bench.pipeline.close()
    await settle()

    seen = bench.pipeline.snapshot()
    assert (seen.in_flight, seen.waiting) == (0, 0)
    assert bench.transport.open_streams == 0
    assert bench.registry._links["link"].budget.retrying == 0
    assert all(target.in_flight == 0 for target in bench.registry._targets.values())
    assert seen.calls == len(callers)
    assert seen.attempts == len(bench.transport.sent)
    starts, ends = len(bench.heard.starts), len(bench.heard.completions) + len(bench.heard.failures)
    assert starts == len(bench.transport.sent)
    assert ends == starts + seen.refused
    await heals(bench)


async def heals(bench: Bench) -> None:
    """Whatever has happened, a healthy link serves soon, and its breakers close."""
    bench.transport.steps = ["ok"]
    await pass_time(120.0)
    for _ in range(4):
        assert await bench.call() == "ok"
        await pass_time(120.0)
    assert bench.state("a") == "closed"


@settings(max_examples=150, deadline=None)
@given(options=rows(), steps=STEPS, callers=CALLERS, targets=st.integers(1, 2))
def test_nothing_is_lost_and_nothing_is_stuck(
    options: PipelineOptions, steps: list[tuple[float, str]], callers: list[Caller], targets: int
) -> None:
    """All permits come back, every attempt is told of once, nobody waits too long, and the link heals."""
    run(story(options, steps, callers, targets))


@settings(max_examples=100, deadline=None)
@given(
    waiters=st.lists(
        st.tuples(st.floats(0.0, 3.0), st.none() | st.floats(0.01, 6.0), st.none() | st.floats(0.0, 6.0)),
        min_size=1,
        max_size=8,
    )
)
def test_a_shared_call_serves_everyone_it_can(
    waiters: list[tuple[float, float | None, float | None]],
) -> None:
    """Of equal calls one is in the air at a time; each waiter gets its answer, or its own end, in its own time."""

    async def main() -> None:
        bench = Bench(PipelineOptions(cache=CacheOptions(ttl=0.0)))
        flying = {"now": 0, "most": 0}

        async def call(*_: Any) -> str:
            flying["now"] += 1
            flying["most"] = max(flying["most"], flying["now"])
            try:
                await pass_time(2.0)
            finally:
                flying["now"] -= 1
            return "ok"

        bench.transport.call = call  # type: ignore[method-assign, assign]
        bench.rebuild(PipelineOptions(cache=CacheOptions(ttl=0.0)))

        async def wait(comes: float, patience: float | None, cancelled: float | None) -> None:
            await pass_time(comes)
            now = bench.clock.monotonic()
            asked = context(deadline=None if patience is None else now + patience)
            try:
                async with asyncio.timeout(cancelled):
                    outcome = await bench.outcome(CACHED, 1, asked)
            except TimeoutError:
                assert cancelled is not None
                assert cancelled <= 2.0
                return
            took = bench.clock.monotonic() - now
            if outcome == "ok":
                assert took <= 2.0 + 1e-6
            else:
                assert isinstance(outcome, DeadlineExceeded)
                assert patience is not None
                assert took <= patience + 1e-6

        async with asyncio.TaskGroup() as group:
            for one in waiters:
                group.create_task(wait(*one))
        await settle()
        assert flying["now"] == 0
        assert flying["most"] == 1
        await bench.pipeline.close()

    run(main())
