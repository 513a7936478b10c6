"""The breaker through the built pipeline: what opens it, how it heals, and by hand."""

from typing import Any

import pytest

from autobot.kernel.core.errors import (
    CircuitOpen,
    Conflict,
    ConnectFailed,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    RemoteError,
)
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from tests.unit.kernel.resilience.kit import (
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


async def test_an_open_breaker_refuses_without_sending_and_says_until_when() -> None:
    """After three failures calls are refused with CircuitOpen and what is left of 5 s."""
    bench = Bench(PipelineOptions(breaker=BREAKER), refused())
    for _ in range(3):
        await bench.outcome()
    await pass_time(2.0)

    outcome = await bench.outcome()

    assert isinstance(outcome, CircuitOpen)
    assert outcome.retry_after == pytest.approx(3.0)
    assert (outcome.link, outcome.target) == ("link", "a")
    assert len(bench.times) == 3
    assert bench.pipeline.snapshot().refused == 1


@pytest.mark.parametrize("gap", [0.01, 45.0, 7200.0])
async def test_it_heals_within_three_calls_at_any_rate(gap: float) -> None:
    """When the target is well again every call is served, and after three the breaker is closed."""
    bench = Bench(PipelineOptions(breaker=BREAKER), *[refused()] * 3, "ok")
    for _ in range(3):
        await bench.outcome()
    await pass_time(5.0)
    for _ in range(3):
        assert await bench.call() == "ok"
        await pass_time(gap)

    assert bench.state() == "closed"


async def test_a_probe_of_every_kind_of_ending_comes_back() -> None:
    """Cancelled, out of time or refused by the bulkhead: the probe's permit is free for the next."""
    options = PipelineOptions(breaker=BREAKER, bulkhead=BulkheadOptions(limit=1, queue=0))
    bench = Bench(options, *[refused()] * 3, Slow(10.0, "ok"))
    for _ in range(3):
        await bench.outcome()
    await pass_time(5.0)

    probe = spawn(bench.call())
    await settle()
    assert isinstance(await bench.outcome(), CircuitOpen)
    probe.cancel()
    await settle()
    assert isinstance(
        await bench.outcome(context=context(deadline=bench.clock.monotonic() + 1)), DeadlineExceeded
    )

    assert bench.state() == "half_open"
    for _ in range(3):
        assert await bench.call() == "ok"
    assert bench.state() == "closed"


async def test_a_breaker_that_opens_while_a_call_waits_refuses_it() -> None:
    """Who waited for a permit is not sent to a target that was given up meanwhile, and keeps no permit."""
    bench = Bench(
        PipelineOptions(
            breaker=BreakerOptions(failures=1, window=60.0), bulkhead=BulkheadOptions(limit=1, queue=1)
        ),
        Slow(1.0, refused()),
    )
    first, waiting = spawn(bench.outcome()), spawn(bench.outcome())

    assert isinstance(await first, ConnectFailed)
    assert isinstance(await waiting, CircuitOpen)
    assert len(bench.times) == 1
    assert bench.pipeline.snapshot().in_flight == 0


async def test_a_probe_that_hangs_without_any_bound_is_given_up() -> None:
    """On a row without timeouts a probe that is out for 30 s counts as failed when the next call comes."""
    bench = Bench(PipelineOptions(breaker=BREAKER), *[refused()] * 3, Slow(10_000.0))
    for _ in range(3):
        await bench.outcome()
    await pass_time(5.0)
    probe = spawn(bench.call())
    await pass_time(30.0)

    assert isinstance(await bench.outcome(), CircuitOpen)
    assert bench.state() == "open"
    probe.cancel()


async def test_domain_errors_are_good_probes() -> None:
    """A half-open target that says "not found" is alive."""
    bench = Bench(PipelineOptions(breaker=BREAKER), *[refused()] * 3, NotFound("gone"))
    for _ in range(3):
        await bench.outcome()
    await pass_time(5.0)
    for _ in range(3):
        assert isinstance(await bench.outcome(), NotFound)

    assert bench.state() == "closed"


@pytest.mark.parametrize(
    ("code", "state"), [(500, "open"), (501, "closed"), (505, "closed"), (404, "closed")]
)
async def test_which_statuses_open_it(code: int, state: str) -> None:
    """5xx do, except 501 and 505; what is below 500 does not."""
    bench = Bench(PipelineOptions(breaker=BREAKER), status(code))
    for _ in range(3):
        assert isinstance(await bench.outcome(), RemoteError)

    assert bench.state() == state


async def test_a_slow_ratio_opens_it_through_the_fused_path() -> None:
    """Good answers that take more than 80 % of the attempt timeout open a breaker that watches speed."""
    bench = Bench(
        PipelineOptions(
            attempt_timeout=10.0, breaker=BreakerOptions(failures=5, window=600.0, slow_ratio=0.8)
        ),
        Slow(9.0, "ok"),
    )
    for _ in range(20):
        await bench.outcome()

    assert bench.state() == "open"


async def test_transitions_are_reported() -> None:
    """The listener hears each move with its reason, and who made it."""
    bench = Bench(PipelineOptions(breaker=BREAKER), *[refused()] * 3, "ok")
    for _ in range(3):
        await bench.outcome()
    await pass_time(5.0)
    for _ in range(3):
        await bench.call()
    bench.pipeline.breaker("isolate", by="ann", reason="drill")

    moves = [(change.before, change.after, change.by) for change in bench.heard.changes]
    assert moves == [
        ("closed", "open", ""),
        ("open", "half_open", ""),
        ("half_open", "closed", ""),
        ("closed", "isolated", "ann"),
    ]
    assert bench.heard.changes[0].subject == "breaker:link:a"
    assert bench.heard.changes[3].reason == "drill"


async def test_isolating_a_target_refuses_until_release() -> None:
    """Also a row without a breaker can be isolated; released, it serves again."""
    bench = Bench(PipelineOptions())
    bench.pipeline.breaker("isolate", "a", by="ann", reason="maintenance")

    outcome = await bench.outcome()
    assert isinstance(outcome, CircuitOpen)
    assert outcome.retry_after is None
    snapshot = bench.pipeline.snapshot().targets[0]
    assert (snapshot.breaker_state, snapshot.by, snapshot.reason) == ("isolated", "ann", "maintenance")
    bench.pipeline.breaker("release", by="ann", reason="done")

    assert await bench.call() == "ok"
    assert bench.state() == "closed"


async def test_opening_by_hand_for_a_time() -> None:
    """Opened for 30 s it refuses for 30 s, then probes and closes."""
    bench = Bench(PipelineOptions(breaker=BREAKER))
    bench.pipeline.breaker("open", by="ann", reason="drill", seconds=30)
    await pass_time(29.9)
    assert isinstance(await bench.outcome(), CircuitOpen)
    await pass_time(0.1)
    for _ in range(3):
        await bench.call()

    assert bench.state() == "closed"


async def test_closing_by_hand() -> None:
    """Closed by hand an open breaker lets everything through at once."""
    bench = Bench(PipelineOptions(breaker=BREAKER), *[refused()] * 3, "ok")
    for _ in range(3):
        await bench.outcome()
    bench.pipeline.breaker("close", by="ann", reason="fixed")

    assert await bench.call() == "ok"
    assert bench.state() == "closed"


async def test_bad_orders_are_refused_and_change_nothing() -> None:
    """An unknown action, target or time, and a release of nothing, are refused."""
    bench = Bench(PipelineOptions(breaker=BREAKER))
    order: Any = bench.pipeline.breaker

    with pytest.raises(InvalidInput):
        order("explode", by="ann", reason="")
    with pytest.raises(NotFound):
        order("open", "elsewhere", by="ann", reason="")
    with pytest.raises(InvalidInput):
        order("open", by="ann", reason="", seconds=0)
    with pytest.raises(Conflict):
        order("release", by="ann", reason="")
    assert bench.state() == "closed"


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_the_failure_of_a_link_below_neither_opens_the_breaker_nor_pauses_the_calls(code: int) -> None:
    """What a callee passes on from its own link is its answer: it is counted, and the next call is sent."""
    below = RemoteError("the model server failed", status=code, link="below", target="m", retry_after=30.0)
    bench = Bench(PipelineOptions(breaker=BREAKER), *[below] * 5, "ok")
    for _ in range(5):
        assert await bench.outcome() is below

    assert bench.state() == "closed"
    assert bench.pipeline.snapshot().failures == 5
    assert await bench.call() == "ok"


async def test_the_failure_of_a_link_below_is_not_repeated_above_it() -> None:
    """One layer retries: the link that failed has repeated the call as its row says, so the row above does not."""
    below = RemoteError("the model server failed", status=503, link="below", target="m")
    own = RemoteError("this target failed", status=503)
    bench = Bench(PipelineOptions(retry=RetryOptions(max=2, delay=0.001)), below, own, own, "ok")
    assert await bench.outcome() is below
    assert bench.pipeline.snapshot().attempts == 1
    assert await bench.call() == "ok"
    assert bench.pipeline.snapshot().attempts == 4
