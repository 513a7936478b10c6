"""How good a ranking is, judged by what is known to be relevant. Pure.

Measures as in Järvelin & Kekäläinen 2002 (nDCG, with the exponential gain of Burges et al. 2005) and Voorhees 1999 (MRR).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def recall(found: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Return the share (0–1) of relevant documents among the first `depth`. Relevant is what has a grade above 0.

    Raises ValueError when nothing is relevant: there is nothing to find.
    """
    relevant = _relevant(grades)
    return len(relevant & set(found[:depth])) / len(relevant)


def reciprocal_rank(found: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Return 1 / rank of the first relevant one among the first `depth`, 0 for none. Raises ValueError as `recall`."""
    relevant = _relevant(grades)
    return next((1 / rank for rank, one in enumerate(found[:depth], start=1) if one in relevant), 0.0)


def ndcg(found: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Return the discounted gain of the first `depth` beside that of the best order (0–1).

    The gain of a grade g is 2^g − 1, discounted by log2(rank + 1). A document that is found twice counts once. Raises
    ValueError as `recall`.
    """
    _relevant(grades)
    once = list(dict.fromkeys(found))
    gained = _discounted([grades.get(one, 0.0) for one in once[:depth]])
    best = _discounted(sorted(grades.values(), reverse=True)[:depth])
    # Grades may be so small that their gains are nothing.
    return gained / best if best else 0.0


def _relevant(grades: Mapping[str, float]) -> set[str]:
    relevant = {one for one, grade in grades.items() if grade > 0}
    if not relevant:
        raise ValueError("a question without relevant documents has no measure")
    return relevant


def _discounted(grades: Sequence[float]) -> float:
    return math.fsum(
        math.expm1(grade * math.log(2)) / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1)
    )
