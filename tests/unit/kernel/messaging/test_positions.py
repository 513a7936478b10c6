"""The checkpoint never passes what is not settled, and never stays behind what is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.messaging.positions import Positions


@given(st.lists(st.booleans(), max_size=40), st.randoms(use_true_random=False), st.integers(0, 5))
def test_low_is_just_before_the_first_open_position(wanted: list[bool], order: object, start: int) -> None:
    """In whatever order positions are settled, low is the model's: the last one with nothing open up to it."""
    positions, open_, read = Positions(start), list[int](), start
    settle = [start + one for one, flag in enumerate(wanted, start=1) if flag]
    order.shuffle(settle)  # type: ignore[attr-defined]
    waiting = iter(enumerate(wanted, start=start + 1))
    for position, flag in waiting:
        positions.read(position, wanted=flag)
        read = position
        if flag:
            open_.append(position)
    for position in settle:
        assert positions.low == (min(open_) - 1 if open_ else read)
        assert positions.oldest == min(open_)
        rest = [one for one in open_ if one != position]
        assert positions.low_after(position) == (min(rest) - 1 if rest else read)
        positions.settle(position)
        positions.settle(position)
        open_.remove(position)
    assert (positions.low, positions.oldest, len(positions)) == (read, None, 0)


def test_positions_are_read_in_order() -> None:
    """A position that comes again, or out of order, is an error of the log."""
    positions = Positions(3)
    positions.read(5, wanted=True)
    for position in (3, 5, 4):
        with pytest.raises(ValueError, match="before"):
            positions.read(position, wanted=False)


def test_low_after_a_settled_position_is_low() -> None:
    """What was settled before changes nothing when it is settled again."""
    positions = Positions(0)
    for one in (1, 2, 3):
        positions.read(one, wanted=True)
    positions.settle(2)
    assert positions.low_after(2) == positions.low == 0
    assert positions.low_after(1) == 2
