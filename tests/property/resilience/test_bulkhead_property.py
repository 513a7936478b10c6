"""The bulkhead against any order of comings and goings: no permit is lost, none is made."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autobot.kernel.resilience.bulkhead.criticality import Criticality
from autobot.kernel.resilience.bulkhead.machine import UNLIMITED, Bulkhead, Wait, Waiter
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions


@st.composite
def options(draw: st.DrawFn) -> BulkheadOptions:
    """Any bulkhead."""
    return BulkheadOptions(
        limit=draw(st.integers(3, 8)),
        queue=draw(st.none() | st.integers(0, 4)),
        adaptive=draw(st.booleans()),
        limit_min=1,
        limit_max=10,
    )


class Traffic(RuleBasedStateMachine):
    """Attempts come, wait, give up and leave; a model counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.inside = 0
        self.waiters: list[Waiter] = []
        self.woken: dict[int, int] = {}
        self.bulkhead: Bulkhead

    @initialize(row=options())
    def build(self, row: BulkheadOptions) -> None:
        self.bulkhead = Bulkhead(row, self.now)

    @rule(seconds=st.floats(0.0, 3.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(level=st.sampled_from(Criticality), patience=st.none() | st.floats(0.0, 5.0))
    def one_comes(self, level: Criticality, patience: float | None) -> None:
        if self.bulkhead.try_enter(level):
            self.inside += 1
            return
        name = len(self.woken)
        self.woken[name] = 0

        def wake() -> None:
            self.woken[name] += 1

        deadline = None if patience is None else self.now + patience
        waiter = self.bulkhead.wait(level, self.now, deadline, wake)
        if waiter is not None:
            self.waiters.append(waiter)

    @precondition(lambda self: self.inside)
    @rule(dropped=st.booleans(), fused=st.booleans())
    def one_leaves(self, dropped: bool, fused: bool) -> None:
        self.inside -= 1
        if fused:
            self.bulkhead.running -= 1
            if self.bulkhead.attentive:
                self.bulkhead.left(self.now, 0.5, dropped=dropped)
        else:
            self.bulkhead.leave(self.now)

    @precondition(lambda self: self.waiters)
    @rule(data=st.data(), gives_up=st.booleans())
    def one_wakes_or_gives_up(self, data: st.DataObject, gives_up: bool) -> None:
        waiter = data.draw(st.sampled_from(self.waiters))
        if not gives_up and waiter.state is Wait.WAITING:
            return
        self.waiters.remove(waiter)
        if gives_up:
            self.bulkhead.give_up(waiter, self.now)
        elif waiter.state is Wait.GRANTED:
            self.inside += 1

    @rule(expected=st.floats(0.0, 3.0))
    def calls_become_slower_or_faster(self, expected: float) -> None:
        self.bulkhead.expected = expected

    @rule(row=st.none() | options())
    def the_row_changes(self, row: BulkheadOptions | None) -> None:
        self.bulkhead.reconfigure(row, self.now)

    @invariant()
    def permits_are_conserved(self) -> None:
        granted = sum(waiter.state is Wait.GRANTED for waiter in self.waiters)
        assert self.bulkhead.running == self.inside + granted

    @invariant()
    def the_queue_is_what_waits(self) -> None:
        waiting = sum(waiter.state is Wait.WAITING for waiter in self.waiters)
        assert self.bulkhead.waiting == waiting
        assert waiting <= max(4, self.bulkhead.limit // 10)

    @invariant()
    def nobody_waits_beside_a_free_permit(self) -> None:
        assert self.bulkhead.waiting == 0 or self.bulkhead.running >= self.bulkhead.limit

    @invariant()
    def each_is_woken_once_at_most(self) -> None:
        assert all(times <= 1 for times in self.woken.values())

    @invariant()
    def who_must_be_told_is_told(self) -> None:
        bulkhead = self.bulkhead
        adaptive = bulkhead._gradient is not None
        assert bulkhead.attentive == (bulkhead.waiting > 0 or adaptive)
        assert bulkhead.limit == UNLIMITED or 1 <= bulkhead.free_below <= bulkhead.limit

    def teardown(self) -> None:
        """When all have gone, nothing is left."""
        for waiter in list(self.waiters):
            self.bulkhead.give_up(waiter, self.now)
        for _ in range(self.inside):
            self.bulkhead.leave(self.now)
        assert (self.bulkhead.running, self.bulkhead.waiting) == (0, 0)


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
