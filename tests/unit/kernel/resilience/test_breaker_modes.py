"""The breaker's modes, manual control, new options, and the table itself."""

import math
from collections.abc import Iterator

import pytest

from autobot.kernel.resilience.breaker.machine import REFUSED, Breaker
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.breaker.table import TABLE, Event, State
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


# ------------------------------------------------------------------------------------ modes and hands


def test_shadow_refuses_nothing_and_reports_what_it_would_do() -> None:
    """In shadow mode a tripped window is reported, and calls go on."""
    machine = breaker(failures=3, window=60.0, mode="shadow")
    fail(machine, NOW, 3)

    assert machine.state is State.SHADOW
    assert machine.admit(NOW) != REFUSED
    assert machine.would_have_opened == 1
    assert [moved.event for moved in machine.drain()] == [Event.TRIPPED]


def test_a_disabled_breaker_judges_nothing() -> None:
    """A row without a breaker never refuses by itself."""
    machine = breaker(mode="disabled")
    fail(machine, NOW, 1000)

    assert machine.state is State.DISABLED
    assert machine.admit(NOW) != REFUSED


def test_isolation_lasts_until_it_is_released() -> None:
    """An isolated target is refused for ever, without a Retry-After; released, it is probed and closes."""
    machine = breaker()
    machine.isolate(NOW, by="ann", reason="maintenance")
    assert machine.admit(NOW + 1e9) == REFUSED
    assert machine.retry_after(NOW) is None
    assert (machine.by, machine.reason) == ("ann", "maintenance")

    machine.release(NOW + 10, by="ann", reason="done")
    assert machine.state is State.HALF_OPEN
    succeed(machine, NOW + 10, 3)

    assert machine.state is State.CLOSED
    assert machine.by == ""


def test_isolation_can_end_by_itself() -> None:
    """Isolated for 60 s, it refuses for 60 s and then probes."""
    machine = breaker()
    machine.isolate(NOW, by="ann", reason="maintenance", seconds=60)

    assert machine.admit(NOW + 59) == REFUSED
    assert machine.admit(NOW + 60) != REFUSED
    assert machine.state is State.HALF_OPEN


def test_opened_and_closed_by_hand() -> None:
    """Opened by hand it refuses for the given time; closed by hand it lets everything through at once."""
    machine = breaker()
    machine.open(NOW, by="ann", reason="drill", seconds=120)
    assert machine.admit(NOW + 119) == REFUSED

    machine.close(NOW + 119, by="ann", reason="over")

    assert machine.state is State.CLOSED
    assert machine.admit(NOW + 119) != REFUSED


@pytest.mark.parametrize("mode", ["shadow", "disabled"])
def test_what_is_not_watched_comes_back_without_probes(mode: str) -> None:
    """Released where nothing is judged, a target is simply let through again."""
    machine = breaker(mode=mode)
    machine.isolate(NOW, by="ann", reason="maintenance")

    machine.release(NOW, by="ann", reason="done")

    assert machine.state is {"shadow": State.SHADOW, "disabled": State.DISABLED}[mode]


# ----------------------------------------------------------------------------------- new options


def test_new_options_keep_an_open_breaker_open() -> None:
    """Changing the row's numbers at run time leaves an open breaker open, until when it was."""
    machine = opened()
    until = machine.until

    machine.reconfigure(BreakerOptions(failures=10, window=120.0), NOW + 1)

    assert (machine.state, machine.until) == (State.OPEN, until)


def test_new_numbers_take_effect() -> None:
    """A closed breaker whose row now says one failure opens on one."""
    machine = breaker(failures=5, window=60.0)
    machine.reconfigure(BreakerOptions(failures=1, window=60.0), NOW)

    fail(machine, NOW)

    assert machine.state is State.OPEN


def test_taking_the_breaker_away_lets_calls_through_and_isolation_stays() -> None:
    """Without a breaker in its row an open target flows; an isolated one stays isolated."""
    one, other = opened(), opened()
    other.isolate(NOW, by="ann", reason="maintenance")

    for machine in (one, other):
        machine.reconfigure(BreakerOptions(mode="disabled"), NOW + 1)

    assert one.state is State.DISABLED
    assert other.state is State.ISOLATED


# ------------------------------------------------------------------------------------------- the table


def moves() -> Iterator[tuple[State, Event]]:
    """Every pair of state and event."""
    for state in State:
        for event in Event:
            yield state, event


def test_every_state_can_be_left_and_reached() -> None:
    """No state of the table is a trap, and each but those set by the row can be entered."""
    left = {before for (before, _), after in TABLE.items() if after is not before}
    reached = set(TABLE.values())

    assert left == set(State)
    assert reached == set(State)


def test_only_hands_and_time_move_an_isolated_target() -> None:
    """What the target answers never ends an isolation."""
    ways = {event for state, event in moves() if state is State.ISOLATED and (state, event) in TABLE}

    assert ways == {
        Event.TIME_OVER,
        Event.OPENED_BY_HAND,
        Event.CLOSED_BY_HAND,
        Event.ISOLATED_BY_HAND,
        Event.RELEASED_BY_HAND,
    }


def test_each_transition_starts_a_generation() -> None:
    """Generations only grow, so that an old permit never looks new."""
    machine = opened()
    seen = [machine.generation]
    succeed(machine, NOW + 5, 3)
    seen.append(machine.generation)
    machine.isolate(NOW + 6, by="ann", reason="drill")
    seen.append(machine.generation)

    assert seen == sorted(set(seen))
    assert math.isinf(machine.until)
