"""The two bounds of time: the whole call and one attempt."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from autobot.kernel.core.errors import AttemptTimeout, DeadlineExceeded
from autobot.kernel.resilience.attempt_timeout.strategy import resume
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from tests.unit.kernel.resilience.kit import Bench, Slow, context, pass_time, settle, spawn

pytestmark = pytest.mark.anyio


async def test_a_call_without_time_left_is_not_run() -> None:
    """A deadline that is past, or nearer than the hop margin of 5 ms, fails at once without sending."""
    bench = Bench(PipelineOptions())
    now = bench.clock.monotonic()

    for deadline in (now - 1.0, now, now + 0.005):
        assert isinstance(await bench.outcome(context=context(deadline=deadline)), DeadlineExceeded)
    assert bench.transport.sent == []
    assert await bench.call(context=context(deadline=now + 0.006)) == "ok"


async def test_the_callers_deadline_ends_an_attempt() -> None:
    """An attempt is cancelled 5 ms before its caller stops listening."""
    bench = Bench(PipelineOptions(attempt_timeout=30.0), Slow(60.0))
    now = bench.clock.monotonic()

    outcome = await bench.outcome(context=context(deadline=now + 2.0))

    assert isinstance(outcome, DeadlineExceeded)
    assert bench.clock.monotonic() == pytest.approx(now + 1.995)


async def test_the_callers_deadline_says_nothing_of_the_target() -> None:
    """Callers in a hurry do not open the breaker."""
    bench = Bench(PipelineOptions(breaker=BreakerOptions(failures=1, window=60.0)), Slow(60.0))
    for _ in range(5):
        await bench.outcome(context=context(deadline=bench.clock.monotonic() + 1.0))

    assert bench.state() == "closed"
    assert bench.pipeline.snapshot().targets[0].failures == 0


async def test_an_attempt_timeout_fails_the_attempt_and_counts() -> None:
    """After the row's timeout the attempt ends as AttemptTimeout, naming hop and time, and the breaker learns."""
    bench = Bench(
        PipelineOptions(attempt_timeout=2.0, breaker=BreakerOptions(failures=1, window=60.0)), Slow(60.0)
    )
    now = bench.clock.monotonic()

    outcome = await bench.outcome()

    assert isinstance(outcome, AttemptTimeout)
    assert (outcome.phase, outcome.link, outcome.target) == ("attempt", "link", "a")
    assert "2 s" in outcome.detail
    assert bench.clock.monotonic() == now + 2.0
    assert bench.state() == "open"


async def test_the_total_bounds_all_attempts() -> None:
    """With a total of 5 s and attempts of 2 s the third attempt is cut short at 5 s."""
    bench = Bench(
        PipelineOptions(total=5.0, attempt_timeout=2.0, retry=RetryOptions(max=9, delay=0.0)), Slow(60.0)
    )
    now = bench.clock.monotonic()

    outcome = await bench.outcome()

    assert isinstance(outcome, AttemptTimeout | DeadlineExceeded)
    assert bench.clock.monotonic() <= now + 5.0


async def test_a_row_with_a_total_alone_blames_the_target() -> None:
    """Where the total is the only bound, a target that hangs through it has failed."""
    bench = Bench(PipelineOptions(total=3.0, breaker=BreakerOptions(failures=1, window=60.0)), Slow(60.0))

    assert isinstance(await bench.outcome(), AttemptTimeout)
    assert bench.state() == "open"


async def test_a_later_deadline_does_not_stretch_the_row() -> None:
    """The caller's hour does not make the row's 2 s longer."""
    bench = Bench(PipelineOptions(attempt_timeout=2.0), Slow(60.0))
    now = bench.clock.monotonic()
    await bench.outcome(context=context(deadline=now + 3600))

    assert bench.clock.monotonic() == now + 2.0


async def test_the_wire_gets_the_nearest_of_all_bounds() -> None:
    """A transport that tells its target the deadline sees that of the attempt; a direct one the caller's own."""
    options = PipelineOptions(attempt_timeout=2.0, total=10.0)
    wire, direct = Bench(options, narrow=True), Bench(options)
    now = wire.clock.monotonic()
    for bench in (wire, direct):
        await bench.call(context=context(deadline=now + 60))
    await wire.call(context=context(deadline=now + 1))
    await wire.call()

    assert [sent.context.deadline for sent in wire.transport.sent] == pytest.approx(
        [now + 2.0, now + 0.995, now + 2.0]
    )
    assert direct.transport.sent[0].context.deadline == now + 60


@pytest.mark.parametrize("targets", [("a",), ("a", "b")])
async def test_the_wire_of_a_stream_gets_the_end_of_the_whole(targets: tuple[str, ...]) -> None:
    """The timeout of a stream bounds its silences: its target is told the total, or the caller's deadline."""
    bench = Bench(PipelineOptions(attempt_timeout=2.0, total=60.0), ["a", "b"], targets=targets, narrow=True)
    now = bench.clock.monotonic()
    for one in (None, now + 10):
        await bench.chunks(context=context(deadline=one))

    assert [sent.context.deadline for sent in bench.transport.sent] == pytest.approx([now + 60, now + 9.995])


async def test_cancellation_reaches_the_innermost_call() -> None:
    """Cancelling the caller cancels the transport's work at once and is no failure."""
    bench = Bench(PipelineOptions(breaker=BreakerOptions(failures=1, window=60.0)))
    ended: list[str] = []

    class Work:
        async def call(self, *_: Any) -> Any:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

    bench.transport.call = Work().call  # type: ignore[method-assign]
    bench.rebuild(PipelineOptions(breaker=BreakerOptions(failures=1, window=60.0), attempt_timeout=60.0))
    caller = spawn(bench.call())
    await settle()
    caller.cancel()
    await settle()

    assert caller.cancelled()
    assert ended == ["cancelled"]
    assert bench.state() == "closed"
    assert bench.pipeline.snapshot().in_flight == 0


async def test_a_timeout_of_the_callees_own_is_the_callees() -> None:
    """A TimeoutError that the callee raises is not taken for ours."""
    bench = Bench(PipelineOptions(attempt_timeout=60.0), Slow(1.0, TimeoutError("mine")))

    outcome = await bench.outcome()

    assert type(outcome) is TimeoutError
    assert str(outcome) == "mine"


async def test_a_call_that_never_waits_arms_no_timer() -> None:
    """A direct call that answers at once leaves the loop's timers alone."""
    bench = Bench(PipelineOptions(total=60.0, attempt_timeout=30.0))
    loop: Any = asyncio.get_running_loop()
    before = len(loop._scheduled)
    await bench.call()

    assert len(loop._scheduled) == before


# ------------------------------------------------------------------------------------------- resume


async def stepped(work: Any) -> Any:
    """Step by hand, then resume."""
    step = work.__await__()
    try:
        waiting_for = step.send(None)
    except StopIteration as done:
        return done.value
    return await resume(step, waiting_for)


async def test_resume_drives_through_many_waits() -> None:
    """A coroutine that waits often ends with its own result."""

    async def work() -> int:
        for _ in range(5):
            await pass_time(1)
        return 7

    assert await stepped(work()) == 7


async def test_resume_hands_cancellation_inward_and_lets_it_be_answered() -> None:
    """A coroutine that cleans up while cancelled, with waits, does so; one that refuses goes on."""
    log: list[str] = []

    async def work() -> str:
        try:
            await pass_time(100)
        except asyncio.CancelledError:
            log.append("cleaning")
            await pass_time(1)
            log.append("clean")
        return "stayed"

    task = spawn(stepped(work()))
    await settle()
    task.cancel()

    assert await task == "stayed"
    assert log == ["cleaning", "clean"]


async def test_resume_passes_errors_of_what_is_awaited() -> None:
    """What the awaited future raises arrives inside the coroutine."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await future
        except ValueError as error:
            return str(error)
        return ""

    task = spawn(stepped(work()))
    await settle()
    future.set_exception(ValueError("from outside"))

    assert await task == "from outside"


async def test_resume_drives_async_generators() -> None:
    """The next item of an async generator can be stepped like a coroutine."""

    async def items() -> AsyncIterator[int]:
        await pass_time(1)
        yield 1

    iterator = items()
    assert await stepped(iterator.__anext__()) == 1
    with pytest.raises(StopAsyncIteration):
        await stepped(iterator.__anext__())


async def test_timers_of_ended_attempts_do_not_fire() -> None:
    """An attempt that ended in time is not cancelled later."""
    bench = Bench(PipelineOptions(attempt_timeout=2.0), Slow(1.0, "ok"))

    assert await bench.call() == "ok"
    await pass_time(10.0)
    assert await bench.call() == "ok"
