"""The rules of batches: nothing is lost or done twice, bounds hold, and nobody waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autobot.workers.npu.batching import LONGER, SHORT, Later, Piece, leave, next_batch, queue
from autobot.workers.npu.options import BatchRules

SLOTS = ("one", "two")
calls = st.lists(
    st.tuples(
        st.sampled_from(SLOTS), st.lists(st.integers(1, 512), min_size=1, max_size=40), st.floats(0, 0.05)
    ),
    min_size=1,
    max_size=12,
)
rules = st.builds(
    BatchRules,
    texts_max=st.integers(1, 16),
    tokens_max=st.integers(1, 2_048),
    linger_s=st.floats(0, 0.1),
    beside_tokens=st.integers(0, 2_048),
    beside_s=st.floats(0, 0.2),
    spread_s=st.floats(0, 0.02),
)


def arrived(wishes: list[tuple[str, list[int], float]], law: BatchRules) -> tuple[list[Piece], float]:
    """Queue calls one after another; return the queue and the time."""
    waiting: list[Piece] = []
    now = 100.0
    for number, (slot, sizes, pause) in enumerate(wishes):
        now += pause
        queue(waiting, slot, sizes, [(number, place) for place in range(len(sizes))], now, law)
    return waiting, now


@given(calls, rules)
def test_every_text_is_computed_once(wishes: list[tuple[str, list[int], float]], law: BatchRules) -> None:
    """Taking batches until nothing waits computes each text exactly once, and it ends."""
    waiting, now = arrived(wishes, law)
    expected = sorted(one.work for one in waiting)
    done, left = [], len(waiting)
    while waiting:
        batch = next_batch(waiting, now, law)
        if isinstance(batch, Later):
            assert 0 < batch.seconds <= law.linger_s + 1e-9
            now += batch.seconds
            continue
        leave(waiting, batch)
        assert len(waiting) == left - len(batch)
        left = len(waiting)
        done += [one.work for one in batch]
    assert sorted(done) == expected


@given(calls, rules)
def test_bounds_hold_and_the_first_in_turn_goes(
    wishes: list[tuple[str, list[int], float]], law: BatchRules
) -> None:
    """A batch has one model, its most texts and tokens, the first in turn, and none that would hold that one up."""
    waiting, now = arrived(wishes, law)
    batch = next_batch(waiting, now + law.linger_s + 1e-6, law)
    assert not isinstance(batch, Later)
    first = waiting[0]
    assert any(one is first for one in batch)
    assert {one.slot for one in batch} == {first.slot}
    assert len(batch) <= law.texts_max
    longest = max(one.size for one in batch)
    assert longest * len(batch) <= max(law.tokens_max, first.size)
    assert longest <= max(LONGER * first.size, SHORT)


@given(calls, rules)
def test_a_text_lingers_no_longer_than_the_rule(
    wishes: list[tuple[str, list[int], float]], law: BatchRules
) -> None:
    """Whoever is first in turn is computed when its lingering is over, and at once when there is none."""
    waiting, now = arrived(wishes, law)
    found = next_batch(waiting, now, law)
    if isinstance(found, Later):
        assert now + found.seconds <= waiting[0].since + law.linger_s + 1e-9
    assert not isinstance(next_batch(waiting, waiting[0].since + law.linger_s + 1e-9, law), Later)


@given(calls, rules)
def test_little_is_not_begun_beside_another_batch(
    wishes: list[tuple[str, list[int], float]], law: BatchRules
) -> None:
    """A batch of few tokens waits for the one that is computed, no longer than the rule; enough of them does not wait."""
    waiting, now = arrived(wishes, law)
    alone = next_batch(waiting, now + law.linger_s + 1e-6, law)
    assert not isinstance(alone, Later)
    found = next_batch(waiting, now + law.linger_s + 1e-6, law, beside=True)
    enough = len(alone) * max(one.size for one in alone) >= law.beside_tokens
    if isinstance(found, Later):
        assert not enough
        assert now + found.seconds <= waiting[0].since + law.beside_s + 1e-9
    else:
        assert found == alone
    late = waiting[0].since + max(law.linger_s, law.beside_s) + 1e-9
    assert not isinstance(next_batch(waiting, late, law, beside=True), Later)


@given(st.integers(1, 2_000), st.integers(1, 64), st.floats(0.001, 0.02))
def test_one_text_has_its_turn_before_the_rest_of_thousands(count: int, size: int, spread: float) -> None:
    """A call of one text comes before every text of a large call whose turn is later, and after those that are due."""
    law = BatchRules(spread_s=spread)
    waiting: list[Piece] = []
    queue(waiting, "one", [size] * count, [("large", place) for place in range(count)], 100.0, law)
    now = 100.0 + count * spread / 2
    (single,) = queue(waiting, "one", [size], [("small", 0)], now, law)
    at = next(place for place, one in enumerate(waiting) if one is single)
    assert all(one.turn <= now for one in waiting[:at])
    assert all(one.turn > now for one in waiting[at + 1 :])
    assert at <= count / 2 + 1
