"""How well passages fit words: Okapi BM25 over lists of who holds each word, and no more of the lists than need be.

The rarest word comes first. Once the passages that were met cannot be overtaken by one that holds only the words that
are left (Turtle & Flood 1995, the bound of MaxScore), those words are looked up for them alone. So what is found is
what going through every list would find, and the commonest words of a language cost next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from autobot.kernel.core.ranking import K1, B

RARITY_MIN: Final = 1e-6
"""Of a word that half of all passages hold, as in FTS5: it is no reason against one of them."""
LONG: Final = 1_000
"""Entries from which on a list is worth the question whether it must be gone through."""
FEW, FEW_KEPT = 20, 200
"""How many times longer than the passages that are asked about a list is, from which on each is sought in it; else the list
is spread out over all passages, and each is looked up. The second is for lists that are kept so."""
SLACK: Final = 1 + 1e-9
"""On bounds: sums of floats are not exact."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Which passages of a part hold a word, by their places in it, ascending (uint32), and how often (uint16).

    `spread` gives how often each passage of the part holds it, where that is kept.
    """

    places: NDArray[np.uint32]
    counts: NDArray[np.uint16]
    spread: Callable[[], NDArray[np.uint16]] | None = None


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


def weights_of(lengths: NDArray[Any], mean: float) -> NDArray[np.float64]:
    """Return by how much the length of each passage weighs against it (BM25's K), given the mean of all (above 0)."""
    found: NDArray[np.float64] = K1 * (1 - B) + (K1 * B / mean) * lengths.astype(np.float64)
    return found


def best(wanted: Sequence[Wanted], against: NDArray[np.float64], most: int) -> Scored:
    """Return the best passages of a part: at least `most`, with all that fit as well as the last, if there are so many.

    `against` is what `weights_of` says of each passage of the part.
    """
    rare_first = sorted(wanted, key=lambda one: -one.rarity)
    sums = np.cumsum([0.0, *(one.rarity * (K1 + 1) for one in reversed(rare_first))])
    left = (sums[::-1] * SLACK).tolist()
    scores = np.zeros(len(against))
    for number, one in enumerate(rare_first):
        # What was met scores at most what was gone through: while that is no more than what is left, nothing ends here.
        if len(one.holding.places) >= LONG and left[number] < left[0] - left[number]:
            over = scores > left[number]
            if np.count_nonzero(over) >= most:
                least = _least(scores[over], most)
                near = np.flatnonzero(scores >= least - left[number]).astype(np.uint32)
                begun = Scored(near, scores.take(near))
                return _looked_up(begun, rare_first[number:], left[number + 1 :], against, most, least)
        places = one.holding.places
        # `take` costs half of what indexing by a list of places does.
        scores[places] = scores.take(places) + _worth(one, one.holding.counts, against.take(places))
    met = np.flatnonzero(scores > 0)
    return _cut(Scored(met, scores.take(met)), most)


def _looked_up(
    near: Scored,
    wanted: Sequence[Wanted],
    left: Sequence[float],
    against: NDArray[np.float64],
    most: int,
    least: float,
) -> Scored:
    """Return the best of the passages `near` after the words that are left.

    `left` is what a passage can still get after each of them, `least` what the last of the best has at least.
    """
    for one, after in zip(wanted, left, strict=True):
        hit, counts = _counts(one.holding, near.places, len(against))
        near.scores[hit] += _worth(one, counts, against.take(near.places[hit]))
        least = _least(near.scores[near.scores >= least], most)
        able = near.scores >= least - after
        near = Scored(near.places[able], near.scores[able])
    return near


def _counts(
    holding: Holding, near: NDArray[np.uint32], passages: int
) -> tuple[NDArray[np.intp], NDArray[np.uint16]]:
    """Return which of some places hold a word, by their order, and how often each does."""
    places = holding.places
    if len(near) * (FEW if holding.spread is None else FEW_KEPT) < len(places):
        at = np.searchsorted(places, near)
        at[at == len(places)] = 0
        hit = np.flatnonzero(places[at] == near)
        return hit, holding.counts[at[hit]]
    spread = holding.spread() if holding.spread else spread_out(places, holding.counts, passages)
    found = spread.take(near)
    hit = np.flatnonzero(found > 0)
    return hit, found[hit]


def spread_out(places: NDArray[np.uint32], counts: NDArray[np.uint16], passages: int) -> NDArray[np.uint16]:
    """Return how often each passage of a part holds a word."""
    spread = np.zeros(passages, dtype=np.uint16)
    spread[places] = counts
    return spread


def _worth(one: Wanted, counts: NDArray[np.uint16], against: NDArray[np.float64]) -> NDArray[np.float64]:
    often = counts.astype(np.float64)
    against = against + often
    often *= one.rarity * (K1 + 1)
    often /= against
    return often


def _cut(found: Scored, most: int) -> Scored:
    if len(found.places) <= most:
        return found
    enough = found.scores >= _least(found.scores, most)
    return Scored(found.places[enough], found.scores[enough])


def _least(scores: NDArray[np.float64], most: int) -> float:
    """Return the score that so many have at least."""
    return float(np.partition(scores, len(scores) - most)[len(scores) - most])
