"""Near vectors by a graph: never the truth, gone with what was erased, and made anew."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from autobot.adapters.memory.passages import MemoryPassages
from autobot.adapters.usearch.passages import NearOptions, NearPassages
from autobot.contexts.knowledge.ports.index import Where
from autobot.testing.conformance.passage_index_base import passages_of, version_of

pytestmark = pytest.mark.anyio

SIZE = 16
WHERE = Where(model="m")


def vectors(count: int, seed: int) -> list[list[float]]:
    """Return vectors that point anywhere."""
    chance = random.Random(seed)
    return [[chance.gauss(0, 1) for _ in range(SIZE)] for _ in range(count)]


async def put(index: NearPassages, name: str, rows: Sequence[Sequence[float]]) -> None:
    """Index a document with these vectors."""
    version = version_of(name, model="m")
    await index.put(version, passages_of(version, *[f"text {one}" for one in range(len(rows))]), rows)


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


async def test_nothing_of_what_was_erased_stays(tmp_path: Path) -> None:
    """A graph goes at once with the first document that is erased, and comes anew without it."""
    near = NearPassages(MemoryPassages(), tmp_path, NearOptions(least=10))
    await put(near, "a", vectors(30, 1))
    await put(near, "b", vectors(30, 2))
    await near.tend()
    assert len(list(tmp_path.iterdir())) == 2
    await near.erase("a")
    assert list(tmp_path.iterdir()) == []
    assert {one.document_id for one in await near.nearest(vectors(1, 3)[0], WHERE, 60)} == {"b"}
    assert await near.tend() == ["m"]
    assert {one.document_id for one in await near.nearest(vectors(1, 3)[0], WHERE, 60)} == {"b"}


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


def test_options_have_ranges() -> None:
    """What cannot work is refused when it is made."""
    for bad in ({"least": 0}, {"newest": 0}, {"growth": 0.0}):
        with pytest.raises(ValueError, match="is"):
            NearOptions(**bad)  # type: ignore[arg-type]
