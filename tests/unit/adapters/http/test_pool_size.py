"""How many connections a pool may hold."""

from hypothesis import given
from hypothesis import strategies as st

from autobot.adapters.http.pool import WINDOW_S, PoolSize


def test_it_grows_at_once() -> None:
    """A call that would be one too many finds room."""
    size = PoolSize(4, 256, 0.0)
    assert [size.seen(number, 0.0) for number in (1, 4, 5, 40)] == [4, 4, 5, 40]


def test_it_falls_back_after_two_windows() -> None:
    """A burst keeps its connections for one more window, then the limit follows what is seen now."""
    size = PoolSize(4, 256, 0.0)
    size.seen(40, 1.0)
    assert size.seen(1, WINDOW_S + 1) == 40
    assert size.seen(6, 2 * WINDOW_S + 2) == 6
    assert size.seen(1, 3 * WINDOW_S + 3) == 6
    assert size.seen(1, 4 * WINDOW_S + 4) == 4


def test_after_a_silence_the_burst_before_it_is_forgotten() -> None:
    """Whoever comes back after an hour begins small."""
    size = PoolSize(4, 256, 0.0)
    size.seen(40, 1.0)
    assert size.seen(1, 3600.0) == 4


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.floats(0.0, 100.0)), max_size=50),
    st.integers(1, 8),
    st.integers(8, 300),
)
def test_it_stays_within_its_bounds_and_never_starves(
    steps: list[tuple[int, float]], least: int, most: int
) -> None:
    """Whatever is seen, the limit lies within its bounds and leaves room for what is in flight below the upper one."""
    size, now = PoolSize(least, most, 0.0), 0.0
    for in_flight, passed in steps:
        now += passed
        limit = size.seen(in_flight, now)
        assert least <= limit <= most
        assert limit >= min(in_flight, most)
