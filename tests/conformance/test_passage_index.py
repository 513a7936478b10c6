"""The indexes of passages keep their port's promises, and the suite finds what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from autobot.adapters.memory.passages import MemoryPassages
from autobot.adapters.postgres.passages import PostgresPassages
from autobot.adapters.postings.passages import ListOptions, WordPassages
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.adapters.usearch.passages import NearOptions, NearPassages
from autobot.contexts.knowledge.ports.index import (
    Hit,
    IndexedVersion,
    Labels,
    PassageIndex,
    Standing,
    StoredWords,
    Vector,
    Vectors,
    Where,
)
from autobot.contracts.knowledge.passages import Passage
from autobot.kernel.event_store.text import words
from autobot.testing.conformance.passage_index import PassageIndexSuite
from autobot.testing.postgres import Cluster
from tests.conformance.planted import found_by


class TestMemoryPassages(PassageIndexSuite):
    def open(self) -> AbstractAsyncContextManager[PassageIndex]:
        return _memory(MemoryPassages)


@asynccontextmanager
async def _memory(made: type[MemoryPassages]) -> AsyncIterator[PassageIndex]:
    yield made()


class TestSqlitePassages(PassageIndexSuite):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "knowledge.db"

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[PassageIndex]:
        index = await SqlitePassages.open(self.path)
        yield index
        await index.close()

    def open(self) -> AbstractAsyncContextManager[PassageIndex]:
        return self._open()


@pytest.mark.needs_program("initdb")
class TestPostgresPassages(PassageIndexSuite):
    @pytest.fixture(autouse=True)
    def placed(self, postgres: Cluster) -> None:
        self.cluster = postgres

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[PassageIndex]:
        index = await PostgresPassages.open(self.cluster.database())
        yield index
        await index.close()

    def open(self) -> AbstractAsyncContextManager[PassageIndex]:
        return self._open()


class Tended(NearPassages):
    """Makes its graph before each search, so that every search goes by one, as far as it is allowed."""

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        await self.tend()
        return await super().nearest(vector, where, limit)


class TestNearPassages(PassageIndexSuite):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[PassageIndex]:
        yield Tended(MemoryPassages(), self.path, NearOptions(least=1))

    def open(self) -> AbstractAsyncContextManager[PassageIndex]:
        return self._open()


class Listed(WordPassages):
    """Makes its lists before each search, so that every search goes by them, as far as it may."""

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        await self.tend()
        return await super().lexical(text, where, limit)


class TestWordPassages(PassageIndexSuite):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[PassageIndex]:
        store = await SqlitePassages.open(self.path / "knowledge.db")
        yield Listed(store, self.path, ListOptions(least=1))
        await store.close()

    def open(self) -> AbstractAsyncContextManager[PassageIndex]:
        return self._open()


@pytest.mark.needs_program("initdb")
class TestWordPassagesOverPostgres(PassageIndexSuite):
    @pytest.fixture(autouse=True)
    def placed(self, postgres: Cluster, tmp_path: Path) -> None:
        self.cluster, self.path = postgres, tmp_path

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[PassageIndex]:
        store = await PostgresPassages.open(self.cluster.database())
        yield Listed(store, self.path, ListOptions(least=1))
        await store.close()

    def open(self) -> AbstractAsyncContextManager[PassageIndex]:
        return self._open()


class Planted(PassageIndexSuite):
    """The suite over an index with a fault."""

    made: type[MemoryPassages]

    def open(self) -> AbstractAsyncContextManager[PassageIndex]:
        return _memory(self.made)


class ForgetsToFilterVectors(MemoryPassages):
    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        return await super().nearest(vector, Where(model=where.model, as_of=where.as_of), limit)


class ReadsAnEmptyListAsAll(MemoryPassages):
    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        return await super().lexical(text, replace(where, collections=where.collections or None), limit)


class KeepsTheOldVersion(MemoryPassages):
    async def put(
        self, version: IndexedVersion, passages: Sequence[Passage], vectors: Vectors | None
    ) -> None:
        before = dict(self._versions)
        await super().put(version, passages, vectors)
        self._versions |= {key: one for key, one in before.items() if key[1] != version.version}


class ForgetsThePast(MemoryPassages):
    async def retire(self, document_id: str, position: int) -> None:
        await self.erase(document_id)


class ErasesTheNewestOnly(MemoryPassages):
    async def erase(self, document_id: str) -> None:
        newest = max((key for key in self._versions if key[0] == document_id), default=None)
        if newest:
            del self._versions[newest]


class ComparesAcrossModels(MemoryPassages):
    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        models = {one.of.model for one in self._versions.values() if one.of.model}
        found = [
            hit
            for model in models
            for hit in await super().nearest(vector, replace(where, model=model), limit)
        ]
        return sorted(found, key=lambda one: -one.score)[:limit]


class MovesAVersionInTime(MemoryPassages):
    async def put(
        self, version: IndexedVersion, passages: Sequence[Passage], vectors: Vectors | None
    ) -> None:
        self._versions.pop((version.document_id, version.version), None)
        await super().put(version, passages, vectors)


class GivesNumbersAgain(MemoryPassages):
    async def erase(self, document_id: str) -> None:
        await super().erase(document_id)
        self._numbered = max(
            (one.first + len(one.passages) - 1 for one in self._versions.values()), default=0
        )


class ForgetsWhatItWasCalled(MemoryPassages):
    async def label(self, labels: Labels) -> None:
        await super().label(replace(labels, position=0))


class LeavesThePastWhereItWas(MemoryPassages):
    async def label(self, labels: Labels) -> None:
        before = dict(self._versions)
        await super().label(labels)
        self._versions |= {key: one for key, one in before.items() if one.until is not None}


class ForgetsTheTitle(MemoryPassages):
    async def label(self, labels: Labels) -> None:
        title = next((one.of.title for one in self._versions.values()), "")
        await super().label(replace(labels, title=title))


class CountsNewWordsUnderOldNumbers(MemoryPassages):
    async def label(self, labels: Labels) -> None:
        before = {key: one.first for key, one in self._versions.items()}
        await super().label(labels)
        self._versions = {key: replace(one, first=before[key]) for key, one in self._versions.items()}


class LetsEverythingStand(MemoryPassages):
    async def standing(self, numbers: Sequence[int], where: Where) -> Standing:
        return await super().standing(numbers, Where(as_of=where.as_of))


class ReadsWordsOfNowAlone(MemoryPassages):
    async def words(self, after: int, limit: int) -> Sequence[StoredWords]:
        now = (await self.standing(range(1, self._numbered + 1), Where())).places
        return [one for one in await super().words(after, limit) if one.number in now]


class ReadsARunAsOneWord(MemoryPassages):
    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        found = await super().lexical(text, where, limit)
        standing = {one.id: one for one in await self.passages([hit.passage_id for hit in found])}
        return [one for one in found if set(text.split()) & set(standing[one.passage_id].text.split())]


class ReadsQuestionsOtherwise(MemoryPassages):
    async def asked(self, text: str) -> tuple[str, ...] | None:
        return words(text)


FAULTS = (
    ReadsARunAsOneWord,
    ReadsQuestionsOtherwise,
    CountsNewWordsUnderOldNumbers,
    LetsEverythingStand,
    ReadsWordsOfNowAlone,
    ForgetsWhatItWasCalled,
    LeavesThePastWhereItWas,
    ForgetsTheTitle,
    GivesNumbersAgain,
    ForgetsToFilterVectors,
    ReadsAnEmptyListAsAll,
    KeepsTheOldVersion,
    ForgetsThePast,
    ErasesTheNewestOnly,
    ComparesAcrossModels,
    MovesAVersionInTime,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
def test_each_planted_fault_is_found(fault: type[MemoryPassages]) -> None:
    """Over an index with this fault at least one test of the suite fails, and over one without none does."""
    assert found_by(type("Suite", (Planted,), {"made": fault})()) != []
    assert found_by(type("Suite", (Planted,), {"made": MemoryPassages})()) == []
