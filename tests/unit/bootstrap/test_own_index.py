"""Graphs and lists come with the passages: not loaded before they are of use, and never behind after an erasure."""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.adapters.system.clock import SystemClock
from autobot.adapters.usearch.passages import TooMany
from autobot.bootstrap.near import FILES, OwnIndex, tend
from autobot.config import Config
from autobot.contexts.knowledge.ports.index import StoredVector, Where
from autobot.kernel.core.errors import AttemptTimeout, Preparing
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.telemetry.listener import Change, Hop
from autobot.testing.conformance.passage_index_base import passages_of, version_of
from autobot.testing.models.contexts import CountingIds

pytestmark = pytest.mark.anyio

LEAST, SIZE = 100, 16
WHERE = Where(model="m")


@asynccontextmanager
async def opened(folder: Path, too_many: TooMany | None = None) -> AsyncIterator[OwnIndex]:
    """Yield the index as a process opens it."""
    store = await SqlitePassages.open(folder / "passages.db")
    yield OwnIndex(store, Config(data_dir=folder), LEAST, too_many)
    await store.close()


async def put(index: OwnIndex, name: str, count: int) -> list[list[float]]:
    """Index a document of so many passages; returns their vectors."""
    chance, version = random.Random(name), version_of(name, model="m")
    rows = [[chance.gauss(0, 1) for _ in range(SIZE)] for _ in range(count)]
    await index.put(version, passages_of(version, *[f"text {one}" for one in range(count)]), rows)
    return rows


def files(folder: Path) -> list[str]:
    """Return the names of graphs and lists."""
    return sorted(path.name for pattern in FILES for path in folder.glob(pattern))


async def test_it_grows_with_the_passages(tmp_path: Path) -> None:
    """Below the least number tending loads nothing; from it on there are a graph and lists, which searches go by."""
    async with opened(tmp_path) as index:
        (first, *_) = await put(index, "few", LEAST - 1)
        await index.tend()
        assert index.near is None
        assert index.lists is None
        assert files(tmp_path) == []
        before = await index.nearest(first, WHERE, 3)
        await put(index, "more", LEAST)
        await index.tend()
        assert index.near is not None
        assert index.lists is not None
        assert len(files(tmp_path)) == 2
        assert (await index.nearest(first, WHERE, 1))[0].passage_id == before[0].passage_id
        assert await index.lexical("text", WHERE, 5)


@pytest.mark.parametrize("by", ["words", "vector"])
async def test_what_an_earlier_process_made_is_used_from_the_first_search_on(tmp_path: Path, by: str) -> None:
    """A process that finds a graph and lists loads them at its first search, before it has tended anything."""
    async with opened(tmp_path) as index:
        (first, *_) = await put(index, "many", LEAST)
        await index.tend()
    async with opened(tmp_path) as again:
        assert again.near is None
        found = await (again.lexical("text", WHERE, 5) if by == "words" else again.nearest(first, WHERE, 5))
        assert len(found) == 5
        assert again.near is not None


@pytest.mark.parametrize("by", ["itself", "another"])
async def test_an_erasure_leaves_no_file_of_an_earlier_process(tmp_path: Path, by: str) -> None:
    """Erasing before the first search removes graph and lists that hold what was erased, whoever erased it."""
    async with opened(tmp_path) as index:
        await put(index, "many", LEAST)
        await index.tend()
    async with opened(tmp_path) as again:
        assert len(files(tmp_path)) == 2
        await (again.erase("many") if by == "itself" else again.forget())
        assert files(tmp_path) == []


async def test_a_search_does_not_begin_what_cannot_end_in_time(tmp_path: Path) -> None:
    """Where there are too many vectors to be compared, a search before the first tending is told that they are prepared."""

    async def too_many(where: Where, dimensions: int) -> bool:
        return (where.collections, dimensions) == (None, SIZE)

    async with opened(tmp_path, too_many) as index:
        (first, *_) = await put(index, "many", LEAST)
        with pytest.raises(Preparing):
            await index.nearest(first, WHERE, 3)
        assert len(await index.nearest(first, Where(model="m", collections=("shelf",)), 3)) == 3
        await index.tend()
        assert len(await index.nearest(first, WHERE, 3)) == 3


class Failing(SqlitePassages):
    """Lets reading of vectors fail once, as it is told."""

    error: Exception | None = None

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        error, self.error = self.error, None
        if error is not None:
            raise error
        return await super().stored(model, after, limit)


class Heard:
    """Implements `Listener`: keeps what changed, and says so."""

    def __init__(self) -> None:
        self.changes, self.first = list[Change](), asyncio.Event()

    def started(self, hop: Hop) -> None:
        return

    def completed(self, hop: Hop, duration: float) -> None:
        return

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        return

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        return

    def changed(self, change: Change) -> None:
        self.changes.append(change)
        self.first.set()


def test_what_a_store_or_a_disk_refuses_ends_no_process(tmp_path: Path) -> None:
    """A question that is too slow is asked again; no room for a graph is told, and the graph is made when there is some."""
    heard = Heard()

    async def main() -> None:
        store = await Failing.open(tmp_path / "passages.db")
        clock, index = SystemClock(), OwnIndex(store, Config(data_dir=tmp_path), LEAST)
        codec = EventCodec((), clock, CountingIds(), source="urn:autobot:test")
        await put(index, "many", LEAST)
        store.error = AttemptTimeout("Too slow.", phase="attempt")
        await patiently(index.tend)
        assert len(files(tmp_path)) == 2
        await index.forget()
        store.error = OSError(errno.ENOSPC, "No room")
        async with asyncio.TaskGroup() as group:
            tending = group.create_task(tend(index, MemoryEventStore(clock), codec, heard))
            await heard.first.wait()
            assert not tending.done()
            tending.cancel()
        assert len(files(tmp_path)) == 1
        await index.tend()
        assert len(files(tmp_path)) == 2
        await store.close()

    asyncio.run(main())
    assert [one.subject for one in heard.changes] == ["passages"]
