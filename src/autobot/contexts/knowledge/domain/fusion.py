"""Joining what several searches found. Pure.

Two ways, each where it is the better one. By ranks (reciprocal rank fusion, Cormack, Clarke & Büttcher 2009): robust
where only the very best count, and so what the vector of a question is moved towards. By scores in standard form (each
list's mean taken off, in units of its deviation; Montague & Aslam 2001): keeps how far a passage stands above the rest,
which a rank loses, and so what results come by. What is told of the latter is its logistic, 1 / (1 + e⁻ˣ): of the same
order and above 0, as readers expect of a score; the middle of what was found is 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

RANK_CONSTANT: Final = 60
"""Of reciprocal rank fusion, as published: how little the first ranks differ."""
UNFOUND_MAX: Final = -1.0
"""In units of deviation: what a list that did not find a passage says of it at most."""


class Ranked(NamedTuple):
    """What one search found: a passage of a document, with its score. A tuple: a search makes hundreds."""

    passage_id: str
    document_id: str
    score: float


def by_document(found: Iterable[Ranked]) -> list[Ranked]:
    """Return each document once, by its best passage. `found` comes best first."""
    best: dict[str, Ranked] = {}
    for one in found:
        best.setdefault(one.document_id, one)
    return list(best.values())


def by_rank(
    lists: Sequence[Sequence[Ranked]], most: int | None = None, constant: int = RANK_CONSTANT
) -> list[Ranked]:
    """Return passages by the sum of 1 / (constant + rank) over the lists, best first, and no more than `most`."""
    sums: dict[str, float] = {}
    for found in lists:
        for rank, one in enumerate(found, start=1):
            sums[one.passage_id] = sums.get(one.passage_id, 0.0) + 1 / (constant + rank)
    return _ordered(lists, sums, most)


def by_score(lists: Sequence[Sequence[Ranked]], whole: int = 0, silent: Container[int] = ()) -> list[Ranked]:
    """Return passages by the mean of their scores in standard form, best first; scores are its logistic (above 0, up to 1).

    A list that has not found a passage counts it as its last one, or as a deviation below the middle if that is lower. One
    of fewer than `whole` passages has found all that there is: the others have a score of 0 there, and are part of its
    middle. So a word that one passage alone has, a part's number, stands out as far as it should; that list by itself has
    no deviation. `silent`: places of lists that, when whole, say nothing of the others: these may have no vector yet, and
    stand in the middle.
    """
    everyone = dict.fromkeys([one.passage_id for found in lists for one in found], 0.0)
    forms = []
    for at, found in enumerate(lists):
        if found:
            others = len(everyone) - len(found) if len(found) < whole else 0
            scores, unfound = _standard(found, 0 if at in silent else others)
            forms.append((scores, 0.0 if others and at in silent else unfound))
    sums = everyone
    for scores, unfound in forms:
        known = scores.get
        sums = {id: so_far + known(id, unfound) for id, so_far in sums.items()}  # noqa: A001 - the field's own word
    joined = _ordered(lists, {id: score / len(forms) for id, score in sums.items()})  # noqa: A001 - as above
    return [Ranked(one.passage_id, one.document_id, 1 / (1 + math.exp(-one.score))) for one in joined]


def _standard(found: Sequence[Ranked], others: int) -> tuple[Mapping[str, float], float]:
    """Return each passage's score in standard form, and what one that is not there gets; `others` have a score of 0."""
    scores = [one.score for one in found] + [0.0] * others
    middle = math.fsum(scores) / len(scores)
    deviation = math.sqrt(math.fsum((one - middle) ** 2 for one in scores) / len(scores)) or 1.0
    formed = {one.passage_id: (one.score - middle) / deviation for one in found}
    return formed, -middle / deviation if others else min(UNFOUND_MAX, *formed.values())


def _ordered(
    lists: Sequence[Sequence[Ranked]], sums: Mapping[str, float], most: int | None = None
) -> list[Ranked]:
    documents = {one.passage_id: one.document_id for found in lists for one in found}
    best = sorted((-score, id) for id, score in sums.items())[:most]  # noqa: A001 - the field's own word
    return [
        Ranked(id, documents[id], -score)
        for score, id in best  # noqa: A001 - as above
    ]


def moved(question: Sequence[float], towards: Sequence[Sequence[float]]) -> list[float]:
    """Return a question's vector, moved half the way to the mean of passages that fit it (Rocchio 1971).

    All of length 1. Without passages it stays.
    """
    if not towards:
        return list(question)
    share = 0.5 / len(towards)
    sums = map(sum, zip(*towards, strict=True))
    return [0.5 * one + share * total for one, total in zip(question, sums, strict=True)]
