"""Measures of a ranking, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from autobot.contexts.knowledge.domain.quality import ndcg, recall, reciprocal_rank

GRADES = {"a": 3.0, "b": 2.0, "c": 1.0, "d": 0.0}


def test_recall_is_the_share_of_the_relevant_that_is_found() -> None:
    """Of three relevant ones two are among the first four; what has grade 0 is not relevant."""
    found = ["x", "a", "d", "c", "b"]
    assert recall(found, GRADES, 4) == pytest.approx(2 / 3)
    assert recall(found, GRADES, 5) == 1.0
    assert recall([], GRADES, 10) == 0.0


def test_the_reciprocal_rank_is_of_the_first_relevant_one() -> None:
    """The first relevant one stands third: a third; outside of the depth it counts nothing."""
    assert reciprocal_rank(["x", "d", "c", "a"], GRADES, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "d", "c", "a"], GRADES, 2) == 0.0


def test_ndcg_is_the_gain_beside_that_of_the_best_order() -> None:
    """Gains 7, 3, 1 of the grades 3, 2, 1 are discounted by log2(rank + 1): worked out for three orders."""
    best = 7 / 1 + 3 / math.log2(3) + 1 / 2
    assert ndcg(["a", "b", "c"], GRADES, 10) == pytest.approx(1.0)
    assert ndcg(["x", "b", "a"], GRADES, 10) == pytest.approx((3 / math.log2(3) + 7 / 2) / best)
    assert ndcg(["c"], GRADES, 1) == pytest.approx(1 / 7)
    assert ndcg(["x", "y"], GRADES, 10) == 0.0


def test_what_is_found_twice_counts_once() -> None:
    """A document that a ranking names twice gains nothing the second time."""
    assert ndcg(["a", "a", "b"], GRADES, 10) == ndcg(["a", "b"], GRADES, 10)
    assert ndcg(["a", "a", "a"], GRADES, 10) < 1.0
    assert recall(["a", "a"], GRADES, 2) == pytest.approx(1 / 3)


def test_a_question_without_relevant_documents_has_no_measure() -> None:
    """Nothing to find is no 0 and no 1: it is refused."""
    for measure in (recall, reciprocal_rank, ndcg):
        with pytest.raises(ValueError, match="relevant"):
            measure(["a"], {"a": 0.0}, 10)


def test_grades_that_are_next_to_nothing_have_a_measure_too() -> None:
    """A gain too small for its own arithmetic divides by nothing."""
    assert 0.0 <= ndcg(["a"], {"a": 5e-324}, 10) <= 1.0
