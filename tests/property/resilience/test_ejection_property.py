"""Setting targets aside, against any order of answers and failures."""

from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.resilience.endpoint.ejection import expel, judge
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.endpoint.strategy import Chooser
from autobot.kernel.resilience.registry import NO_BREAKER, Registry, Target
from autobot.testing.virtual_time import FixedChance

CHANCE = FixedChance(0.3)
STEPS = st.lists(
    st.tuples(st.integers(0, 7), st.booleans(), st.floats(0.0, 20.0), st.sampled_from(["expel", "judge"])),
    max_size=120,
)


def targets_of(count: int) -> list[Target]:
    """So many targets without a breaker."""
    registry = Registry()
    return [
        registry.target("link", f"t{number}", CHANCE, 0.0, breaker=NO_BREAKER, slow_after=None)
        for number in range(count)
    ]


def learn(target: Target, now: float, *, failed: bool) -> None:
    """Write an outcome down as the pipeline does."""
    target.latency.add(now, 0.01)
    target.consecutive = target.consecutive + 1 if failed else 0
    if failed:
        target.latency.fail(now)


@given(
    count=st.integers(1, 8),
    share=st.floats(0.0, 0.5),
    failures=st.integers(1, 6),
    base=st.floats(1.0, 60.0),
    most=st.floats(1.0, 600.0),
    steps=STEPS,
)
def test_no_more_go_than_may_and_for_base_times_count(
    count: int,
    share: float,
    failures: int,
    base: float,
    most: float,
    steps: list[tuple[int, bool, float, str]],
) -> None:
    """At most the share is out (but one may be, and never the only one), each for base × count up to the most."""
    options = EndpointOptions(
        policy="least_loaded",
        ejection=True,
        ejection_share=share,
        ejection_failures=failures,
        ejection_time=base,
        ejection_time_max=most,
    )
    targets, now = targets_of(count), 0.0
    allowed = min(count - 1, max(1, int(share * count)))
    for number, failed, wait, step in steps:
        now += wait
        learn(targets[number % count], now, failed=failed)
        before = {one.address: (one.ejected_until, one.ejections, one.consecutive) for one in targets}
        (expel if step == "expel" else judge)(targets, options, now)
        assert sum(now < one.ejected_until for one in targets) <= allowed
        for one in targets:
            until, ejections, in_a_row = before[one.address]
            if one.ejected_until != until:
                assert now >= until
                assert one.ejections == ejections + 1
                assert one.ejected_until == now + min(base * one.ejections, most)
                assert step == "judge" or in_a_row >= failures
            else:
                assert ejections - one.ejections in (0, 1 if step == "judge" else 0)


@given(count=st.integers(2, 8), failures=st.integers(1, 6))
def test_one_who_fails_in_a_row_is_out_at_exactly_that_number(count: int, failures: int) -> None:
    """One failure less and it stays, that many and it goes; an answer between them begins the count anew."""
    options = EndpointOptions(ejection=True, ejection_failures=failures)
    targets = targets_of(count)
    for _ in range(failures - 1):
        learn(targets[0], 1.0, failed=True)
    expel(targets, options, 1.0)
    assert targets[0].ejected_until == 0.0
    learn(targets[0], 1.0, failed=False)
    for number in range(failures):
        assert targets[0].ejected_until == 0.0, number
        learn(targets[0], 1.0, failed=True)
        expel(targets, options, 1.0)
    assert targets[0].ejected_until > 1.0


@given(
    among=st.sets(st.integers(0, 5), min_size=1),
    out=st.sets(st.integers(0, 5)),
    tried=st.sets(st.integers(0, 5)),
    policy=st.sampled_from(["first", "round_robin", "least_loaded"]),
)
def test_only_those_that_have_it_are_chosen(
    among: set[int], out: set[int], tried: set[int], policy: str
) -> None:
    """Whoever is set aside or was tried, the choice stays among the targets that have what is asked for."""
    targets = targets_of(6)
    for number in out:
        targets[number].ejected_until = 100.0
    chooser = Chooser(EndpointOptions(policy=policy, ejection=True), targets, CHANCE)  # type: ignore[arg-type]
    chosen = chooser.choose(1.0, [targets[one] for one in tried], frozenset(f"t{one}" for one in among))
    assert chosen is not None
    number = int(chosen.address[1:])
    assert number in among
    assert number not in out or among <= out
    assert number not in tried or (among - out or among) <= tried
