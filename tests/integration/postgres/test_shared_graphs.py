"""Backends over one database make one graph of its vectors, whichever of them is killed."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autobot.adapters.postgres.driver import Readers
from autobot.adapters.postgres.graphs import PostgresGraphs
from autobot.adapters.postgres.options import StoreOptions
from autobot.adapters.postgres.passages import LOCK, PostgresPassages
from autobot.adapters.usearch.graph import FORM
from autobot.adapters.usearch.passages import NearOptions, NearPassages
from autobot.contexts.knowledge.ports.graphs import Graphs
from autobot.contexts.knowledge.ports.index import StoredVector, Where
from autobot.testing.conformance.passage_index_base import passages_of, version_of
from autobot.testing.postgres import Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]
SIZE, EACH, WAIT_S = 24, 700, 60.0
WHERE, OPTIONS = Where(model="m"), NearOptions(least=100)
MAKER = """
import asyncio, sys
from autobot.adapters.postgres.driver import Readers
from autobot.adapters.postgres.graphs import PostgresGraphs
from autobot.adapters.postgres.passages import LOCK
from autobot.adapters.usearch.graph import FORM

async def main():
    graphs = PostgresGraphs(Readers(sys.argv[1], 1, 10.0), LOCK, ttl_s=float(sys.argv[2]))
    claim = await graphs.claim("m", FORM)
    while await graphs.renew(claim, 500, 700) and await graphs.append(claim, 0, b"begun"):
        print("making", flush=True)

asyncio.run(main())
"""
"""Makes a graph and never ends: it writes the first piece again and again, and renews its claim."""


class Reading(PostgresPassages):
    """Counts how often all vectors were read."""

    read = 0

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        self.read += after == 0
        return await super().stored(model, after, limit)


@asynccontextmanager
async def backend(url: str, folder: Path) -> AsyncIterator[tuple[NearPassages, Reading]]:
    """Yield what a backend has, with a data folder of its own, and its store."""
    folder.mkdir(exist_ok=True)
    store = await Reading.open(url, compared=SIZE)
    try:
        yield NearPassages(store, folder, OPTIONS, store.too_many, store.graphs), store
    finally:
        await store.close()


def vectors(count: int, seed: int) -> list[list[float]]:
    """Return vectors that point anywhere."""
    chance = random.Random(seed)
    return [[chance.gauss(0, 1) for _ in range(SIZE)] for _ in range(count)]


async def put(near: NearPassages, name: str, rows: Sequence[Sequence[float]]) -> None:
    """Index a document with these vectors."""
    version = version_of(name, model="m")
    await near.put(version, passages_of(version, *[f"{name} {one}" for one in range(len(rows))]), rows)


async def test_the_second_backend_makes_none(postgres: Cluster, tmp_path: Path) -> None:
    """It takes the first one's, is exact to what the store says, and knows what came after the graph."""
    url = postgres.database()
    async with (
        backend(url, tmp_path / "one") as (one, first),
        backend(url, tmp_path / "other") as (other, second),
    ):
        await put(one, "a", vectors(EACH, 1))
        await put(one, "b", vectors(EACH, 2))
        assert await one.tend() == ["m"]
        (question,) = vectors(1, 9)
        await put(one, "new", [question])
        assert await other.tend() == []
        assert (first.read, second.read) == (1, 0)
        exact = await second.nearest(question, WHERE, 10)
        assert exact[0].document_id == "new"
        for near in (one, other):
            found = await near.nearest(question, WHERE, 10)
            assert {hit.passage_id for hit in found} == {hit.passage_id for hit in exact}
            assert found[0].score == pytest.approx(exact[0].score)
        await other.erase("a")
        assert postgres.sql(count("graphs"), database(url)) == "0"
        assert postgres.sql(count("graph_pieces"), database(url)) == "0"
        # Too many to be compared: what each has in its memory is searched until there is another graph.
        for near in (one, other):
            found = await near.nearest(question, WHERE, 10)
            assert {hit.document_id for hit in found} == {"b", "new"}
        assert await one.tend() == ["m"]
        assert await other.tend() == []


@pytest.mark.parametrize("damage", ["torn", "foreign"])
async def test_a_graph_that_does_not_fit_is_made_anew(postgres: Cluster, tmp_path: Path, damage: str) -> None:
    """One whose bytes the database changed, and a sound one of another database, are never searched."""
    url, elsewhere = postgres.database(), postgres.database()
    async with backend(url, tmp_path / "one") as (one, store):
        await put(one, "a", vectors(EACH, 1))
        await one.tend()
        if damage == "torn":
            postgres.sql(
                "UPDATE autobot_passages.graph_pieces SET data = set_byte(data, 9000, 255 - get_byte(data, 9000))",
                database(url),
            )
        else:
            async with backend(elsewhere, tmp_path / "elsewhere") as (there, foreign):
                await put(there, "b", vectors(EACH, 2))
                await there.tend()
                await given(foreign.graphs, store.graphs)
        async with backend(url, tmp_path / "other") as (other, second):
            assert await other.tend() == ["m"]
            (question,) = vectors(1, 9)
            exact = await second.nearest(question, WHERE, 10)
            assert [hit.passage_id for hit in await other.nearest(question, WHERE, 10)] == [
                hit.passage_id for hit in exact
            ]
        assert await one.tend() == []


async def test_another_makes_it_when_its_maker_is_killed(postgres: Cluster, tmp_path: Path) -> None:
    """While a process makes it the others wait; when that one is killed, the next makes it, whole."""
    url = postgres.database()
    async with backend(url, tmp_path / "one") as (one, _):
        await put(one, "a", vectors(EACH, 1))
        with subprocess.Popen([sys.executable, "-c", MAKER, url, "5.0"], stdout=subprocess.PIPE) as maker:
            try:
                assert maker.stdout is not None
                assert await asyncio.to_thread(maker.stdout.readline) == b"making\n"
                assert await one.tend() == []
                assert one.waits
            finally:
                maker.kill()
        async with asyncio.timeout(WAIT_S):
            while await one.tend() != ["m"]:
                pass
        assert postgres.sql(count("graph_pieces"), database(url)) == "1"
        async with backend(url, tmp_path / "other") as (other, store):
            assert await other.tend() == []
            assert store.read == 0
            assert await other.nearest(vectors(1, 9)[0], WHERE, 5)


async def test_no_graph_is_begun_while_a_document_is_erased(postgres: Cluster, tmp_path: Path) -> None:
    """Who wants to make one waits for who writes, so that it reads nothing that is being erased."""
    url = postgres.database()
    async with backend(url, tmp_path / "one") as (_, store):
        pool = Readers(url, 1, StoreOptions().patience_s)
        graphs = PostgresGraphs(pool, LOCK)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.TaskGroup() as group, asyncio.timeout(WAIT_S):

            async def write(connection: object) -> None:
                group.create_task(graphs.claim("m", FORM))
                while await asyncio.to_thread(postgres.sql, waiting) != "1":
                    pass
                assert await store.graphs.progress("m", FORM) is None

            await store._write(write)
        assert await store.graphs.progress("m", FORM) == (0, 0)
        await graphs.close()


async def given(here: Graphs, there: Graphs) -> None:
    """Give a graph of one database to another one, as its own."""
    kept = await here.newest("m", FORM)
    claim = await there.claim("m", FORM)
    assert kept is not None
    assert claim is not None
    assert await there.append(claim, 0, await here.read(kept.id, 0))
    mark = kept.mark.replace(kept.id.encode(), claim.token.encode())
    assert await there.publish(claim, mark, kept.size, kept.sha256)


def count(table: str) -> str:
    """Return a question for how many rows a table has."""
    return f"SELECT count(*) FROM autobot_passages.{table}"


def database(url: str) -> str:
    """Return the name of the database at `url`."""
    return url.split("@/")[1].split("?")[0]
