"""How well passages fit words: Okapi BM25 over lists of who holds each word, and no more of the lists than need be.

The rarest word comes first. Once the passages that were met cannot be overtaken by one that holds only the words that
are left (Turtle & Flood 1995, the bound of MaxScore), those words are looked up for them alone. So what is found is
what going through every list would find, and the commonest words of a language cost next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from autobot.kernel.core.ranking import K1, B

RARITY_MIN: Final = 1e-6
"""Of a word that half of all passages hold, as in FTS5: it is no reason against one of them."""
LONG: Final = 1_000
"""Entries from which on a list is worth the question whether it must be gone through."""
SLACK: Final = 1 + 1e-9
"""On bounds: sums of floats are not exact."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Which passages of a part hold a word, by their places in it, ascending (uint32), and how often (uint16)."""

    places: NDArray[np.uint32]
    counts: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word of a question, in one part: how rare it is in all of them, and who holds it there."""

    rarity: float
    holding: Holding


@dataclass(frozen=True, slots=True)
class Scored:
    """Places of passages in a part, with their scores, in no order."""

    places: NDArray[Any]
    scores: NDArray[np.float64]


def rarity(passages: int, holding: int) -> float:
    """Return how much a word says that so many of all passages hold."""
    return max(math.log((passages - holding + 0.5) / (holding + 0.5)), RARITY_MIN)


def best(wanted: Sequence[Wanted], lengths: NDArray[Any], mean: float, most: int) -> Scored:
    """Return the best passages of a part: at least `most`, with all that fit as well as the last, if there are so many.

    `lengths` gives the words that each passage has, `mean` their mean over all parts (above 0).
    """
    rare_first = sorted(wanted, key=lambda one: -one.rarity)
    left = np.cumsum([0.0, *(one.rarity * (K1 + 1) for one in reversed(rare_first))])[::-1] * SLACK
    scores = np.zeros(len(lengths))
    for number, one in enumerate(rare_first):
        # What was met scores at most what was gone through: while that is no more than what is left, nothing ends here.
        if len(one.holding.places) >= LONG and left[number] < left[0] - left[number]:
            met = np.flatnonzero(scores > 0)
            if len(met) >= most:
                bound = _least(scores[met], most)
                if left[number] < bound:
                    near = met[scores[met] + left[number] >= bound].astype(np.uint32)
                    return _looked_up(near, scores[near], rare_first[number:], lengths, mean, most)
        scores[one.holding.places] += _worth(one, one.holding.places, one.holding.counts, lengths, mean)
    met = np.flatnonzero(scores > 0)
    return _cut(met, scores[met], most)


def _looked_up(
    near: NDArray[np.uint32],
    scores: NDArray[np.float64],
    wanted: Sequence[Wanted],
    lengths: NDArray[Any],
    mean: float,
    most: int,
) -> Scored:
    """Return the best of the passages `near`, after the words that are left."""
    for one in wanted:
        places = one.holding.places
        at = np.minimum(np.searchsorted(places, near), len(places) - 1)
        hit = np.flatnonzero(places[at] == near)
        scores[hit] += _worth(one, near[hit], one.holding.counts[at[hit]], lengths, mean)
    return _cut(near, scores, most)


def _worth(
    one: Wanted, places: NDArray[Any], counts: NDArray[np.uint16], lengths: NDArray[Any], mean: float
) -> NDArray[np.float64]:
    often = counts.astype(np.float64)
    found: NDArray[np.float64] = (
        one.rarity * often * (K1 + 1) / (often + K1 * (1 - B + B * lengths[places] / mean))
    )
    return found


def _cut(places: NDArray[Any], scores: NDArray[np.float64], most: int) -> Scored:
    if len(places) <= most:
        return Scored(places, scores)
    enough = scores >= _least(scores, most)
    return Scored(places[enough], scores[enough])


def _least(scores: NDArray[np.float64], most: int) -> float:
    """Return the score that so many have at least."""
    return float(np.partition(scores, len(scores) - most)[len(scores) - most])
