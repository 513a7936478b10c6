"""Many targets: choice, ejection, and the fallback chain."""

import asyncio
from typing import Any

import pytest

from autobot.kernel.core.errors import (
    CircuitOpen,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    NotFound,
)
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.fallback.options import FallbackOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.kernel.resilience.served import noting
from tests.unit.kernel.resilience.kit import (
    CACHED,
    Bench,
    Slow,
    context,
    pass_time,
    refused,
    settle,
    spawn,
    status,
)

pytestmark = pytest.mark.anyio
BREAKER = BreakerOptions(failures=3, window=60.0)


async def test_a_refused_target_is_passed_over() -> None:
    """With two targets the one whose breaker is open is not asked, and callers notice nothing."""
    bench = Bench(
        PipelineOptions(breaker=BREAKER, retry=RetryOptions(max=1, delay=0.0)),
        lambda target: refused() if target == "a" else target,
        targets=("a", "b"),
    )

    outcomes = [await bench.outcome() for _ in range(10)]

    assert outcomes == ["b"] * 10
    assert [sent.target for sent in bench.transport.sent].count("a") == 3


async def test_a_retry_goes_to_another_target() -> None:
    """A failed attempt is repeated elsewhere, where there is an elsewhere."""
    bench = Bench(PipelineOptions(retry=RetryOptions(max=1)), refused(), "ok", targets=("a", "b"))
    await bench.call()

    assert [sent.target for sent in bench.transport.sent] == ["a", "b"]


async def test_all_targets_refused() -> None:
    """When every breaker is open the refusal names the shortest wait."""
    bench = Bench(PipelineOptions(breaker=BREAKER), targets=("a", "b"))
    bench.pipeline.breaker("open", "a", by="ann", reason="drill", seconds=60)
    bench.pipeline.breaker("open", "b", by="ann", reason="drill", seconds=20)

    outcome = await bench.outcome()

    assert isinstance(outcome, CircuitOpen)
    assert (outcome.target, outcome.retry_after) == ("b", pytest.approx(20))


async def test_round_robin_takes_turns() -> None:
    """Each target gets the same share."""
    bench = Bench(PipelineOptions(endpoint=EndpointOptions(policy="round_robin")), targets=("a", "b", "c"))
    for _ in range(9):
        await bench.call()

    assert sorted(sent.target for sent in bench.transport.sent) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3


async def test_least_loaded_avoids_the_busy_one() -> None:
    """While one target hangs the other gets the calls."""
    bench = Bench(
        PipelineOptions(endpoint=EndpointOptions(policy="least_loaded")),
        lambda target: Slow(60.0, "late") if target == "a" else "ok",
        targets=("a", "b"),
    )
    slow = [spawn(bench.call()) for _ in range(2)]
    await settle()
    rest = [await bench.call() for _ in range(6)]
    await asyncio.gather(*slow)

    assert rest == ["ok"] * 6


async def test_an_outlier_is_set_aside_before_its_breaker_trips() -> None:
    """Of three targets one that fails a third of its calls is set aside for 30 s, and comes back."""
    turn = {"n": 0}

    def answer(target: str) -> Any:
        turn["n"] += target == "a"
        return refused() if target == "a" and turn["n"] % 3 == 0 else target

    bench = Bench(
        PipelineOptions(endpoint=EndpointOptions(policy="round_robin", ejection=True)),
        answer,
        targets=("a", "b", "c"),
    )
    for _ in range(90):
        await bench.outcome()
    await pass_time(10.0)
    sent = len(bench.transport.sent)
    for _ in range(30):
        await bench.outcome()

    assert "a" not in [one.target for one in bench.transport.sent[sent:]]
    ejected = {one.address: one.ejected_until is not None for one in bench.pipeline.snapshot().targets}
    assert ejected == {"a": True, "b": False, "c": False}
    await pass_time(70.0)
    for _ in range(3):
        await bench.outcome()
    assert "a" in [one.target for one in bench.transport.sent[-3:]]


async def test_the_chain_is_asked_in_order_and_says_who_served() -> None:
    """With two targets down the third answers, and the caller can tell."""
    bench = Bench(
        PipelineOptions(fallback=FallbackOptions(targets=("b", "c"))),
        lambda target: target if target == "c" else refused(),
    )

    with noting() as served:
        assert await bench.call() == "c"

    assert (served.link, served.target, served.fallback) == ("link", "c", True)
    assert [sent.target for sent in bench.transport.sent] == ["a", "b", "c"]
    assert ("link_fallback_total", 1.0, {"link": "link", "target": "c"}) in bench.heard.counts


async def test_the_first_target_is_no_fallback() -> None:
    """An answer of the first target is noted as such."""
    bench = Bench(PipelineOptions(fallback=FallbackOptions(targets=("b",))))

    with noting() as served:
        await bench.call()

    assert (served.target, served.fallback) == ("a", False)


async def test_each_target_of_a_chain_has_its_own_breaker() -> None:
    """When the first is given up it is passed over at once, and the second's breaker knows nothing of it."""
    bench = Bench(
        PipelineOptions(fallback=FallbackOptions(targets=("b",)), breaker=BREAKER),
        lambda target: refused() if target == "a" else "b",
    )
    assert [await bench.call() for _ in range(5)] == ["b"] * 5

    assert (bench.state("a"), bench.state("b")) == ("open", "closed")
    assert [sent.target for sent in bench.transport.sent].count("a") == 3


async def test_when_all_have_failed_the_first_failure_stands() -> None:
    """The caller asked for the first target, so its failure is the answer."""
    bench = Bench(PipelineOptions(fallback=FallbackOptions(targets=("b",))), refused(), ConnectionLost("b"))

    assert isinstance(await bench.outcome(), ConnectFailed)


async def test_a_callers_mistake_is_not_taken_elsewhere() -> None:
    """A 422 and a domain error would be the same elsewhere."""
    for error in (status(422), NotFound("gone")):
        bench = Bench(PipelineOptions(fallback=FallbackOptions(targets=("b",))), error, "ok")

        assert await bench.outcome() is error


async def test_a_spent_total_leaves_the_next_target_its_own() -> None:
    """Each tier has the row's total for itself; the caller's deadline bounds them all."""
    options = PipelineOptions(
        fallback=FallbackOptions(targets=("b",)), total=5.0, retry=RetryOptions(max=3), attempt_timeout=10.0
    )

    def answer(target: str) -> Any:
        return Slow(60.0) if target == "a" else "b"

    assert await Bench(options, answer).call() == "b"
    hurried = Bench(options, answer)
    outcome = await hurried.outcome(context=context(deadline=hurried.clock.monotonic() + 3.0))
    assert isinstance(outcome, DeadlineExceeded)
    assert len(hurried.transport.sent) == 1


async def test_tiers_do_not_share_cached_answers() -> None:
    """What a fallback answered is not served as the first target's answer once that is back."""
    down = {"a": True}
    bench = Bench(
        PipelineOptions(fallback=FallbackOptions(targets=("b",)), cache=CacheOptions(ttl=60.0)),
        lambda target: refused() if down.get(target) else target,
    )
    assert await bench.call(CACHED) == "b"
    down.clear()

    assert await bench.call(CACHED) == "a"
