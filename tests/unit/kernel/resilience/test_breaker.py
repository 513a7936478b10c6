"""The breaker's machine, state by state."""

import pytest

from autobot.kernel.resilience.breaker.machine import REFUSED, Breaker
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.breaker.table import State
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


# ------------------------------------------------------------------------------------------ tripping


def test_n_failures_in_the_window_that_are_half_of_the_calls_trip() -> None:
    """Five failures among ten calls within 60 s open a breaker of "5 failures in 60 s"."""
    machine = breaker(failures=5, window=60.0)
    for second in range(4):
        succeed(machine, NOW + second)
        fail(machine, NOW + second)
    succeed(machine, NOW + 4)
    assert machine.state is State.CLOSED

    fail(machine, NOW + 5)

    assert machine.state is State.OPEN


def test_n_failures_that_are_less_than_half_do_not_trip() -> None:
    """Five failures among eleven calls leave it closed: at high rates an absolute count says nothing."""
    machine = breaker(failures=5, window=60.0)
    for second in range(5):
        succeed(machine, NOW + second, 2)
        fail(machine, NOW + second)

    assert machine.state is State.CLOSED


def test_n_in_a_row_trip_whatever_came_before() -> None:
    """Five failures in a row open it though a thousand successes stand in the same window."""
    machine = breaker(failures=5, window=60.0)
    succeed(machine, NOW, 1000)
    fail(machine, NOW + 1, 4)
    assert machine.state is State.CLOSED

    fail(machine, NOW + 1)

    assert machine.state is State.OPEN


def test_failures_that_have_left_the_window_do_not_count() -> None:
    """Four failures and a fifth 60 s after the first leave it closed; a moment earlier it opens."""
    late, early = breaker(failures=5, window=60.0), breaker(failures=5, window=60.0)
    for machine in (late, early):
        fail(machine, NOW)
        fail(machine, NOW + 30, 3)

    fail(late, NOW + 60)
    fail(early, NOW + 59.9)

    assert late.state is State.CLOSED
    assert early.state is State.OPEN


def test_a_row_without_numbers_trips_on_the_ratio() -> None:
    """Without numbers half of at least 20 calls in 30 s opens it; half of 18 does not."""
    machine = breaker()
    for second in range(9):
        fail(machine, NOW + second)
        succeed(machine, NOW + second)
    assert machine.state is State.CLOSED

    succeed(machine, NOW + 9)
    fail(machine, NOW + 9)

    assert machine.state is State.OPEN


def test_a_row_without_numbers_trips_on_five_in_a_row_however_far_apart() -> None:
    """Five failures in a row, a minute between them, open it: a quiet link must open too."""
    machine = breaker()
    for minute in range(4):
        fail(machine, NOW + 60 * minute)
    assert machine.state is State.CLOSED

    fail(machine, NOW + 240)

    assert machine.state is State.OPEN


def test_slow_calls_trip_where_it_is_switched_on_and_successes_feed_it() -> None:
    """Four fifths of 20 good but slow calls open a breaker with a slow ratio of 0.8."""
    machine = breaker(slow_ratio=0.8, slow_after=2.0)
    for number in range(19):
        machine.succeeded(machine.admit(NOW), NOW, 3.0 if number >= 4 else 1.0)
    assert machine.state is State.CLOSED

    machine.succeeded(machine.admit(NOW), NOW, 3.0)

    assert machine.state is State.OPEN
    assert "took longer than 2 s" in machine.drain()[0].reason


def test_slow_calls_do_not_count_where_it_is_switched_off() -> None:
    """Without a slow ratio good calls never open it, however slow."""
    machine = breaker(slow_after=2.0)
    for _ in range(50):
        machine.succeeded(machine.admit(NOW), NOW, 100.0)

    assert machine.state is State.CLOSED


# ---------------------------------------------------------------------------------------------- open


def test_open_refuses_until_its_time_is_over() -> None:
    """An open breaker refuses for 5 s and says for how long, then lets one probe through."""
    machine = opened()

    assert machine.admit(NOW + 4.9) == REFUSED
    assert machine.retry_after(NOW + 4.0) == pytest.approx(1.0)
    assert machine.admit(NOW + 5.0) != REFUSED
    assert machine.state is State.HALF_OPEN


def test_the_open_time_doubles_only_after_a_failed_probe_up_to_the_cap() -> None:
    """Open times are 5, 10, 20, 40, 60, 60 s; after it has closed the first is 5 s again."""
    machine = opened()
    now, times = NOW, []
    for _ in range(6):
        times.append(machine.until - now)
        now = machine.until
        fail(machine, now)
    assert times == pytest.approx([5, 10, 20, 40, 60, 60])

    now = machine.until
    succeed(machine, now, 3)
    fail(machine, now, 3)

    assert machine.until - now == pytest.approx(5)


@pytest.mark.parametrize(("share", "time"), [(0.0, 4.0), (0.5, 5.0), (0.999999, 6.0)])
def test_the_open_time_is_jittered_by_a_fifth(share: float, time: float) -> None:
    """The first open time lies between 4 and 6 s."""
    machine = breaker(share, failures=1, window=60.0)
    fail(machine, NOW)

    assert machine.until - NOW == pytest.approx(time, abs=1e-4)


def test_retry_after_extends_the_open_time() -> None:
    """A 503 with Retry-After 30 keeps it open for 30 s; one that is shorter than the open time changes nothing."""
    longer = breaker(failures=2, window=60.0)
    fail(longer, NOW, retry_after=30.0)
    fail(longer, NOW + 1)
    shorter = breaker(failures=2, window=60.0)
    fail(shorter, NOW, 2, retry_after=1.0)

    assert longer.until == NOW + 30
    assert shorter.until == NOW + 5


def test_a_hostile_retry_after_is_capped() -> None:
    """A Retry-After of a year keeps it open for ten minutes at most."""
    machine = breaker(failures=1, window=60.0)
    fail(machine, NOW, retry_after=31_536_000.0)

    assert machine.until == NOW + 600


def test_late_successes_do_not_hide_new_failures() -> None:
    """A success of a call from before it opened does not break a row of failures after it has closed."""
    machine = breaker(failures=3, window=60.0)
    early = machine.admit(NOW)
    fail(machine, NOW, 3)
    succeed(machine, NOW + 5, 3)
    fail(machine, NOW + 5, 2)

    machine.succeeded(early, NOW + 5, 5.0)
    fail(machine, NOW + 5)

    assert machine.state is State.OPEN


def test_every_trial_begins_with_three_probes() -> None:
    """Good probes of an earlier trial do not count in the next one."""
    machine = opened()
    succeed(machine, NOW + 5, 2)
    fail(machine, NOW + 5)
    succeed(machine, NOW + 15, 2)
    assert machine.state is State.HALF_OPEN

    succeed(machine, NOW + 15)

    assert machine.state is State.CLOSED


def test_late_outcomes_of_older_calls_decide_nothing() -> None:
    """Calls admitted before it opened neither prolong the open time, nor close it, nor fail a probe."""
    machine = breaker(failures=3, window=60.0)
    early = [machine.admit(NOW) for _ in range(3)]
    fail(machine, NOW, 3)
    until = machine.until

    machine.failed(early[0], NOW + 1, 1.0, 60.0)
    assert (machine.state, machine.until) == (State.OPEN, until)
    machine.admit(until)
    machine.succeeded(early[1], until, 1.0)
    machine.failed(early[2], until, 1.0)

    assert machine.state is State.HALF_OPEN
    succeed_probe = machine._probe
    assert succeed_probe is not None


# ----------------------------------------------------------------------------------------- half-open


def test_half_open_lets_one_probe_run_at_a_time() -> None:
    """While a probe is out every other call is refused with a Retry-After."""
    machine = opened()
    machine.admit(NOW + 5)

    assert machine.admit(NOW + 5) == REFUSED
    assert not machine.admits(NOW + 5)
    assert machine.retry_after(NOW + 5) == 1.0


def test_three_good_probes_close_it_with_an_empty_window() -> None:
    """After three good probes it is closed, and two failures that follow do not open it again."""
    machine = opened()
    succeed(machine, NOW + 5, 3)
    assert machine.state is State.CLOSED

    fail(machine, NOW + 5, 2)

    assert machine.state is State.CLOSED


def test_one_failed_probe_opens_it() -> None:
    """Two good probes and a failed one: open again, for twice the time."""
    machine = opened()
    succeed(machine, NOW + 5, 2)
    fail(machine, NOW + 5)

    assert machine.state is State.OPEN
    assert machine.until == NOW + 15


@pytest.mark.parametrize("gap", [0.001, 1.0, 45.0, 3600.0, 86_400.0])
def test_it_closes_within_three_calls_at_any_call_rate(gap: float) -> None:
    """Against a healthy target it closes within three calls, also when they come once a day."""
    machine = opened()
    now = NOW + 5
    for _ in range(3):
        succeed(machine, now)
        now += gap

    assert machine.state is State.CLOSED


def test_reading_changes_nothing() -> None:
    """Asking whether it would admit, and for how long it refuses, moves nothing."""
    machine = opened()
    before = (machine.state, machine.generation, machine.until)

    for at in (0.0, 4.9, 5.0, 100.0):
        machine.admits(NOW + at)
        machine.retry_after(NOW + at)

    assert (machine.state, machine.generation, machine.until) == before
    assert machine.admits(NOW + 5)
