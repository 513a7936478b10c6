"""An index of passages that passes everything on to another one: what finds in a way of its own overrides that way alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autobot.contexts.knowledge.ports.index import (
    Hit,
    IndexedVersion,
    IndexReport,
    Labels,
    PassageIndex,
    Standing,
    StoredVector,
    StoredWords,
    Vector,
    Vectors,
    Where,
)
from autobot.contracts.knowledge.passages import Passage


class IndexOver:
    """Implements `PassageIndex` by another one."""

    def __init__(self, store: PassageIndex) -> None:
        self._store = store

    async def put(
        self, version: IndexedVersion, passages: Sequence[Passage], vectors: Vectors | None
    ) -> None:
        """Pass on."""
        await self._store.put(version, passages, vectors)

    async def label(self, labels: Labels) -> None:
        """Pass on."""
        await self._store.label(labels)

    async def retire(self, document_id: str, position: int) -> None:
        """Pass on."""
        await self._store.retire(document_id, position)

    async def erase(self, document_id: str) -> None:
        """Pass on."""
        await self._store.erase(document_id)

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        """Pass on."""
        return await self._store.lexical(text, where, limit)

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        """Pass on."""
        return await self._store.nearest(vector, where, limit)

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        """Pass on."""
        return await self._store.stored(model, after, limit)

    async def asked(self, text: str) -> tuple[str, ...] | None:
        """Pass on."""
        return await self._store.asked(text)

    async def words(self, after: int, limit: int) -> Sequence[StoredWords]:
        """Pass on."""
        return await self._store.words(after, limit)

    async def standing(self, numbers: Sequence[int], where: Where) -> Standing:
        """Pass on."""
        return await self._store.standing(numbers, where)

    async def passages(self, ids: Sequence[str], as_of: int | None = None) -> Sequence[Passage]:
        """Pass on."""
        return await self._store.passages(ids, as_of)

    async def vectors(self, ids: Sequence[str]) -> Mapping[str, Vector]:
        """Pass on."""
        return await self._store.vectors(ids)

    async def of_document(self, document_id: str, version: int) -> Sequence[Passage]:
        """Pass on."""
        return await self._store.of_document(document_id, version)

    async def measure(self) -> IndexReport:
        """Pass on."""
        return await self._store.measure()
