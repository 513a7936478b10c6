"""Retry: who, when, and how much of it."""

import asyncio

import pytest

from autobot.kernel.core.errors import AttemptTimeout, ConnectFailed, ConnectionLost, RemoteThrottled
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.budget import RetryBudget
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.kernel.resilience.retry.strategy import Retry
from autobot.testing.virtual_time import FixedChance
from tests.unit.kernel.resilience.kit import (
    PUT,
    READ,
    WRITE,
    Bench,
    Slow,
    context,
    pass_time,
    refused,
    status,
)

pytestmark = pytest.mark.anyio


def lost() -> ConnectionLost:
    """Broke before the answer was whole."""
    return ConnectionLost("reset")


@pytest.mark.parametrize(
    ("share", "delays"), [(0.0, [0, 0, 0, 0]), (0.5, [0.05, 0.1, 0.2, 0.4]), (0.999, [0.1, 0.2, 0.4, 0.8])]
)
def test_full_jitter(share: float, delays: list[float]) -> None:
    """The n-th wait is drawn between nothing and 100 ms · 2^(n-1)."""
    retry = Retry(RetryOptions(max=4), FixedChance(share))

    waits = [retry.delay(number, lost()) for number in range(1, 5)]

    assert waits == pytest.approx(delays, abs=1e-2)


def test_waits_are_capped() -> None:
    """No wait is drawn beyond the cap."""
    retry = Retry(RetryOptions(max=10, cap=1.0), FixedChance(0.999))

    assert retry.delay(9, lost()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("share", "wait"), [(0.0, 1.0), (0.999, 1.1)])
def test_fixed_waits_at_least_what_the_row_says(share: float, wait: float) -> None:
    """ "1 s delay" is 1 s and up to a tenth more, so that callers do not come back together."""
    retry = Retry(RetryOptions(max=2, delay=1.0, backoff="fixed"), FixedChance(share))

    assert [retry.delay(1, lost()), retry.delay(2, lost())] == pytest.approx([wait, wait], abs=1e-3)


def test_immediate_is_immediate_only_for_what_was_never_sent() -> None:
    """ "1x immediate" waits nothing after a refused connect, and a jittered moment after a lost one."""
    retry = Retry(RetryOptions(max=1, backoff="immediate"), FixedChance(0.5))

    assert retry.delay(1, refused()) == 0.0
    assert retry.delay(1, lost()) == 0.05


def test_throttle_errors_start_at_a_second() -> None:
    """After 429 the exponential base is 1 s."""
    retry = Retry(RetryOptions(max=3), FixedChance(0.999))

    assert retry.delay(1, RemoteThrottled("", status=429)) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("share", "wait"), [(0.0, 3.0), (0.999, 3.3)])
def test_retry_after_is_waited_for_in_full(share: float, wait: float) -> None:
    """A Retry-After of 3 s is waited for, plus up to a tenth."""
    retry = Retry(RetryOptions(max=1), FixedChance(share))

    assert retry.delay(1, status(503, 3.0)) == pytest.approx(wait, abs=1e-3)


def test_a_long_retry_after_is_passed_on() -> None:
    """A Retry-After over a minute is not waited for."""
    assert Retry(RetryOptions(max=1), FixedChance()).delay(1, status(503, 61.0)) is None


async def test_three_times_means_three_further_attempts() -> None:
    """A call that fails four times was sent four times and raises the last error."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=3)), refused(), refused(), refused(), lost())

    assert isinstance(await bench.outcome(), ConnectionLost)
    assert bench.times == [0, 0.05, 0.15, 0.35]
    assert bench.pipeline.snapshot().retries == 3


async def test_a_good_further_attempt_answers() -> None:
    """The caller sees the answer and nothing of the failures before it."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=3)), lost(), "ok")

    assert await bench.call() == "ok"
    assert bench.pipeline.snapshot().failures == 0


async def test_no_retry_without_a_row_for_it() -> None:
    """A row without retry sends once."""
    bench = Bench(PipelineOptions(), lost())

    await bench.outcome()

    assert bench.times == [0]


async def test_unsafe_operations_are_sent_again_only_when_never_sent() -> None:
    """A write is repeated after a refused connect, never after a lost connection; a put is."""
    options = PipelineOptions(retry=RetryOptions(max=1))
    write_refused, write_lost, put_lost = (
        Bench(options, error, "ok") for error in (refused(), lost(), lost())
    )

    assert await write_refused.outcome(WRITE) == "ok"
    assert isinstance(await write_lost.outcome(WRITE), ConnectionLost)
    assert await put_lost.outcome(PUT) == "ok"


@pytest.mark.parametrize("code", [400, 404, 409, 500, 501])
async def test_errors_that_sending_again_would_not_change_are_not_repeated(code: int) -> None:
    """A 404 stays a 404, and a plain 500 is not repeated unless the row says so."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=3)), status(code))

    await bench.outcome()

    assert len(bench.times) == 1


async def test_a_caller_above_that_retries_is_the_only_one() -> None:
    """A call that is itself a further attempt is not repeated here."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=3)), lost())

    await bench.outcome(context=context(attempt=1))

    assert len(bench.times) == 1


async def test_the_callee_sees_the_attempt_number() -> None:
    """The first attempt is 0, further ones count up, so that nobody below repeats them."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=2)), lost())

    await bench.outcome()

    assert [sent.context.attempt for sent in bench.transport.sent] == [0, 1, 2]


async def test_never_past_the_deadline() -> None:
    """A wait that would end after the caller's deadline is not begun: the failure comes at once."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=3, delay=10.0, backoff="fixed")), lost())
    began = bench.clock.monotonic()

    outcome = await bench.outcome(context=context(deadline=began + 5.0))

    assert isinstance(outcome, ConnectionLost)
    assert bench.clock.monotonic() == began


async def test_not_when_the_usual_answer_would_come_too_late() -> None:
    """With a median latency of 2 s nothing is sent again 1 s before the deadline."""
    bench = Bench(
        PipelineOptions(retry=RetryOptions(max=3, delay=0.0)), *[Slow(2.0)] * 5, Slow(2.0, lost()), "ok"
    )
    for _ in range(5):
        await bench.call()

    outcome = await bench.outcome(context=context(deadline=bench.clock.monotonic() + 3.0))

    assert isinstance(outcome, ConnectionLost)


async def test_a_refused_breaker_is_not_retried_and_the_cause_stays() -> None:
    """When the breaker opens between attempts, nothing more is sent and the real failure is raised."""
    bench = Bench(
        PipelineOptions(retry=RetryOptions(max=5), breaker=BreakerOptions(failures=2, window=60.0)), lost()
    )

    outcome = await bench.outcome()

    assert isinstance(outcome, ConnectionLost)
    assert len(bench.times) == 2


async def test_attempt_timeouts_are_repeated() -> None:
    """A target that hangs once is asked again."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1), attempt_timeout=1.0), Slow(60), "ok")

    assert await bench.call() == "ok"
    assert bench.times == [0, 1.05]


async def test_all_attempts_hang() -> None:
    """When every attempt hangs the error says after how long each was given up."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1), attempt_timeout=1.0), Slow(60))

    outcome = await bench.outcome()

    assert isinstance(outcome, AttemptTimeout)
    assert outcome.phase == "attempt"


# ------------------------------------------------------------------------------------------- the budget


def test_a_link_retries_at_most_three_or_a_fifth_at_once() -> None:
    """Three at once are always allowed, from 20 active calls on a fifth of them."""
    budget = RetryBudget(RetryOptions(max=3))
    with budget.spend(), budget.spend():
        assert budget.grants(1)
        with budget.spend():
            assert not budget.grants(19)
            assert budget.grants(20)


def test_a_spent_retry_is_given_back_whatever_happens() -> None:
    """An exception inside gives the place back."""
    budget = RetryBudget(RetryOptions(max=3))
    with pytest.raises(ValueError, match="inside"), budget.spend():
        raise ValueError("inside")

    assert budget.retrying == 0


def test_tokens_run_out_and_come_back() -> None:
    """Of ten tokens five failures leave half: nothing is retried until successes bring it above."""
    budget = RetryBudget(RetryOptions(max=3))
    for _ in range(5):
        budget.failed()
    assert not budget.grants(1)

    budget.succeeded()

    assert budget.grants(1)
    assert not budget.full


def test_tokens_never_leave_their_range() -> None:
    """The bucket is never below empty nor above full."""
    budget = RetryBudget(RetryOptions(max=3))
    for _ in range(100):
        budget.failed()
    assert budget.tokens == 0.0
    for _ in range(1000):
        budget.succeeded()

    assert budget.tokens == 10.0
    assert budget.full


async def test_a_dead_target_is_not_hammered() -> None:
    """A hundred calls one after the other to a dead target make a few retries, not three hundred."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=3, delay=0.0)), refused())
    for _ in range(100):
        await bench.outcome()

    assert len(bench.times) <= 100 + 6
    assert ("link_retry_budget_exhausted_total", 1.0, {"link": "link"}) in bench.heard.counts


async def test_after_the_outage_retries_come_back() -> None:
    """Successes refill the budget."""
    bench = Bench(
        PipelineOptions(retry=RetryOptions(max=1, delay=0.0)),
        *[refused()] * 20,
        *["ok"] * 80,
        refused(),
        "ok",
    )
    for _ in range(15):
        await bench.outcome()
    while len(bench.transport.steps) > 2:
        await bench.outcome()
    sent = len(bench.times)

    assert await bench.call() == "ok"
    assert len(bench.times) == sent + 2


async def test_cancelling_a_wait_gives_the_budget_back() -> None:
    """A caller that leaves during the backoff holds no part of the budget."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1, delay=10.0, backoff="fixed")), lost())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await bench.call()
    await pass_time(0)

    assert bench.registry._links["link"].budget.retrying == 0
    assert bench.pipeline.snapshot().in_flight == 0


async def test_503_with_retry_after_is_honoured() -> None:
    """The next attempt comes after what the target asked for."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1)), status(503, 7.0), "ok", share=0.0)

    assert await bench.call(READ) == "ok"
    assert bench.times == [0, 7.0]


def test_the_error_type_is_the_transports() -> None:
    """The helper's error is what a transport raises when it was never connected."""
    assert isinstance(refused(), ConnectFailed)
