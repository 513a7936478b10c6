"""The breaker against any order of calls, outcomes, hands and time."""

import math
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autobot.kernel.resilience.breaker.machine import REFUSED, Breaker
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.breaker.table import FLOWING, HOME, TABLE, State
from autobot.testing.virtual_time import seeded

MODES = st.sampled_from(["on", "on", "on", "shadow", "disabled"])


@st.composite
def options(draw: st.DrawFn) -> BreakerOptions:
    """Any row."""
    return BreakerOptions(
        failures=draw(st.none() | st.integers(1, 5)),
        window=draw(st.sampled_from([1.0, 30.0, 60.0])),
        minimum_calls=draw(st.integers(1, 8)),
        consecutive=draw(st.integers(1, 6)),
        slow_ratio=draw(st.none() | st.just(0.8)),
        slow_after=1.0,
        mode=draw(MODES),
    )


class Lives(RuleBasedStateMachine):
    """Callers, operators and time act on one breaker; a model keeps who holds what."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.outstanding: list[int] = []
        self.settled: list[int] = []
        self.machine: Breaker
        self.generations: list[int] = []

    @initialize(row=options())
    def build(self, row: BreakerOptions) -> None:
        self.machine = Breaker(row, seeded(), self.now)

    @rule(seconds=st.floats(0.0, 200.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_comes(self) -> None:
        machine, before = self.machine, self.machine.state
        would = machine.admits(self.now)
        permit = machine.admit(self.now)
        assert would == (permit != REFUSED), "what is said is what is done"
        if before in FLOWING:
            assert permit == machine.generation
        if before is State.OPEN and permit != REFUSED:
            assert machine.state is State.HALF_OPEN
        if permit != REFUSED:
            assert permit not in self.outstanding or machine.flowing, "a probe's permit is its own"
            self.outstanding.append(permit)

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data(), duration=st.floats(0.0, 5.0))
    def a_call_succeeds(self, data: st.DataObject, duration: float) -> None:
        permit = data.draw(st.sampled_from(self.outstanding))
        self.outstanding.remove(permit)
        machine, generation = self.machine, self.machine.generation
        seen = (machine.state, machine.consecutive, machine.window.totals(self.now))
        machine.succeeded(permit, self.now, duration)
        if permit < generation:
            now_seen = (machine.state, machine.consecutive, machine.window.totals(self.now))
            assert now_seen == seen, "an old outcome decides nothing"
        self.settled.append(permit)

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data(), retry_after=st.none() | st.floats(0.0, 1e9))
    def a_call_fails(self, data: st.DataObject, retry_after: float | None) -> None:
        permit = data.draw(st.sampled_from(self.outstanding))
        self.outstanding.remove(permit)
        state, generation, until = self.machine.state, self.machine.generation, self.machine.until
        self.machine.failed(permit, self.now, 0.1, retry_after)
        if permit < generation:
            after = (self.machine.state, self.machine.generation, self.machine.until)
            assert after == (state, generation, until), "an old outcome decides nothing"
        elif state is State.HALF_OPEN:
            assert self.machine.state is State.OPEN
            assert self.machine.until <= self.now + 720.0, "no answer silences a target for hours"

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data())
    def a_call_is_cancelled(self, data: st.DataObject) -> None:
        permit = data.draw(st.sampled_from(self.outstanding))
        self.outstanding.remove(permit)
        state, generation = self.machine.state, self.machine.generation
        self.machine.ignored(permit)
        assert (self.machine.state, self.machine.generation) == (state, generation)

    @precondition(lambda self: self.settled)
    @rule(data=st.data(), breaks=st.booleans())
    def a_stream_ends_after_its_first_chunk(self, data: st.DataObject, breaks: bool) -> None:
        permit = data.draw(st.sampled_from(self.settled))
        if self.machine.flowing:
            return
        if breaks:
            self.machine.failed(permit, self.now, 1.0)
        else:
            probe = self.machine._probe
            self.machine.ignored(permit)
            assert self.machine._probe == probe, "nobody else's permit comes back"

    @rule(
        seconds=st.none() | st.floats(0.1, 1000.0),
        action=st.sampled_from(["open", "close", "isolate", "release"]),
    )
    def a_hand_acts(self, seconds: float | None, action: str) -> None:
        machine, before = self.machine, self.machine.state
        if action == "open":
            machine.open(self.now, by="ann", reason="drill", seconds=seconds)
            assert machine.state is State.OPEN
        elif action == "isolate":
            machine.isolate(self.now, by="ann", reason="drill", seconds=seconds)
            assert machine.state is State.ISOLATED
            assert machine.until == (math.inf if seconds is None else self.now + seconds)
        elif action == "close":
            machine.close(self.now, by="ann", reason="drill")
            assert machine.state is HOME[machine.options.mode]
        else:
            machine.release(self.now, by="ann", reason="drill")
            assert machine.state is not State.ISOLATED or before is not State.ISOLATED

    @rule(row=options())
    def the_row_changes(self, row: BreakerOptions) -> None:
        before = self.machine.state
        self.machine.reconfigure(row, self.now)
        if before is State.ISOLATED:
            assert self.machine.state is State.ISOLATED
        if before is State.OPEN and row.mode == "on":
            assert self.machine.state is State.OPEN

    @rule()
    def somebody_looks(self) -> None:
        machine = self.machine
        before = (machine.state, machine.generation, machine.until, machine._probe, machine._passed)
        machine.admits(self.now + 1e6)
        machine.retry_after(self.now)
        assert before == (machine.state, machine.generation, machine.until, machine._probe, machine._passed)

    @invariant()
    def generations_only_grow(self) -> None:
        self.generations.append(self.machine.generation)
        assert self.generations == sorted(self.generations)

    @invariant()
    def one_probe_at_most_and_it_is_somebodys(self) -> None:
        machine = self.machine
        probe = machine._probe
        if machine.state is not State.HALF_OPEN:
            assert (probe, machine._passed) == (None, 0)
        elif probe is not None:
            assert probe in self.outstanding, "a permit that nobody holds would never come back"
            assert [one for one in self.outstanding if one > machine.generation].count(probe) == 1
        assert machine._passed < machine.options.permits

    @invariant()
    def moves_are_in_the_table(self) -> None:
        for moved in self.machine.drain():
            allowed = TABLE[moved.before, moved.event]
            assert moved.after is allowed or (allowed is State.CLOSED and moved.after in FLOWING)

    def teardown(self) -> None:
        """Never stuck: whatever has happened, a healthy target is served by its third call at the latest."""
        machine = self.machine
        if machine.until == math.inf and machine.state is State.ISOLATED:
            machine.release(self.now, by="ann", reason="end")
        if machine.until < math.inf:
            self.now = max(self.now, machine.until)
        for permit in self.outstanding:
            machine.ignored(permit)
        for _ in range(machine.options.permits):
            permit = machine.admit(self.now)
            assert permit != REFUSED
            machine.succeeded(permit, self.now, 0.01)
            self.now += 100.0
        assert machine.state is HOME[machine.options.mode]


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


@given(
    failures=st.integers(1, 5),
    window=st.sampled_from([10.0, 60.0]),
    calls=st.lists(st.tuples(st.floats(0.0, 25.0), st.booleans()), max_size=40),
)
def test_it_trips_exactly_when_the_rule_says(
    failures: int, window: float, calls: list[tuple[float, bool]]
) -> None:
    """Against a model that keeps every call, it opens with the very call that breaks the rule, and with no other.

    Where calls lie in the tenth of the window that its buckets blur, either answer is right.
    """
    machine = Breaker(BreakerOptions(failures=failures, window=window), seeded(), 1_000.0)
    past: deque[tuple[float, bool]] = deque()
    now, in_a_row = 1_000.0, 0
    for gap, good in calls:
        now += gap
        past.append((now, good))
        in_a_row = 0 if good else in_a_row + 1
        permit = machine.admit(now)
        (machine.succeeded if good else machine.failed)(permit, now, 0.01)
        verdicts = set()
        failed = [at for at, ok in past if not ok and now - at < window]
        for span in (window, window * 1.1):
            seen = [ok for at, ok in past if now - at < span]
            half = 2 * seen.count(False) >= len(seen)
            verdicts.add(not good and len(failed) >= failures and (half or in_a_row >= failures))
        if len(verdicts) == 1:
            assert (machine.state is State.OPEN) == verdicts.pop()
        if machine.state is State.OPEN:
            return
