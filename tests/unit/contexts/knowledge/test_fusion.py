"""Joining what several searches found."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.contexts.knowledge.domain.fusion import Ranked, by_document, by_rank, by_score, moved


def ranked(*found: tuple[str, float]) -> list[Ranked]:
    """Return passages `<document>.1.<number>` with their scores."""
    return [Ranked(passage_id=one, document_id=one.split(".")[0], score=score) for one, score in found]


def ids(found: list[Ranked]) -> list[str]:
    """Return the ids of passages."""
    return [one.passage_id for one in found]


def test_ranks_are_joined_by_their_reciprocals() -> None:
    """1/(60 + rank) of each list is added: two second places are more than one first, whatever the scores."""
    one = ranked(("a.1.0", 99.0), ("b.1.0", 1.0), ("c.1.0", 0.5))
    other = ranked(("d.1.0", 0.9), ("b.1.0", 0.8))
    found = by_rank([one, other])
    assert ids(found) == ["b.1.0", "a.1.0", "d.1.0", "c.1.0"]
    assert found[0].score == pytest.approx(2 / 62)
    assert found[3].score == pytest.approx(1 / 63)


def deviations(found: list[Ranked]) -> dict[str, float]:
    """Return how far each passage stands from the middle: what its score is the logistic of."""
    return {one.passage_id: math.log(one.score / (1 - one.score)) for one in found}


def test_scores_are_joined_in_standard_form() -> None:
    """Scores 3, 2, 1 have mean 2 and deviation √(2/3); a list of another scale says the same, and both are averaged."""
    one = ranked(("a.1.0", 3.0), ("b.1.0", 2.0), ("c.1.0", 1.0))
    other = ranked(("b.1.0", 0.9), ("c.1.0", 0.6), ("a.1.0", 0.3))
    unit = 1 / math.sqrt(2 / 3)
    found = deviations(by_score([one, other]))
    assert found == pytest.approx({"a.1.0": 0.0, "b.1.0": unit / 2, "c.1.0": -unit / 2})


def test_a_list_that_has_not_found_a_passage_counts_against_it() -> None:
    """It counts as that list's last, and at least a deviation below the middle: a lone hit is worth something."""
    alone = ranked(("a.1.0", 7.0))
    other = ranked(("b.1.0", 4.0), ("a.1.0", 3.0), ("c.1.0", -1.0))
    found = by_score([alone, other])
    assert ids(found)[0] == "a.1.0"
    assert deviations(found)["c.1.0"] == pytest.approx((-1.0 - 3.0 / math.sqrt(14 / 3)) / 2)
    assert ids(by_score([[], other])) == ["b.1.0", "a.1.0", "c.1.0"]
    assert by_score([[], []]) == []


def test_every_score_is_above_nothing() -> None:
    """A lone hit is in the middle of all that was found, and what is below it still counts as found."""
    assert [one.score for one in by_score([ranked(("a.1.0", 7.0)), []])] == [0.5]
    far = ranked(*((f"{n}.1.0", 0.0 if n else 1e100) for n in range(400)))
    assert all(0 < one.score <= 1 for one in by_score([far, far]))


def test_a_word_that_one_passage_has_stands_out() -> None:
    """A list that is all there is counts the rest as 0: the one passage with a part's number is first, also where meaning
    knows better ones. A list that was cut does not say that."""
    words = ranked(("part.1.0", 9.7))
    meaning = ranked(*((f"{n}.1.0", 0.9 if n < 3 else 0.4 - n / 1000) for n in range(99)), ("part.1.0", 0.2))
    assert ids(by_score([words, meaning], whole=100))[0] == "part.1.0"
    assert ids(by_score([words, meaning]))[0] == "0.1.0"
    two = ranked(("part.1.0", 9.7), ("5.1.0", 9.6))
    assert ids(by_score([two, meaning], whole=100))[:2] == ["5.1.0", "part.1.0"]


def test_a_passage_without_a_vector_yet_is_not_far_from_the_question() -> None:
    """A list of all vectors says nothing of a passage that has none: the one that has the words stays first."""
    words = ranked(("new.1.0", 5.0))
    meaning = ranked(*((f"{n}.1.0", 0.5 - n / 10) for n in range(3)))
    assert ids(by_score([words, meaning], whole=100, silent=(1,)))[0] == "new.1.0"
    assert ids(by_score([words, meaning], whole=100))[0] == "0.1.0"


def test_each_document_comes_once_by_its_best_passage() -> None:
    """The first passage of a document stands for it."""
    found = ranked(("a.1.3", 3.0), ("b.1.0", 2.0), ("a.1.0", 1.0), ("b.1.7", 0.5))
    assert ids(by_document(found)) == ["a.1.3", "b.1.0"]


LISTS = st.lists(
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-5, 50), max_size=8).map(
        lambda scores: ranked(
            *sorted(((f"{one}.1.0", score) for one, score in scores.items()), key=lambda it: -it[1])
        )
    ),
    min_size=1,
    max_size=3,
)


@given(LISTS)
def test_joining_loses_nothing_and_does_not_depend_on_the_order_of_lists(lists: list[list[Ranked]]) -> None:
    """Each passage of any list is there once, best first, and the lists may come in any order."""
    for join in (by_rank, by_score):
        found = join(lists)
        assert sorted(ids(found)) == sorted({one.passage_id for each in lists for one in each})
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        turned = {one.passage_id: one.score for one in join(lists[::-1])}
        assert {one.passage_id: one.score for one in found} == pytest.approx(turned)


def test_a_question_moves_half_the_way_to_what_fits() -> None:
    """Half of it stays, half is the mean of the passages; without passages it stays whole."""
    assert moved([1.0, 0.0], [[0.0, 1.0], [0.0, 0.0]]) == [0.5, 0.25]
    assert moved([1.0, 0.0], []) == [1.0, 0.0]
