"""What the parts of the suite of `PassageIndex` share."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from autobot.contexts.knowledge.domain.fusion import Ranked
from autobot.contexts.knowledge.ports.index import (
    Hit,
    IndexedVersion,
    Labels,
    PassageIndex,
    Vectors,
    Where,
)
from autobot.contracts.knowledge.passages import Passage, passage_id

MODEL: Final = "compass"
"""Vectors of three numbers: a model that tells directions apart."""
NORTH, EAST, UP = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
EVERYWHERE: Final = Where(model=MODEL)


def version_of(document: str, version: int = 1, *, position: int = 10, **fields: Any) -> IndexedVersion:
    """Return a version of a document of the collection `shelf`, if nothing else is said."""
    given = {"collection": "shelf", "title": f"Title of {document}", **fields}
    return IndexedVersion(document_id=document, version=version, position=position, **given)


def labels(document: str, position: int, **fields: Any) -> Labels:
    """Return labels of a document of the collection `shelf`, if nothing else is said."""
    given = {"collection": "shelf", "title": f"Title of {document}", **fields}
    return Labels(document_id=document, position=position, **given)


def passages_of(version: IndexedVersion, *texts: str, heading: str = "") -> list[Passage]:
    """Return passages of these texts, one after the other."""
    found, start = [], 0
    for number, text in enumerate(texts):
        found.append(
            Passage(
                id=passage_id(version.document_id, version.version, number),
                document_id=version.document_id,
                version=version.version,
                number=number,
                title=version.title,
                heading=heading,
                text=text,
                start=start,
                end=start + len(text),
                page=number + 1 if heading else None,
            )
        )
        start += len(text) + 1
    return found


def ids(hits: Sequence[Hit | Passage]) -> list[str]:
    """Return the ids of passages."""
    return [one.passage_id if isinstance(one, Ranked) else one.id for one in hits]


class Base(ABC):
    """Opens the index under test, and fills it."""

    patience_s = 30.0

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[PassageIndex]:
        """Return an empty index, open for the block."""

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a test."""
        asyncio.run(main)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PassageIndex]:
        """Open, and bound the time of what follows."""
        async with asyncio.timeout(self.patience_s), self.open() as index:
            yield index

    async def put(self, index: PassageIndex, version: IndexedVersion, *texts: str, **given: Any) -> None:
        """Index a version of these texts; `vectors` and `heading` as given."""
        vectors: Vectors | None = given.pop("vectors", None)
        await index.put(version, passages_of(version, *texts, **given), vectors)
