"""Passages and questions for measuring search in large sets: words as often as in Cranfield, vectors in clusters.

Texts are 90 words each, drawn as often as they come in Cranfield's abstracts, so that the commonest stand in nearly
every passage, as those of a language do. Questions are Cranfield's own 225 and the titles of its documents. Vectors
(384 numbers) lie near a thousand and more centres, as texts of so many subjects have: at random, or where a model puts
the questions.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final

import numpy as np

from autobot.contexts.knowledge.ports.index import IndexedVersion, PassageIndex
from autobot.contracts.knowledge.passages import Passage, passage_id
from autobot.kernel.event_store.text import words
from bench.cranfield import read

DIMENSIONS, CLUSTERS, OF_DOCUMENT, WORDS = 384, 1000, 500, 90
NEAR: Final = 0.6
"""How far passages lie from their centre; a question lies a little further."""


class Made:
    """Texts, vectors and questions, the same for the same seed."""

    def __init__(self, seed: int = 7, centres: Any = None) -> None:
        self._random = np.random.default_rng(seed)
        known = read()
        counts = Counter(word for _, text in known.documents.values() for word in words(text))
        self._words = np.array(list(counts))
        self._weights = np.array(list(counts.values()), dtype=float) / counts.total()
        asked = [*known.questions, *(title for title, _ in known.documents.values() if title)]
        self.questions = list(dict.fromkeys(one.removesuffix(" .") for one in asked))
        self._centres = self._near(np.zeros((CLUSTERS, DIMENSIONS)), 1.0) if centres is None else centres

    def shuffled(self) -> list[str]:
        """Return the questions in another order."""
        return [str(one) for one in self._random.permutation(np.array(self.questions, dtype=object))]

    def _near(self, middles: Any, spread: float) -> Any:
        rows = middles + self._random.standard_normal(middles.shape) * spread / np.sqrt(DIMENSIONS)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def vectors(self, count: int, spread: float = NEAR) -> Any:
        """Return vectors near centres."""
        return self._near(self._centres[self._random.integers(0, len(self._centres), count)], spread)

    def texts(self, count: int) -> list[str]:
        """Return texts."""
        drawn = self._random.choice(self._words, (count, WORDS), p=self._weights)
        return [" ".join(row) for row in drawn]


async def fill(
    index: PassageIndex, made: Made, count: int, collection: str, model: str
) -> tuple[float, float]:
    """Put passages, as documents of five hundred; returns seconds, and those of this process's processor."""
    clock, processor = 0.0, 0.0
    for number in range(count // OF_DOCUMENT):
        document = f"d{number}"
        version = IndexedVersion(
            document_id=document, version=1, collection=collection, title=document, position=1, model=model
        )
        passages = [
            Passage(
                id=passage_id(document, 1, place),
                document_id=document,
                version=1,
                number=place,
                title=document,
                heading="",
                text=text,
                start=0,
                end=len(text),
            )
            for place, text in enumerate(made.texts(OF_DOCUMENT))
        ]
        vectors = made.vectors(OF_DOCUMENT).tolist()
        began, before = time.perf_counter(), time.process_time()
        await index.put(version, passages, vectors)
        clock, processor = clock + time.perf_counter() - began, processor + time.process_time() - before
    return clock, processor
