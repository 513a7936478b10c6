"""Full-text search over passages of the guide, in memory. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from autobot.contexts.agents.assistant.passages import Passage
from autobot.kernel.core.ranking import Bm25, stem

TITLE_WEIGHT: Final = 3
"""A word of the heading counts as if it stood so often in the text."""

UNKNOWN_WEIGHT: Final = 0.7

_WORD: Final = re.compile(r"[^\W_]+")
STOP: Final = frozenset(
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
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in STOP]


class Guide:
    """Passages that can be searched. Built once; searching changes nothing."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = tuple(passages)
        self._counts = [
            Counter(words_of(one.text) + words_of(one.title) * TITLE_WEIGHT) for one in self._passages
        ]
        self._titles = [frozenset(words_of(one.title.rpartition(" › ")[2])) for one in self._passages]
        self._ranking = Bm25(self._counts)
        # A word that the guide has nowhere says less about a question than the rarest one that it has.
        self._unknown = self._ranking.unknown * UNKNOWN_WEIGHT

    def __len__(self) -> int:
        """Return how many passages there are."""
        return len(self._passages)

    def search(self, text: str, limit: int = 4) -> tuple[Found, ...]:
        """Return the best passages, best first; none when no word of `text` occurs."""
        wanted = dict.fromkeys(words_of(text))
        weights = {word: self._ranking.weight(word) for word in wanted}
        whole = sum(self._unknown if one is None else one for one in weights.values()) or 1.0
        found = []
        for index, counts in enumerate(self._counts):
            shared = [word for word in wanted if word in counts]
            if shared:
                coverage = sum(weights[word] or 0.0 for word in shared) / whole
                found.append((self._ranking.score(shared, index), -index, coverage))
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
