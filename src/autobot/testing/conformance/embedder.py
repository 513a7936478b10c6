"""What `Embedder` promises. Subclass `EmbedderSuite`, and override `embedder`."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from autobot.contexts.knowledge.ports.embedding import Embedder
from autobot.contracts.models import TEXTS_MAX
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import InvalidInput

TEXTS = ("A cat sits on the mat.", "Stock markets fell today.", "A cat sits on a mat.")


class EmbedderSuite(ABC):
    """Vectors of texts."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Embedder]:
        """Return the implementation under test, open for the block."""

    @abstractmethod
    def context(self) -> CallContext:
        """Return who asks."""

    def ask(self, *asked: Sequence[str]) -> list[Any]:
        """Return the answers to lists of texts, one after the other."""

        async def main() -> list[Any]:
            async with self.open() as embedder:
                return [await embedder.embed(texts, self.context()) for texts in asked]

        return asyncio.run(main())

    def test_each_text_has_a_vector_in_order(self) -> None:
        """One vector a text, all of one length, whatever stands beside a text; and the model has a name."""
        whole, *single = self.ask(TEXTS, *[[one] for one in TEXTS])
        assert len(whole.vectors) == 3
        assert whole.model
        assert {len(one) for one in whole.vectors} == {len(whole.vectors[0])}
        for one, alone in zip(whole.vectors, single, strict=True):
            assert list(one) == pytest.approx(list(alone.vectors[0]), abs=1e-4)
            assert alone.model == whole.model

    def test_like_texts_are_nearer(self) -> None:
        """Texts that say the same are nearer one another than those that do not."""
        (answer,) = self.ask(TEXTS)
        first, other, like = answer.vectors
        assert cosine(first, like) > cosine(first, other)

    def test_no_texts_and_too_many_are_refused(self) -> None:
        """Nothing to embed, and more than one call may carry, are refused."""
        for texts in ([], ["x"] * (TEXTS_MAX + 1)):
            with pytest.raises(InvalidInput):
                self.ask(texts)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of the angle between two vectors."""
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))
