"""Vectors that came after a graph was made, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from autobot.contexts.knowledge.ports.index import StoredVector
from autobot.contexts.knowledge.ports.listed import Newest

BLOCK: Final = 500
"""Vectors that lie together: a new one is not worth copying all."""


class NewestVectors(Newest[StoredVector]):
    """Vectors of one length. They grow, in order of numbers; who compares them sees those of when it began."""

    def __init__(self, last: int, dimensions: int) -> None:
        self.last, self._dimensions = last, dimensions
        self._blocks: tuple[tuple[NDArray[Any], NDArray[Any]], ...] = ()

    def __len__(self) -> int:
        return sum(len(numbers) for numbers, _ in self._blocks)

    def add(self, page: Sequence[StoredVector]) -> None:
        """Add vectors with higher numbers. Those of another length are left out."""
        if not page:
            return
        self.last = page[-1].number
        numbers, rows = as_rows(page, self._dimensions)
        blocks = self._blocks
        if blocks and len(blocks[-1][0]) < BLOCK:
            (numbers_before, rows_before), blocks = blocks[-1], blocks[:-1]
            numbers, rows = np.concatenate([numbers_before, numbers]), np.concatenate([rows_before, rows])
        if len(numbers):
            self._blocks = (*blocks, (numbers, rows))

    def compared(self, vector: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the numbers of all, and the cosine of each to a vector of length 1."""
        if not self._blocks:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        numbers, cosines = zip(*((of, rows @ vector) for of, rows in self._blocks), strict=True)
        return np.concatenate(numbers), np.concatenate(cosines)


def as_rows(page: Sequence[StoredVector], dimensions: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return numbers and vectors of a page; vectors of another length are left out."""
    fitting = [one for one in page if len(one.vector) == 4 * dimensions]
    numbers = np.array([one.number for one in fitting], dtype=np.int64)
    rows = np.frombuffer(b"".join(one.vector for one in fitting), dtype=np.float32)
    return numbers, rows.reshape(len(fitting), dimensions)
