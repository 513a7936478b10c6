"""Stores of originals keep their port's promises, and the suite finds what does not."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from autobot.adapters.files.blobs import FolderBlobs
from autobot.adapters.memory.blobs import MemoryBlobs
from autobot.adapters.postgres.blobs import PostgresBlobs
from autobot.adapters.system.clock import SystemClock
from autobot.contexts.knowledge.ports.blobs import Blob, Blobs, once, store
from autobot.kernel.core.errors import DataCorrupt
from autobot.kernel.core.ids import Uuid7Source
from autobot.testing.conformance.blobs import BlobsSuite
from autobot.testing.postgres import Cluster
from tests.conformance.planted import found_by


class InMemory(BlobsSuite):
    made: type[MemoryBlobs] = MemoryBlobs

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Blobs]:
        yield self.made(SystemClock())

    def open(self) -> AbstractAsyncContextManager[Blobs]:
        return self._open()


class TestMemoryBlobs(InMemory):
    pass


class TestFolderBlobs(BlobsSuite):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Blobs]:
        with tempfile.TemporaryDirectory() as folder:
            blobs = FolderBlobs(Path(folder) / "originals", SystemClock())
            yield blobs
            await blobs.close()

    def open(self) -> AbstractAsyncContextManager[Blobs]:
        return self._open()

    def test_a_damaged_file_is_noticed(self, tmp_path: Path) -> None:
        """A byte that the disk changed, or a file cut short, is told when it is read to its end, and never given as sound."""

        async def main() -> None:
            blobs = FolderBlobs(tmp_path, SystemClock())
            await store(blobs, "name", once(b"a" * 1000), 2000)
            (path,) = tmp_path.glob("??/b-name")
            whole = path.read_bytes()
            for damaged in (b"b" + whole[1:], whole[1:], whole[:-1], b""):
                path.write_bytes(damaged)
                with pytest.raises(DataCorrupt):
                    await blobs.read("name", 0, 2000)

        asyncio.run(main())

    def test_a_new_life_sees_whole_ones_and_sweeps_the_rest(self, tmp_path: Path) -> None:
        """What was finished is there for the next process; what was being written is not, and can be swept."""

        async def main() -> None:
            before = FolderBlobs(tmp_path, SystemClock())
            await store(before, "whole", once(b"x"), 10)
            await before.append(await before.begin("left"), 0, b"y")
            await before.close()
            after = FolderBlobs(tmp_path, SystemClock())
            assert [one.id for one in await after.list()] == ["whole"]
            assert await after.sweep(SystemClock().now()) == 1
            assert list(tmp_path.glob("uploads/*")) == []

        asyncio.run(main())


@pytest.mark.needs_program("initdb")
class TestPostgresBlobs(BlobsSuite):
    @pytest.fixture(autouse=True)
    def database(self, postgres: Cluster) -> None:
        self.cluster = postgres

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Blobs]:
        clock = SystemClock()
        blobs = await PostgresBlobs.open(self.cluster.database(), clock, Uuid7Source(clock, random.Random(1)))
        yield blobs
        await blobs.close()

    def open(self) -> AbstractAsyncContextManager[Blobs]:
        return self._open()

    def test_a_piece_that_changed_is_noticed(self) -> None:
        """A byte that is not what was written, and a piece that is missing, are told and never given as sound."""

        async def main() -> None:
            url, clock = self.cluster.database(), SystemClock()
            blobs = await PostgresBlobs.open(url, clock, Uuid7Source(clock, random.Random(1)))
            await store(blobs, "name", once(b"a" * 1000), 2000)
            connection = await asyncpg.connect(url)
            for change in ("UPDATE autobot_files.pieces SET data = 'b'", "DELETE FROM autobot_files.pieces"):
                await connection.execute(change)
                with pytest.raises(DataCorrupt):
                    await blobs.read("name", 0, 2000)
            await connection.close()
            await blobs.close()

        asyncio.run(main())


class ShowsWhatIsNotFinished(MemoryBlobs):
    async def append(self, upload: str, offset: int, data: bytes) -> None:
        await super().append(upload, offset, data)
        again = await super().begin(self._uploads[upload].id)
        await super().append(again, 0, bytes(self._uploads[upload].data))
        await super().finish(again)


class TakesAPieceTwice(MemoryBlobs):
    async def append(self, upload: str, offset: int, data: bytes) -> None:
        await super().append(upload, len(self._upload(upload).data), data)


class KeepsWhatIsRemoved(MemoryBlobs):
    async def remove(self, name: str) -> None:
        return


class ListsInTheOrderOfComing(MemoryBlobs):
    async def list(self, *, after: str = "", limit: int = 1000) -> Sequence[Blob]:
        return [one for one, _ in self._whole.values() if one.id > after][:limit]


class ReadsTooFar(MemoryBlobs):
    async def read(self, name: str, offset: int, length: int) -> bytes:
        return await super().read(name, max(offset - 1, 0), length)


@pytest.mark.parametrize(
    "fault",
    [ShowsWhatIsNotFinished, TakesAPieceTwice, KeepsWhatIsRemoved, ListsInTheOrderOfComing, ReadsTooFar],
    ids=lambda one: one.__name__,
)
def test_each_planted_fault_is_found(fault: type[MemoryBlobs]) -> None:
    """Over a store with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (InMemory,), {"made": fault})()) != []
