"""The rate limit and the pause that a target asks for."""

import pytest

from autobot.kernel.core.errors import RateLimited, RemoteError, RemoteThrottled
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.rate_limit.gcra import take
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.rate_limit.throttle import PAUSE_MAX, Throttle
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.testing.virtual_time import FixedChance
from tests.unit.kernel.resilience.kit import Bench, pass_time, status

pytestmark = pytest.mark.anyio
NOW = 1_000.0


def test_a_burst_passes_then_the_steady_rate() -> None:
    """Of a burst of five at one a second five pass at once, then one each second."""
    arrival, passed = 0.0, []
    for at in (*[NOW] * 7, NOW + 0.99, NOW + 1.0, NOW + 1.0, NOW + 2.0):
        taken = take(arrival, at, interval=1.0, burst=5)
        arrival = taken.arrival
        passed.append(taken.allowed)

    assert passed == [True] * 5 + [False, False, False, True, False, True]


def test_a_refusal_says_when_there_is_room() -> None:
    """The Retry-After of a refused call is exact: then it passes, a moment earlier it does not."""
    arrival = 0.0
    for _ in range(5):
        arrival = take(arrival, NOW, 1.0, 5).arrival
    refused = take(arrival, NOW + 0.25, 1.0, 5)

    assert refused.retry_after == pytest.approx(0.75)
    assert refused.arrival == arrival
    assert not take(arrival, NOW + 0.25 + refused.retry_after - 0.01, 1.0, 5).allowed
    assert take(arrival, NOW + 0.25 + refused.retry_after, 1.0, 5).allowed


def test_what_remains_and_when_it_is_all_back() -> None:
    """After two of five, three remain, and in two seconds all are back."""
    arrival = take(0.0, NOW, 1.0, 5).arrival
    taken = take(arrival, NOW, 1.0, 5)

    assert (taken.remaining, taken.reset) == (3, pytest.approx(2.0))


def test_idle_time_saves_up_no_more_than_a_burst() -> None:
    """After a day of rest five pass at once, not six."""
    arrival = take(0.0, NOW, 1.0, 5).arrival
    passed = 0
    for _ in range(6):
        taken = take(arrival, NOW + 86_400, 1.0, 5)
        arrival, passed = taken.arrival, passed + taken.allowed

    assert passed == 5


async def test_a_link_over_its_rate_refuses_with_a_retry_after() -> None:
    """Three calls a minute: the fourth is refused without being sent, and passes 20 s later."""
    bench = Bench(PipelineOptions(rate_limit=RateLimitOptions(calls=3, window=60.0)))
    for _ in range(3):
        await bench.call()

    outcome = await bench.outcome()
    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after == pytest.approx(20.0)
    assert len(bench.times) == 3
    await pass_time(20.0)

    assert await bench.call() == "ok"


async def test_streams_are_calls_too() -> None:
    """A stream takes from the same rate."""
    bench = Bench(PipelineOptions(rate_limit=RateLimitOptions(calls=1, window=60.0)))
    await bench.call()

    assert isinstance((await bench.chunks())[1], RateLimited)


# ------------------------------------------------------------------------------------------ throttle


def test_retry_after_of_a_429_pauses() -> None:
    """A 429 that asks for 7 s pauses for 7 s; one that asks for an hour for a minute."""
    throttle = Throttle(FixedChance())
    throttle.throttled(NOW, 7.0)
    assert throttle.until == NOW + 7

    throttle.throttled(NOW, 3600.0)

    assert throttle.until == NOW + PAUSE_MAX


def test_without_retry_after_only_the_third_in_a_row_pauses() -> None:
    """Two 429s without a wish change nothing; the third and fourth pause for a jittered second and two."""
    throttle = Throttle(FixedChance(0.999))
    pauses = []
    for _ in range(4):
        throttle.throttled(NOW, None)
        pauses.append(max(0.0, throttle.until - NOW))

    assert pauses == pytest.approx([0, 0, 1, 2], abs=0.01)


def test_any_other_answer_ends_the_pause() -> None:
    """Whoever answers may be called, and the count begins again."""
    throttle = Throttle(FixedChance(0.999))
    throttle.throttled(NOW, 30.0)
    throttle.throttled(NOW, None)
    throttle.answered()
    throttle.throttled(NOW, None)

    assert throttle.until == 0.0


async def test_a_throttled_target_is_not_called_before_its_time() -> None:
    """After a 429 with Retry-After 5 calls are refused here with what is left, then sent again."""
    bench = Bench(PipelineOptions(), RemoteThrottled("", status=429, retry_after=5.0), "ok")
    assert isinstance(await bench.outcome(), RemoteThrottled)
    await pass_time(2.0)

    outcome = await bench.outcome()
    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after == pytest.approx(3.0)
    assert len(bench.times) == 1
    await pass_time(3.0)

    assert await bench.call() == "ok"
    assert await bench.call() == "ok"


async def test_429_does_not_open_the_breaker() -> None:
    """A busy target is alive."""
    bench = Bench(PipelineOptions(breaker=BreakerOptions(failures=1, window=60.0)), status(429))
    outcomes = [await bench.outcome() for _ in range(2)]

    assert all(isinstance(outcome, RemoteError) for outcome in outcomes)
    assert bench.state() == "closed"


async def test_a_retry_waits_the_pause_out() -> None:
    """A repeated call comes after the pause and is not refused by it."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1)), status(429, 5.0), "ok", share=0.0)

    assert await bench.call() == "ok"
    assert bench.times == [0, 5.0]
