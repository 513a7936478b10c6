"""Processes over one store make one graph: the others take it, wait for it, or make it when its maker is gone."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from autobot.adapters.memory.graphs import TTL_S, MemoryGraphs
from autobot.adapters.memory.passages import MemoryPassages
from autobot.adapters.usearch.graph import FORM
from autobot.adapters.usearch.passages import NearOptions, NearPassages
from autobot.contexts.knowledge.ports.graphs import Graphs
from autobot.contexts.knowledge.ports.index import PassageIndex, StoredVector, Where
from autobot.contexts.knowledge.ports.listed import PAGE
from autobot.kernel.core.errors import Preparing
from autobot.testing.conformance.passage_index_base import passages_of, version_of
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio

SIZE, OPTIONS = 16, NearOptions(least=10, growth=0.5)
WHERE = Where(model="m")


class Store(MemoryPassages):
    """Counts how often all vectors were read, and does something before their second page is."""

    def __init__(self, graphs: Graphs) -> None:
        super().__init__()
        self.graphs, self.read = graphs, 0
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        self.read += after == 0
        then, self.meanwhile = (self.meanwhile, None) if after else (None, self.meanwhile)
        if then is not None:
            await then()
        return await super().stored(model, after, limit)

    async def erase(self, document_id: str) -> None:
        await super().erase(document_id)
        await self.graphs.clear()


async def many(where: Where, dimensions: int) -> bool:
    """Say that there are always too many to be compared."""
    return True


@dataclass
class World:
    """A store with shared graphs, and processes over it."""

    folder: Path

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.graphs = MemoryGraphs(self.clock)
        self.store = Store(self.graphs)

    def process(self, name: str, store: PassageIndex | None = None) -> NearPassages:
        """Return what a process of this name has after its start."""
        (self.folder / name).mkdir(exist_ok=True)
        return NearPassages(store or self.store, self.folder / name, OPTIONS, many, self.graphs)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return one that is empty."""
    return World(tmp_path)


def vectors(count: int, seed: int) -> list[list[float]]:
    """Return vectors that point anywhere."""
    chance = random.Random(seed)
    return [[chance.gauss(0, 1) for _ in range(SIZE)] for _ in range(count)]


async def put(index: PassageIndex, name: str, rows: Sequence[Sequence[float]]) -> None:
    """Index a document with these vectors."""
    version = version_of(name, model="m")
    await index.put(version, passages_of(version, *[f"{name} {one}" for one in range(len(rows))]), rows)


async def test_one_makes_it_and_the_other_takes_it(world: World) -> None:
    """The second process reads no vectors, and finds what the first finds, what came later included."""
    await put(world.store, "a", vectors(60, 1))
    one, other = world.process("one"), world.process("other")
    assert await one.tend() == ["m"]
    assert world.store.read == 1
    (question,) = vectors(1, 9)
    await put(world.store, "new", [question])
    assert await other.tend() == []
    assert (world.store.read, other.waits) == (1, False)
    for process in (one, other, world.process("other")):
        assert (await process.nearest(question, WHERE, 1))[0].document_id == "new"
    assert await one.nearest(question, WHERE, 20) == await other.nearest(question, WHERE, 20)
    assert [await process.tend() for process in (one, other)] == [[], []]
    assert world.store.read == 1


async def test_an_outgrown_graph_is_made_anew_once(world: World) -> None:
    """When the set grew, the first to see it makes the graph, and the other takes it in the place of its own."""
    await put(world.store, "a", vectors(60, 1))
    one, other = world.process("one"), world.process("other")
    assert [await process.tend() for process in (one, other)] == [["m"], []]
    await put(world.store, "b", vectors(60, 2))
    assert await other.tend() == ["m"]
    assert await one.tend() == []
    assert world.store.read == 2
    (question,) = vectors(1, 9)
    assert await one.nearest(question, WHERE, 20) == await other.nearest(question, WHERE, 20)


async def test_what_another_makes_is_waited_for(world: World) -> None:
    """Meanwhile nobody else makes it, and who searches there hears how far it is."""
    await put(world.store, "a", vectors(PAGE + 1, 1))
    one, other = world.process("one"), world.process("other")
    told = list[str]()

    async def meanwhile() -> None:
        assert await other.tend() == []
        assert other.waits
        with pytest.raises(Preparing) as raised:
            await other.nearest(vectors(1, 9)[0], WHERE, 1)
        told.append(raised.value.detail)

    world.store.meanwhile = meanwhile
    assert await one.tend() == ["m"]
    assert f"{PAGE:,} of {PAGE + 1:,}" in told[0]
    assert await other.tend() == []
    assert not other.waits
    assert world.store.read == 1
    assert await other.nearest(vectors(1, 9)[0], WHERE, 1)


async def test_it_is_made_by_another_when_its_maker_is_gone(world: World) -> None:
    """Who has the claim and says nothing more keeps the others from it for a time, and no longer."""
    await put(world.store, "a", vectors(60, 1))
    assert await world.graphs.claim("m", FORM) is not None
    other = world.process("other")
    assert await other.tend() == []
    assert other.waits
    world.clock.advance(TTL_S)
    assert await other.tend() == ["m"]


async def test_a_maker_that_was_superseded_gives_nothing(world: World) -> None:
    """Who slept through its claim stops, and takes what the next one made."""
    await put(world.store, "a", vectors(2 * PAGE, 1))
    one, other = world.process("one"), world.process("other")

    async def meanwhile() -> None:
        world.clock.advance(TTL_S)
        assert await other.tend() == ["m"]

    world.store.meanwhile = meanwhile
    await one.tend()
    kept = await world.graphs.newest("m", FORM)
    await one.tend()
    assert kept == await world.graphs.newest("m", FORM)
    assert world.store.read == 2
    assert await one.nearest(vectors(1, 9)[0], WHERE, 9) == await other.nearest(vectors(1, 9)[0], WHERE, 9)


@pytest.mark.parametrize("damage", ["byte", "cut", "longer", "no graph", "mark"])
async def test_a_torn_graph_is_refused_and_made_anew(world: World, damage: str) -> None:
    """Bytes that are not those that were given, or no graph: it is never searched, and the next process makes one."""
    await put(world.store, "a", vectors(60, 1))
    await world.process("one").tend()
    kept, pieces = world.graphs._whole["m", FORM]
    whole = pieces[0]
    pieces[0] = {
        "byte": whole[:900] + bytes([whole[900] ^ 1]) + whole[901:],
        "cut": whole[:-1],
        "longer": whole + b"\0",
        "no graph": b"{}",
        "mark": whole,
    }[damage]
    if damage == "mark":
        claim = await world.graphs.claim("m", FORM)
        assert claim is not None
        assert await world.graphs.append(claim, 0, whole)
        assert await world.graphs.publish(claim, b'{"model": 3}', kept.size, kept.sha256)
    other = world.process("other")
    assert await other.tend() == ["m"]
    assert {one.document_id for one in await other.nearest(vectors(1, 9)[0], WHERE, 5)} == {"a"}
    assert await world.process("one").tend() == []


async def test_a_graph_of_another_store_is_refused_and_made_anew(world: World) -> None:
    """A sound one whose passages are others here is known as foreign."""
    await put(world.store, "a", vectors(60, 1))
    await world.process("one").tend()
    elsewhere = Store(world.graphs)
    await put(elsewhere, "b", vectors(60, 2))
    other = world.process("other", elsewhere)
    assert await other.tend() == ["m"]
    assert {one.document_id for one in await other.nearest(vectors(1, 9)[0], WHERE, 5)} == {"b"}


async def test_nothing_of_what_was_erased_is_shared(world: World) -> None:
    """An erasure ends the making of what was read before it, and takes away what all share and what each has of it."""
    await put(world.store, "a", vectors(PAGE, 1))
    await put(world.store, "b", vectors(PAGE, 2))
    one, other = world.process("one"), world.process("other")
    world.store.meanwhile = lambda: world.store.erase("a")
    await one.tend()
    assert await world.graphs.newest("m", FORM) is None
    assert list((world.folder / "one").iterdir()) == []
    assert await one.tend() == ["m"]
    assert await other.tend() == []
    await put(world.store, "c", vectors(5, 3))
    await world.store.erase("c")
    # It heard nothing of that, as a process that is down.
    again = world.process("other")
    with pytest.raises(Preparing):
        await again.nearest(vectors(1, 9)[0], WHERE, 5)
    assert await again.tend() == ["m"]
    assert await one.tend() == []
    assert {hit.document_id for hit in await one.nearest(vectors(1, 9)[0], WHERE, 20)} == {"b"}
