"""A target that began nothing is passed over at once: it was not reached, or it takes no work now."""

import pytest

from autobot.kernel.core.errors import ConnectFailed, ConnectionLost, Overloaded, RateLimited
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from tests.unit.kernel.resilience.kit import WRITE, Bench, pass_time, refused

pytestmark = pytest.mark.anyio
BREAKER = BreakerOptions(failures=3, window=60.0)


def declined(retry_after: float | None = 2.0) -> Overloaded:
    """The target takes no work now."""
    return Overloaded("draining", link="link", retry_after=retry_after)


def draining(*names: str) -> object:
    """Targets of these names take no work, others answer their name."""
    return lambda target: declined() if target in names else target


async def test_a_call_goes_on_at_another_target_without_waiting() -> None:
    """Where one target drains, another answers: also an unsafe call, on a row that retries nothing."""
    bench = Bench(PipelineOptions(), draining("a"), targets=("a", "b"))

    assert [await bench.outcome(WRITE) for _ in range(4)] == ["b"] * 4
    assert set(bench.times) == {0}
    assert bench.pipeline.snapshot().retries == 0


async def test_a_dead_target_is_passed_over_at_once() -> None:
    """A refused connection began nothing, so nobody notices that one target is gone."""
    bench = Bench(
        PipelineOptions(breaker=BREAKER),
        lambda target: refused() if target == "a" else target,
        targets=("a", "b"),
    )

    assert [await bench.outcome(WRITE) for _ in range(10)] == ["b"] * 10


async def test_streams_go_on_at_another_target() -> None:
    """A stream that was not begun begins elsewhere."""
    bench = Bench(PipelineOptions(), declined(), ["x", "y"], targets=("a", "b"))

    assert await bench.chunks(WRITE) == (["x", "y"], None)


async def test_what_may_have_begun_is_not_sent_elsewhere() -> None:
    """After a lost connection an unsafe call ends: it may have been done."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=3)), ConnectionLost("reset"), targets=("a", "b"))

    assert isinstance(await bench.outcome(WRITE), ConnectionLost)
    assert len(bench.transport.sent) == 1


async def test_what_a_callee_says_of_its_own_load_is_its_answer() -> None:
    """An overload that names another link comes from further down: something was begun, nothing is repeated."""
    bench = Bench(
        PipelineOptions(retry=RetryOptions(max=3)), Overloaded("busy", link="below"), targets=("a", "b")
    )

    assert isinstance(await bench.outcome(), Overloaded)
    assert len(bench.transport.sent) == 1


async def test_each_target_is_asked_once() -> None:
    """Where all decline, the caller hears so after one question to each."""
    bench = Bench(PipelineOptions(), draining("a", "b", "c"), targets=("a", "b", "c"))

    assert isinstance(await bench.outcome(), Overloaded)
    assert sorted(sent.target for sent in bench.transport.sent) == ["a", "b", "c"]


async def test_a_declining_target_is_left_alone_for_as_long_as_it_asked() -> None:
    """It gets no call before its Retry-After is over, and its breaker does not count what it said."""
    options = PipelineOptions(breaker=BREAKER)
    bench = Bench(options, *[declined()] * 5, "ok")
    for _ in range(5):
        assert isinstance(await bench.outcome(), Overloaded)
        assert isinstance(await bench.outcome(), RateLimited)
        await pass_time(2.1)

    assert bench.pipeline.snapshot().targets[0].breaker_state == "closed"
    assert await bench.outcome() == "ok"


async def test_an_only_target_is_asked_again_after_its_time() -> None:
    """With nowhere else to go, a row that retries waits out Retry-After, also for an unsafe call."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1)), declined(), "ok")

    assert await bench.outcome(WRITE) == "ok"
    assert bench.times == [0, pytest.approx(2.1, abs=0.11)]


async def test_our_own_refusal_elsewhere_leaves_the_cause_standing() -> None:
    """When the other target's turn is refused by our own pipeline, the caller hears why the first did not serve."""
    bench = Bench(PipelineOptions(breaker=BREAKER), refused(), targets=("a", "b"))
    bench.pipeline.breaker("isolate", "b", by="ann", reason="drill")

    assert isinstance(await bench.outcome(), ConnectFailed)
    assert len(bench.transport.sent) == 1
