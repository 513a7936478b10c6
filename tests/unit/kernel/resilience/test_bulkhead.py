"""The bulkhead: permits, queue, shedding, and the adaptive limit."""

import asyncio

import pytest

from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import BulkheadFull, ConnectionLost, DeadlineExceeded
from autobot.kernel.resilience.bulkhead.criticality import Criticality, criticality_of
from autobot.kernel.resilience.bulkhead.gradient import Gradient
from autobot.kernel.resilience.bulkhead.machine import Bulkhead, Wait, Waiter
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from tests.unit.kernel.resilience.kit import ADMIN, VIEWER, Bench, Slow, context, settle, spawn

pytestmark = pytest.mark.anyio
C = Criticality
NOW = 1_000.0


def full(limit: int = 2, queue: int = 4) -> Bulkhead:
    """A bulkhead whose permits are all taken."""
    bulkhead = Bulkhead(BulkheadOptions(limit=limit, queue=queue), NOW)
    for _ in range(limit):
        assert bulkhead.try_enter(C.CRITICAL_PLUS)
    return bulkhead


def join(bulkhead: Bulkhead, level: Criticality = C.CRITICAL, deadline: float | None = None) -> Waiter | None:
    """Join the queue."""
    return bulkhead.wait(level, NOW, deadline, lambda: None)


@pytest.mark.parametrize(
    ("role", "kind", "level"),
    [
        ("admin", "user", C.CRITICAL_PLUS),
        ("operator", "user", C.CRITICAL),
        ("user", "user", C.CRITICAL),
        ("admin", "key", C.CRITICAL),
        ("user", "key", C.SHEDDABLE_PLUS),
        ("service", "service", C.SHEDDABLE_PLUS),
        ("viewer", "user", C.SHEDDABLE),
        ("viewer", "key", C.SHEDDABLE),
    ],
)
def test_criticality_comes_from_who_calls(role: str, kind: str, level: Criticality) -> None:
    """People before programs, administrators before users, viewers last."""
    assert criticality_of(Principal(id="p", kind=kind, role=role, user_id="p")) is level  # type: ignore[arg-type]


def test_the_least_critical_are_shed_first() -> None:
    """Of ten permits sheddable calls get five, the next seven (a share of 8), critical ones all."""
    bulkhead = Bulkhead(BulkheadOptions(limit=10), NOW)
    entered = [sum(bulkhead.try_enter(level) for _ in range(20)) for level in C]

    assert entered == [5, 3, 2, 0]
    assert bulkhead.running == 10


def test_a_limit_of_one_serves_everybody() -> None:
    """The share of a small limit is never nothing."""
    assert Bulkhead(BulkheadOptions(limit=1), NOW).try_enter(C.SHEDDABLE)


def test_the_queue_is_a_tenth_of_the_limit_by_default() -> None:
    """A hundred permits have ten places to wait, ten have one, four have none."""
    for limit, places in ((100, 10), (10, 1), (4, 0)):
        bulkhead = Bulkhead(BulkheadOptions(limit=limit), NOW)
        for _ in range(limit):
            bulkhead.try_enter(C.CRITICAL)
        assert sum(join(bulkhead) is not None for _ in range(limit)) == places


def test_first_come_first_served_while_the_queue_is_short() -> None:
    """With half of the queue free the oldest goes first."""
    bulkhead = full(queue=4)
    first, second = join(bulkhead), join(bulkhead)
    bulkhead.leave(NOW)

    assert first is not None
    assert second is not None
    assert (first.state, second.state) == (Wait.GRANTED, Wait.WAITING)


def test_last_come_first_served_under_overload() -> None:
    """With more than half of the queue taken the newest goes first: it can still be in time."""
    bulkhead = full(queue=4)
    waiters = [join(bulkhead) for _ in range(3)]
    bulkhead.leave(NOW)

    assert [waiter.state for waiter in waiters if waiter] == [Wait.WAITING, Wait.WAITING, Wait.GRANTED]


def test_the_more_critical_goes_first() -> None:
    """An administrator overtakes waiting users."""
    bulkhead = full(queue=10)
    user, admin = join(bulkhead, C.CRITICAL), join(bulkhead, C.CRITICAL_PLUS)
    bulkhead.leave(NOW)

    assert user is not None
    assert admin is not None
    assert (user.state, admin.state) == (Wait.WAITING, Wait.GRANTED)


def test_in_a_full_queue_the_less_critical_makes_room() -> None:
    """A user's call is dropped for an administrator's, not the other way round."""
    bulkhead = full(queue=1)
    user = join(bulkhead, C.CRITICAL)
    admin = join(bulkhead, C.CRITICAL_PLUS)
    late_user = join(bulkhead, C.CRITICAL)

    assert user is not None
    assert user.state is Wait.DROPPED
    assert admin is not None
    assert late_user is None


def test_sheddable_calls_never_wait() -> None:
    """Who may be shed is shed."""
    assert join(full(), C.SHEDDABLE_PLUS) is None


def test_who_cannot_be_in_time_is_dropped() -> None:
    """A waiter whose deadline is nearer than a usual call takes no permit; the next gets it."""
    bulkhead = full(queue=10)
    hopeless, hopeful = join(bulkhead, deadline=NOW + 5), join(bulkhead, deadline=NOW + 60)
    bulkhead.expected = 2.0
    bulkhead.leave(NOW + 4)

    assert hopeless is not None
    assert hopeful is not None
    assert (hopeless.state, hopeful.state) == (Wait.DROPPED, Wait.GRANTED)
    assert bulkhead.running == 2


def test_who_has_no_hope_does_not_join() -> None:
    """With calls of 10 s nobody joins whose deadline is in 5 s."""
    bulkhead = full()
    bulkhead.expected = 10.0

    assert join(bulkhead, deadline=NOW + 5) is None


@pytest.mark.parametrize("granted", [True, False])
def test_giving_up_loses_no_permit(granted: bool) -> None:
    """A waiter that leaves, granted in that very moment or not, leaves the permits as they should be."""
    bulkhead = full()
    waiter = join(bulkhead)
    assert waiter is not None
    if granted:
        bulkhead.leave(NOW)
    bulkhead.give_up(waiter, NOW)

    assert bulkhead.running == (1 if granted else 2)
    assert bulkhead.waiting == 0


def test_a_wider_limit_lets_waiters_in() -> None:
    """Raising the limit at run time grants what waits."""
    bulkhead = full()
    waiter = join(bulkhead)
    bulkhead.reconfigure(BulkheadOptions(limit=3, queue=4), NOW)

    assert waiter is not None
    assert waiter.state is Wait.GRANTED
    assert bulkhead.running == 3


def test_a_shorter_queue_drops_who_is_too_many() -> None:
    """Shortening the queue at run time sends the surplus away."""
    bulkhead = full(queue=4)
    waiters = [join(bulkhead) for _ in range(3)]
    bulkhead.reconfigure(BulkheadOptions(limit=2, queue=1), NOW)

    assert [waiter.state for waiter in waiters if waiter].count(Wait.DROPPED) == 2
    assert bulkhead.waiting == 1


# ------------------------------------------------------------------------------------- the gradient


def feed(gradient: Gradient, now: float, duration: float, running: int, dropped: bool = False) -> float:
    """Give it one window of samples; return the time after it."""
    for _ in range(10):
        gradient.sample(now, duration, running, dropped=dropped)
    now += 1.0
    gradient.sample(now, duration, running, dropped=dropped)
    return now


def test_the_adaptive_limit_grows_while_latency_is_as_usual() -> None:
    """At full use and constant latency it reaches its upper bound."""
    gradient = Gradient(20, 3, 50, 1.5, NOW)
    now = NOW
    for _ in range(100):
        now = feed(gradient, now, 0.1, gradient.limit)

    assert gradient.limit == 50


def test_the_adaptive_limit_shrinks_when_latency_rises() -> None:
    """Five times the usual latency takes it well below where it was."""
    gradient = Gradient(20, 3, 200, 1.5, NOW)
    now = NOW
    for _ in range(20):
        now = feed(gradient, now, 0.1, gradient.limit)
    before = gradient.limit
    for _ in range(10):
        now = feed(gradient, now, 0.5, gradient.limit)

    assert gradient.limit < before * 0.7


def test_the_adaptive_limit_does_not_grow_when_unused() -> None:
    """A link that uses less than half of its limit proves nothing about more."""
    gradient = Gradient(20, 3, 200, 1.5, NOW)
    now = NOW
    for _ in range(20):
        now = feed(gradient, now, 0.1, 5)

    assert gradient.limit == 20


def test_a_timeout_takes_a_tenth() -> None:
    """One dropped call in a window multiplies the limit by 0.9, never below its lower bound."""
    gradient = Gradient(20, 3, 200, 1.5, NOW)
    now = feed(gradient, NOW, 0.1, 20, dropped=True)
    assert gradient.limit == 18
    for _ in range(50):
        now = feed(gradient, now, 0.1, 20, dropped=True)

    assert gradient.limit == 3


def test_few_samples_make_no_step() -> None:
    """Nine calls in a window say nothing."""
    gradient = Gradient(20, 3, 200, 1.5, NOW)
    for second in range(9):
        gradient.sample(NOW + second, 0.1, 20, dropped=True)

    assert gradient.limit == 20


# -------------------------------------------------------------------------------- through the pipeline


async def test_more_than_the_limit_wait_and_go_away() -> None:
    """Of four calls on two permits and a queue of one: two run, one waits, one is refused with a Retry-After."""
    bench = Bench(PipelineOptions(bulkhead=BulkheadOptions(limit=2, queue=1)), Slow(1.0, "ok"))
    began = bench.clock.monotonic()
    outcomes = await asyncio.gather(*(bench.outcome() for _ in range(4)))

    assert [outcome == "ok" for outcome in outcomes] == [True, True, True, False]
    assert isinstance(outcomes[3], BulkheadFull)
    assert outcomes[3].retry_after is not None
    assert bench.times == [0, 0, 1.0]
    assert bench.clock.monotonic() == began + 2.0


async def test_a_waiter_leaves_at_its_deadline() -> None:
    """Who waits longer than its caller's deadline gets DeadlineExceeded and takes no permit."""
    bench = Bench(PipelineOptions(bulkhead=BulkheadOptions(limit=1, queue=5)), Slow(10.0, "ok"))
    running = spawn(bench.call())
    await settle()

    outcome = await bench.outcome(context=context(deadline=bench.clock.monotonic() + 1.0))

    assert isinstance(outcome, DeadlineExceeded)
    assert await running == "ok"
    assert bench.pipeline.snapshot().in_flight == 0
    assert len(bench.times) == 1


async def test_a_cancelled_waiter_leaves_no_trace() -> None:
    """Cancelling who waits neither sends its call nor keeps its place."""
    bench = Bench(PipelineOptions(bulkhead=BulkheadOptions(limit=1, queue=5)), Slow(1.0, "ok"))
    running = spawn(bench.call())
    waiting = spawn(bench.call())
    await settle()
    assert bench.pipeline.snapshot().waiting == 1
    waiting.cancel()
    await settle()

    assert bench.pipeline.snapshot().waiting == 0
    assert await running == "ok"
    assert len(bench.times) == 1


async def test_viewers_are_shed_while_administrators_get_through() -> None:
    """At half of the limit a viewer is refused and an administrator served."""
    bench = Bench(PipelineOptions(bulkhead=BulkheadOptions(limit=4)), Slow(1.0, "ok"))
    busy = [spawn(bench.call()) for _ in range(2)]
    await settle()

    assert isinstance(await bench.outcome(context=context(principal=VIEWER)), BulkheadFull)
    assert await bench.outcome(context=context(principal=ADMIN)) == "ok"
    await asyncio.gather(*busy)


async def test_a_permit_is_not_held_over_the_backoff() -> None:
    """While one call waits to be sent again, another uses its permit."""
    bench = Bench(
        PipelineOptions(
            bulkhead=BulkheadOptions(limit=1, queue=0),
            retry=RetryOptions(max=1, delay=5.0, backoff="fixed"),
        ),
        ConnectionLost("reset"),
        "ok",
    )
    first = spawn(bench.call())
    await settle()

    assert await bench.call() == "ok"
    assert await first == "ok"


async def test_an_adaptive_bulkhead_moves_its_limit() -> None:
    """Through the pipeline, calls that time out shrink the limit."""
    bench = Bench(
        PipelineOptions(bulkhead=BulkheadOptions(limit=20, adaptive=True), attempt_timeout=1.0), Slow(5.0)
    )
    for _ in range(3):
        await asyncio.gather(*(bench.outcome() for _ in range(15)))

    limit = bench.pipeline.snapshot().limit
    assert limit is not None
    assert limit < 20
