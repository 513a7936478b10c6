"""How often the built-in assistant finds the right page of the guide."""

from __future__ import annotations

from bench.guide_questions import judged

HIT_MIN, WRONG_MAX = 0.80, 0.05


def test_most_questions_are_answered_from_the_right_page_and_others_are_not_answered() -> None:
    """Of a hundred questions and more four in five are answered from a page that answers them; hardly any that the
    guide does not answer gets an answer."""
    found = judged()
    answered = [one for one in found if one.pages]
    outside = [one for one in found if not one.pages]
    assert (len(answered), len(outside)) >= (100, 20)
    assert sum(one.verdict == "hit" for one in answered) / len(answered) >= HIT_MIN
    assert sum(one.verdict == "wrong" for one in outside) / len(outside) <= WRONG_MAX
