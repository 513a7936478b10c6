"""Stores of shared graphs keep their port's promises, and the suite finds what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from autobot.adapters.memory.graphs import MemoryGraphs
from autobot.adapters.postgres.driver import Readers
from autobot.adapters.postgres.graphs import PostgresGraphs
from autobot.adapters.postgres.options import StoreOptions
from autobot.adapters.postgres.passages import LOCK, PostgresPassages
from autobot.contexts.knowledge.ports.graphs import Claim, Graphs, SharedGraph
from autobot.testing.conformance.graphs import GraphsSuite
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock
from tests.conformance.planted import found_by


class InMemory(GraphsSuite):
    made: type[MemoryGraphs] = MemoryGraphs

    @asynccontextmanager
    async def _open(self, ttl_s: float) -> AsyncIterator[Graphs]:
        yield self.made(ManualClock(), ttl_s=ttl_s)

    def open(self, ttl_s: float) -> AbstractAsyncContextManager[Graphs]:
        return self._open(ttl_s)


class TestMemoryGraphs(InMemory):
    pass


@pytest.mark.needs_program("initdb")
class TestPostgresGraphs(GraphsSuite):
    @pytest.fixture(autouse=True)
    def placed(self, postgres: Cluster) -> None:
        self.cluster = postgres

    @asynccontextmanager
    async def _open(self, ttl_s: float) -> AsyncIterator[Graphs]:
        url = self.cluster.database()
        passages = await PostgresPassages.open(url)
        graphs = PostgresGraphs(Readers(url, 1, StoreOptions().patience_s), LOCK, ttl_s=ttl_s)
        try:
            yield graphs
        finally:
            await graphs.close()
            await passages.close()

    def open(self, ttl_s: float) -> AbstractAsyncContextManager[Graphs]:
        return self._open(ttl_s)


class ShowsItEarly(MemoryGraphs):
    async def append(self, claim: Claim, number: int, data: bytes) -> bool:
        held = await super().append(claim, number, data)
        kept = SharedGraph(id=claim.token, mark=b"", size=0, sha256="")
        self._whole[claim.model, claim.form] = kept, {}
        return held


class LetsAllMakeIt(MemoryGraphs):
    async def claim(self, model: str, form: str) -> Claim | None:
        self._making.pop((model, form), None)
        return await super().claim(model, form)


class BelievesOldClaims(MemoryGraphs):
    async def publish(self, claim: Claim, mark: bytes, size: int, sha256: str) -> bool:
        kept = SharedGraph(id=claim.token, mark=mark, size=size, sha256=sha256)
        self._whole[claim.model, claim.form] = kept, {}
        return True


class KeepsClaimsForEver(MemoryGraphs):
    async def claim(self, model: str, form: str) -> Claim | None:
        return None if (model, form) in self._making else await super().claim(model, form)


class KeepsWhatIsNew(MemoryGraphs):
    async def append(self, claim: Claim, number: int, data: bytes) -> bool:
        held = self._held(claim)
        if held is not None and number in held.pieces:
            return True
        return await super().append(claim, number, data)


class ClearsGraphsAlone(MemoryGraphs):
    async def clear(self) -> None:
        self._whole.clear()


class ForgetsHowFarItIs(MemoryGraphs):
    async def renew(self, claim: Claim, done: int, of: int) -> bool:
        return await super().renew(claim, 0, 0)


class TakesAllModelsForOne(MemoryGraphs):
    async def newest(self, model: str, form: str) -> SharedGraph | None:
        return next((kept for kept, _ in self._whole.values()), None)


FAULTS = (
    ShowsItEarly,
    LetsAllMakeIt,
    BelievesOldClaims,
    KeepsClaimsForEver,
    KeepsWhatIsNew,
    ClearsGraphsAlone,
    ForgetsHowFarItIs,
    TakesAllModelsForOne,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
def test_each_planted_fault_is_found(fault: type[MemoryGraphs]) -> None:
    """Over one with this fault at least one test of the suite fails, and over one without none does."""
    assert found_by(type("Suite", (InMemory,), {"made": fault})()) != []
    assert found_by(type("Suite", (InMemory,), {"made": MemoryGraphs})()) == []
