"""Full-text search over passages: Okapi BM25 (Robertson & Zaragoza 2009, §3.2), in memory. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from autobot.contexts.agents.assistant.passages import Passage

K1: Final = 1.2
B: Final = 0.75
TITLE_WEIGHT: Final = 3
"""A word of the heading counts as if it stood so often in the text."""

UNKNOWN_WEIGHT: Final = 0.7

_WORD: Final = re.compile(r"[^\W_]+")
_STOP: Final = frozenset(
    [
        "a",
        "about",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "for",
        "from",
        "had",
        "has",
        "have",
        "hello",
        "hey",
        "hi",
        "thank",
        "thanks",
        "he",
        "her",
        "here",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "like",
        "me",
        "my",
        "no",
        "not",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "please",
        "should",
        "show",
        "so",
        "some",
        "such",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "up",
        "us",
        "use",
        "used",
        "using",
        "want",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that was found. `coverage` (0–1) is the share of the question's words, by weight, that it has;
    `titled` says that one of them stands in its heading."""

    passage: Passage
    score: float
    coverage: float
    titled: bool


def words_of(text: str) -> list[str]:
    """Return the words that count, without endings, in order."""
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def stem(word: str) -> str:
    """Return a word without its commonest English endings; short words stay."""
    for ending in ("ings", "ing", "edly", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


class Guide:
    """Passages that can be searched. Built once; searching changes nothing."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = tuple(passages)
        self._counts = [
            Counter(words_of(one.text) + words_of(one.title) * TITLE_WEIGHT) for one in self._passages
        ]
        self._titles = [frozenset(words_of(one.title.rpartition(" › ")[2])) for one in self._passages]
        self._lengths = [sum(counts.values()) for counts in self._counts]
        self._mean = sum(self._lengths) / max(len(self._lengths), 1) or 1.0
        holding = Counter(word for counts in self._counts for word in counts)
        total = len(self._passages)
        self._weights = {
            word: math.log(1 + (total - count + 0.5) / (count + 0.5)) for word, count in holding.items()
        }
        # A word that the guide has nowhere says less about a question than the rarest one that it has.
        self._unknown = math.log(1 + (total + 0.5) / 0.5) * UNKNOWN_WEIGHT

    def __len__(self) -> int:
        """Return how many passages there are."""
        return len(self._passages)

    def search(self, text: str, limit: int = 4) -> tuple[Found, ...]:
        """Return the best passages, best first; none when no word of `text` occurs."""
        wanted = dict.fromkeys(words_of(text))
        whole = sum(self._weights.get(word, self._unknown) for word in wanted) or 1.0
        found = []
        for index, counts in enumerate(self._counts):
            shared = [word for word in wanted if word in counts]
            if shared:
                score = sum(self._weight(word, counts[word], self._lengths[index]) for word in shared)
                coverage = sum(self._weights[word] for word in shared) / whole
                found.append((score, -index, coverage))
        found.sort(reverse=True)
        return tuple(
            Found(
                passage=self._passages[-negative],
                score=score,
                coverage=coverage,
                titled=not self._titles[-negative].isdisjoint(wanted),
            )
            for score, negative, coverage in found[:limit]
        )

    def _weight(self, word: str, count: int, length: int) -> float:
        return self._weights[word] * count * (K1 + 1) / (count + K1 * (1 - B + B * length / self._mean))
