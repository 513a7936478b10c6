"""Near vectors by a graph: never the truth, gone with what was erased, and made anew."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from autobot.adapters.memory.passages import MemoryPassages
from autobot.adapters.usearch.passages import NearOptions, NearPassages
from autobot.contexts.knowledge.ports.index import Hit, StoredVector, Vector, Where
from autobot.contexts.knowledge.ports.listed import BEHIND, PAGE
from autobot.kernel.core.errors import Preparing
from autobot.testing.conformance.passage_index_base import labels, passages_of, version_of
from tests.unit.adapters.mapping import gone_but_mapped

pytestmark = pytest.mark.anyio

SIZE = 16
WHERE = Where(model="m")


def vectors(count: int, seed: int) -> list[list[float]]:
    """Return vectors that point anywhere."""
    chance = random.Random(seed)
    return [[chance.gauss(0, 1) for _ in range(SIZE)] for _ in range(count)]


class Asked(MemoryPassages):
    """Counts how often all vectors were compared."""

    times = 0

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        self.times += 1
        return await super().nearest(vector, where, limit)


async def put(index: NearPassages, name: str, rows: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    """Index a document with these vectors, and return them."""
    version = version_of(name, model="m")
    await index.put(version, passages_of(version, *[f"text {one}" for one in range(len(rows))]), rows)
    return rows


async def test_it_finds_what_an_exact_search_finds(tmp_path: Path) -> None:
    """The first ten of a graph's answer are those of comparing all, with exact scores; so it is after a restart."""
    store = MemoryPassages()
    near = NearPassages(store, tmp_path, NearOptions(least=100))
    for number in range(10):
        await put(near, f"d{number}", vectors(40, number))
    assert await near.tend() == ["m"]
    assert await near.tend() == []
    again = NearPassages(store, tmp_path, NearOptions(least=100))
    for question in vectors(20, 99):
        exact = await store.nearest(question, WHERE, 10)
        for one in (near, again):
            found = await one.nearest(question, WHERE, 10)
            assert len({hit.passage_id for hit in found} & {hit.passage_id for hit in exact}) >= 9
            assert found[0].score == pytest.approx(exact[0].score)


async def test_what_came_after_the_graph_is_found_and_what_went_is_not(tmp_path: Path) -> None:
    """New passages are compared before there is a graph with them; retired ones are in no answer."""
    near = NearPassages(MemoryPassages(), tmp_path, NearOptions(least=10))
    await put(near, "old", vectors(30, 1))
    await near.tend()
    (question,) = vectors(1, 7)
    await put(near, "new", [question])
    assert (await near.nearest(question, WHERE, 1))[0].document_id == "new"
    await near.retire("new", 50)
    assert (await near.nearest(question, WHERE, 1))[0].document_id == "old"


async def test_more_than_a_search_reads_itself_is_found_at_once(tmp_path: Path) -> None:
    """When more came than a search holds by itself, the store answers, and `tend` holds the rest."""
    store = Asked()
    near = NearPassages(store, tmp_path, NearOptions(least=10, growth=1))
    await put(near, "old", vectors(3 * BEHIND, 1))
    await near.tend()
    (question,) = vectors(1, 7)
    await put(near, "many", [*vectors(2 * BEHIND, 2), question])
    assert (await near.nearest(question, WHERE, 1))[0].passage_id == f"many.1.{2 * BEHIND}"
    assert store.times == 1
    assert await near.tend() == []
    assert (await near.nearest(question, WHERE, 1))[0].passage_id == f"many.1.{2 * BEHIND}"
    assert store.times == 1


async def test_documents_that_take_the_place_of_others_outgrow_a_graph(tmp_path: Path) -> None:
    """As many as before, but others: what is held in memory counts, and the graph is made anew."""
    near = NearPassages(MemoryPassages(), tmp_path, NearOptions(least=10, growth=0.5))
    for name in ("a", "b"):
        await put(near, name, vectors(20, 1))
    assert await near.tend() == ["m"]
    await near.retire("a", 5)
    await put(near, "c", vectors(20, 3))
    assert await near.tend() == []
    await near.retire("b", 6)
    await put(near, "d", vectors(20, 4))
    assert await near.tend() == ["m"]


async def test_few_that_may_be_read_are_found_among_many(tmp_path: Path) -> None:
    """When hardly any of the nearest may be read, more are looked at, and in the end all are compared."""
    store = Asked()
    near = NearPassages(store, tmp_path, NearOptions(least=10))
    (question,) = vectors(1, 9)
    await put(near, "mine", vectors(3, 2))
    await put(near, "others", [question] * 2_000)
    await near.tend()
    here = Where(model="m", documents=None, tags=("t",))
    await store.label(labels("mine", 9, tags=("t",)))
    found = await near.nearest(question, here, 3)
    assert {one.document_id for one in found} == {"mine"}
    assert [one.score for one in found] == [
        pytest.approx(one.score) for one in await MemoryPassages.nearest(store, question, here, 3)
    ]
    assert store.times == 1


async def test_a_graph_of_another_store_is_not_believed(tmp_path: Path) -> None:
    """Beside a store that was made anew an old graph is known as old, also when as many passages have the same numbers."""
    near = NearPassages(MemoryPassages(), tmp_path, NearOptions(least=10))
    await put(near, "a", vectors(30, 1))
    await near.tend()
    other = MemoryPassages()
    version = version_of("b", model="m")
    rows = vectors(30, 5)
    await other.put(version, passages_of(version, *["other words"] * 30), rows)
    again = NearPassages(other, tmp_path, NearOptions(least=10))
    assert (await again.nearest(rows[7], WHERE, 1))[0].passage_id == "b.1.7"
    assert await again.tend() == ["m"]
    assert (await again.nearest(rows[7], WHERE, 1))[0].passage_id == "b.1.7"


async def test_a_graph_stays_believed_when_some_of_its_passages_went(tmp_path: Path) -> None:
    """A document that has another title since has other numbers: the graph is opened again all the same."""
    store = MemoryPassages()
    near = NearPassages(store, tmp_path, NearOptions(least=10))
    await put(near, "a", vectors(5, 1))
    await put(near, "b", vectors(60, 2))
    await near.tend()
    await store.label(labels("a", 9, title="Another"))
    again = NearPassages(store, tmp_path, NearOptions(least=10))
    assert await again.tend() == []


async def test_nothing_of_what_was_erased_stays(tmp_path: Path) -> None:
    """A graph's file goes at once with the first document that is erased. What is mapped of it is searched, and names
    nothing that is gone, until it comes anew without it; then that is let go."""
    store = Asked()
    near = NearPassages(store, tmp_path, NearOptions(least=10))
    await put(near, "a", vectors(30, 1))
    await put(near, "b", vectors(90, 2))
    await near.tend()
    assert len(list(tmp_path.iterdir())) == 2
    await near.erase("a")
    assert list(tmp_path.iterdir()) == []
    (question,) = await put(near, "c", vectors(1, 3))
    assert {one.document_id for one in await near.nearest(question, WHERE, 60)} == {"b", "c"}
    assert store.times == 0
    assert await gone_but_mapped(tmp_path)
    assert await near.tend() == ["m"]
    assert not await gone_but_mapped(tmp_path)
    assert {one.document_id for one in await near.nearest(question, WHERE, 60)} == {"b", "c"}
    assert store.times == 0


async def test_what_is_too_small_for_a_graph_now_keeps_none(tmp_path: Path) -> None:
    """After an erasure that leaves few vectors the graph that is gone from the folder is let go, too."""
    store = Asked()
    near = NearPassages(store, tmp_path, NearOptions(least=50))
    await put(near, "a", vectors(60, 1))
    await put(near, "b", vectors(30, 2))
    await near.tend()
    await near.erase("a")
    assert await near.tend() == []
    assert not await gone_but_mapped(tmp_path)
    assert len(await near.nearest(vectors(1, 3)[0], WHERE, 5)) == 5
    assert store.times == 1


async def test_a_damaged_graph_costs_no_answer(tmp_path: Path) -> None:
    """A file that cannot be read counts as none: all vectors are compared, and it is made anew."""
    store = MemoryPassages()
    near = NearPassages(store, tmp_path, NearOptions(least=10))
    await put(near, "a", vectors(30, 1))
    await near.tend()
    for path in tmp_path.iterdir():
        path.write_bytes(b"{}")
    again = NearPassages(store, tmp_path, NearOptions(least=10))
    assert len(await again.nearest(vectors(1, 3)[0], WHERE, 5)) == 5
    assert await again.tend() == ["m"]


async def many(where: Where, dimensions: int) -> bool:
    """Say that there are always too many to be compared."""
    return True


async def test_too_many_vectors_are_not_compared_before_there_is_a_graph(tmp_path: Path) -> None:
    """A search that the graph will answer is told at once to come again; what a graph never answers is compared."""
    store = Asked()
    near = NearPassages(store, tmp_path, NearOptions(least=10), many)
    (question,) = vectors(1, 7)
    await put(near, "old", vectors(30, 1))
    with pytest.raises(Preparing) as told:
        await near.nearest(question, WHERE, 5)
    assert (told.value.retry_after > 0, bool(told.value.hint), store.times) == (True, True, 0)
    assert len(await near.nearest(question, Where(model="m", as_of=10**6), 5)) == 5
    assert len(await near.nearest(question, Where(model="m", documents=("old",)), 5)) == 5
    assert store.times == 2
    await near.tend()
    assert len(await near.nearest(question, WHERE, 5)) == 5
    assert store.times == 2


async def test_too_many_that_came_at_once_are_waited_for(tmp_path: Path) -> None:
    """More than a search lists itself, where the store is not to compare: each search lists some, until all are there."""
    store = Asked()
    near = NearPassages(store, tmp_path, NearOptions(least=10, growth=1), many)
    await put(near, "old", vectors(3 * BEHIND, 1))
    await near.tend()
    (question,) = vectors(1, 7)
    await put(near, "many", [*vectors(BEHIND, 2), question])
    with pytest.raises(Preparing):
        await near.nearest(question, WHERE, 1)
    assert (await near.nearest(question, WHERE, 1))[0].passage_id == f"many.1.{BEHIND}"
    assert store.times == 0


async def test_few_that_may_be_read_are_compared_however_many_there_are(tmp_path: Path) -> None:
    """A graph that is there and names hardly any that may be read is not waited for: nothing more comes."""
    store = Asked()
    near = NearPassages(store, tmp_path, NearOptions(least=10), many)
    (question,) = vectors(1, 9)
    await put(near, "mine", vectors(3, 2))
    await put(near, "others", [question] * 2_000)
    await near.tend()
    await store.label(labels("mine", 9, tags=("t",)))
    found = await near.nearest(question, Where(model="m", tags=("t",)), 3)
    assert {one.document_id for one in found} == {"mine"}
    assert store.times == 1


class Watched(MemoryPassages):
    """Searches before each page of vectors is read for a graph, and keeps what it was told; more come with the second."""

    def __init__(self) -> None:
        super().__init__()
        self.near: NearPassages | None = None
        self.told = list[str]()

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        assert self.near is not None
        with pytest.raises(Preparing) as raised:
            await self.near.nearest(vectors(1, 1)[0], WHERE, 1)
        self.told.append(raised.value.detail)
        if len(self.told) == 2:
            await put(self.near, "more", vectors(PAGE, 2))
        return await super().stored(model, after, limit)


async def test_how_far_a_graph_is_is_told(tmp_path: Path) -> None:
    """Who asks while a graph is made hears how many vectors are in it, and of how many as long as that holds."""
    store = Watched()
    store.near = near = NearPassages(store, tmp_path, NearOptions(least=10), many)
    await put(near, "a", vectors(2 * PAGE, 1))
    await near.tend()
    far = [one.partition(": ")[2] for one in store.told]
    assert far == ["", "500 of 1,000 are ready.", "1,000 are ready.", "1,500 are ready."]


def test_options_have_ranges() -> None:
    """What cannot work is refused when it is made."""
    for bad in ({"least": 0}, {"newest": 0}, {"growth": 0.0}):
        with pytest.raises(ValueError, match="is"):
            NearOptions(**bad)  # type: ignore[arg-type]
