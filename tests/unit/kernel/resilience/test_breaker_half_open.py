"""Half-open: what resilience4j's state went through (#544, #903, #935, #1389, #1432), and streams as probes."""

from autobot.kernel.resilience.breaker.machine import REFUSED, Breaker
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.breaker.table import Event, State
from autobot.testing.virtual_time import FixedChance

NOW = 1_000.0


def breaker(share: float = 0.5, **options: object) -> Breaker:
    """A breaker without jitter (half of the spread is nothing)."""
    return Breaker(BreakerOptions(**options), FixedChance(share), NOW)  # type: ignore[arg-type]


def fail(machine: Breaker, now: float, count: int = 1, retry_after: float | None = None) -> None:
    """Let calls fail at `now`."""
    for _ in range(count):
        machine.failed(machine.admit(now), now, 0.01, retry_after)


def succeed(machine: Breaker, now: float, count: int = 1) -> None:
    """Let calls succeed at `now`."""
    for _ in range(count):
        machine.succeeded(machine.admit(now), now, 0.01)


def opened(**options: object) -> Breaker:
    """A breaker that has just opened, until NOW + 5."""
    machine = breaker(failures=3, window=60.0, **options)
    fail(machine, NOW, 3)
    assert machine.state is State.OPEN
    return machine


# --------------------------------------------------- what resilience4j's half-open state went through


def test_an_ignored_outcome_gives_the_probe_back() -> None:
    """resilience4j #544: a probe whose outcome is ignored leaves no permit behind."""
    machine = opened()
    for second in range(20):
        machine.ignored(machine.admit(NOW + 5 + second))

    succeed(machine, NOW + 30, 3)

    assert machine.state is State.CLOSED


def test_a_probe_that_never_comes_back_counts_as_failed() -> None:
    """resilience4j #903: a lost probe blocks for 30 s, then counts as failed; it is open, not stuck."""
    machine = opened()
    machine.admit(NOW + 5)
    assert machine.admit(NOW + 34.9) == REFUSED
    assert machine.state is State.HALF_OPEN

    assert machine.admit(NOW + 35) == REFUSED

    assert machine.state is State.OPEN
    assert machine.until == NOW + 45
    assert machine.drain()[-1].event is Event.PROBE_FAILED


def test_a_quiet_half_open_breaker_waits_for_ever_and_still_serves() -> None:
    """resilience4j #935: with no call for a day it stays half-open, and the next call is a probe."""
    machine = opened()
    succeed(machine, NOW + 5)

    assert machine.state is State.HALF_OPEN
    assert machine.admit(NOW + 90_000) != REFUSED


def test_a_late_outcome_of_a_lost_probe_decides_nothing() -> None:
    """resilience4j #1389: what a lost probe brings after all is too late to close or to open."""
    machine = opened()
    lost = machine.admit(NOW + 5)
    machine.admit(NOW + 35)
    until = machine.until

    machine.succeeded(lost, NOW + 36, 31.0)
    machine.failed(lost, NOW + 36, 31.0)
    machine.ignored(lost)

    assert (machine.state, machine.until) == (State.OPEN, until)


def test_never_more_probes_than_permitted() -> None:
    """resilience4j #1432: of a hundred callers at once one gets through, three in all before it closes."""
    machine = opened()
    sent = 0
    for _ in range(3):
        permits = [machine.admit(NOW + 5) for _ in range(100)]
        granted = [permit for permit in permits if permit != REFUSED]
        sent += len(granted)
        assert len(granted) == 1
        machine.succeeded(granted[0], NOW + 5, 0.1)

    assert sent == 3
    assert machine.state is State.CLOSED


def test_a_stream_that_breaks_after_its_probe_passed_opens_it() -> None:
    """A probe that is good at the first chunk and fails later is a failed probe, while none has closed it."""
    machine = opened()
    stream = machine.admit(NOW + 5)
    machine.succeeded(stream, NOW + 6, 1.0)
    machine.admit(NOW + 7)

    machine.failed(stream, NOW + 8, 3.0)

    assert machine.state is State.OPEN


def test_giving_back_one_permit_twice_frees_nobody_elses() -> None:
    """A stream that was settled and is then closed does not free the probe that came after it."""
    machine = opened()
    stream = machine.admit(NOW + 5)
    machine.succeeded(stream, NOW + 6, 1.0)
    machine.admit(NOW + 7)

    machine.ignored(stream)

    assert machine.admit(NOW + 8) == REFUSED
