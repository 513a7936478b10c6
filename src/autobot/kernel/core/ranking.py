"""How well texts fit a question: Okapi BM25 (Robertson & Zaragoza 2009, §3.2), and English endings. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

K1: Final = 1.2
B: Final = 0.75


def stem(word: str) -> str:
    """Return a word without its commonest English endings; short words stay."""
    for ending in ("ings", "ing", "edly", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


class Bm25:
    """Scores of texts, given as counts of their words. Made once; asking changes nothing."""

    def __init__(self, counts: Sequence[Counter[str]]) -> None:
        self._counts = counts
        self._lengths = [sum(one.values()) for one in counts]
        self._mean = sum(self._lengths) / max(len(self._lengths), 1) or 1.0
        holding = Counter(word for one in counts for word in one)
        self._weights = {word: self._rarity(count) for word, count in holding.items()}
        self.unknown = self._rarity(0)
        """The weight that a word would have that stands nowhere."""

    def _rarity(self, holding: int) -> float:
        return math.log(1 + (len(self._counts) - holding + 0.5) / (holding + 0.5))

    def weight(self, word: str) -> float | None:
        """Return how much a word says (its inverse document frequency); None for one that stands nowhere."""
        return self._weights.get(word)

    def score(self, words: Iterable[str], index: int) -> float:
        """Return how well the text at `index` fits words; those that it has not count nothing."""
        counts, length = self._counts[index], self._lengths[index]
        norm = K1 * (1 - B + B * length / self._mean)
        return sum(
            self._weights[word] * counts[word] * (K1 + 1) / (counts[word] + norm)
            for word in words
            if word in counts
        )
