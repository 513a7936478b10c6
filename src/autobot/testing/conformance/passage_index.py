"""What `PassageIndex` promises. Subclass `PassageIndexSuite`, and override `open`."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise
from typing import Any

import pytest

from autobot.contexts.knowledge.ports.index import IndexedVersion, Vectors, Where
from autobot.kernel.core.errors import InvalidInput
from autobot.testing.conformance.passage_index_base import (
    EAST,
    EVERYWHERE,
    MODEL,
    NORTH,
    UP,
    ids,
    passages_of,
    version_of,
)
from autobot.testing.conformance.passage_index_versions import VersionsSuite
from autobot.testing.conformance.passage_index_words import WordsSuite


class PassageIndexSuite(WordsSuite, VersionsSuite):
    """Finding by words and by vectors, in what may be read."""

    # -------------------------------------------------------------------------------------------- by words

    def test_a_passage_with_one_of_the_words_is_found(self) -> None:
        """Any word is enough, without regard to case, diacritics and English endings; what has none is not found."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(
                    index, version_of("a"), "The Café opens early.", "Engines of ships.", "Nothing."
                )
                for text in ("cafe", "CAFÉ", "opened", "which cafés are open?"):
                    assert ids(await index.lexical(text, EVERYWHERE, 10)) == ["a.1.0"], text
                assert ids(await index.lexical("engine", EVERYWHERE, 10)) == ["a.1.1"]
                assert sorted(ids(await index.lexical("cafe ship", EVERYWHERE, 10))) == ["a.1.0", "a.1.1"]
                assert await index.lexical("harbour", EVERYWHERE, 10) == []

        self.run(main())

    def test_rarer_words_count_more(self) -> None:
        """The passage with the rare word comes before one with the common one; scores fall, and the limit holds."""

        async def main() -> None:
            async with self.opened() as index:
                texts = [f"common text number {one}" for one in range(8)]
                await self.put(index, version_of("a"), *texts, "quaint text number 8")
                found = await index.lexical("common quaint", EVERYWHERE, 5)
                assert ids(found)[0] == "a.1.8"
                assert len(found) == 5
                assert all(one.score >= other.score for one, other in pairwise(found))
                assert ids(found)[1:] == ["a.1.0", "a.1.1", "a.1.2", "a.1.3"]

        self.run(main())

    def test_title_and_heading_are_searched(self) -> None:
        """Words of the document's title and of the headings above a passage find it."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(
                    index, version_of("a", title="Manual of pumps"), "Text.", heading="Care > Valves"
                )
                await self.put(index, version_of("b"), "Other.")
                assert ids(await index.lexical("pump", EVERYWHERE, 10)) == ["a.1.0"]
                assert ids(await index.lexical("valve", EVERYWHERE, 10)) == ["a.1.0"]

        self.run(main())

    def test_any_text_may_be_searched_for(self) -> None:
        """Signs of query languages are no words, and a text without words finds nothing; nothing is refused."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(index, version_of("a"), "near the gate", "title: x")
                for text in (
                    '"',
                    "'",
                    "NEAR(",
                    "gate*",
                    "-gate",
                    'x1" OR "y1',
                    "title:gate",
                    "^gate",
                    "{gate} :",
                    "&|!",
                ):
                    found = ids(await index.lexical(text, EVERYWHERE, 10))
                    assert ("a.1.0" in found) == ("gate" in text or "NEAR" in text), text
                for text in ("", " ", "\0", "…", "();--", "\N{RIGHT-TO-LEFT OVERRIDE}", "\ud800"):
                    assert await index.lexical(text, EVERYWHERE, 10) == [], text
                assert "a.1.0" in ids(await index.lexical("gate " * 5_000 + "x\0y", EVERYWHERE, 10))

        self.run(main())

    # ------------------------------------------------------------------------------------------ by vectors

    def test_the_nearest_come_first_by_cosine(self) -> None:
        """The score is the cosine, whatever the lengths of the vectors."""

        async def main() -> None:
            async with self.opened() as index:
                version = version_of("a", model=MODEL)
                await self.put(index, version, "n", "e", "ne", vectors=(NORTH, (0, 7.0, 0), (2.0, 2.0, 0.0)))
                found = await index.nearest((3.0, 0.0, 0.0), EVERYWHERE, 10)
                assert ids(found) == ["a.1.0", "a.1.2", "a.1.1"]
                assert [one.score for one in found] == pytest.approx([1.0, math.sqrt(0.5), 0.0], abs=1e-6)
                assert ids(await index.nearest(EAST, EVERYWHERE, 1)) == ["a.1.1"]
                assert (await index.nearest((0.0, -1.0, 0.0), EVERYWHERE, 3))[-1].score == pytest.approx(-1.0)

        self.run(main())

    def test_vectors_of_another_model_are_passed_over(self) -> None:
        """Only vectors of the model that is asked for, and of the query's length, are compared."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(index, version_of("a", model=MODEL), "a", vectors=(NORTH,))
                await self.put(index, version_of("b", model="other"), "b", vectors=(NORTH,))
                await self.put(index, version_of("c", model=MODEL), "c", vectors=((1.0, 0.0),))
                await self.put(index, version_of("d"), "d")
                assert ids(await index.nearest(NORTH, EVERYWHERE, 10)) == ["a.1.0"]
                assert ids(await index.nearest(NORTH, Where(model="other"), 10)) == ["b.1.0"]
                assert ids(await index.nearest((1.0, 0.0), EVERYWHERE, 10)) == ["c.1.0"]
                assert await index.nearest(NORTH, Where(model="new"), 10) == []

        self.run(main())

    def test_vectors_have_numbers_that_are_never_given_again(self) -> None:
        """Those that are found now are read by number, in pages."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(index, version_of("d", model="other"), "x", vectors=(NORTH,))
                for name in ("a", "b", "c"):
                    version = version_of(name, model=MODEL)
                    await self.put(index, version, "x", "y", vectors=(NORTH, EAST))
                first = await index.stored(MODEL, 0, 4)
                rest = await index.stored(MODEL, first[-1].number, 9)
                numbers = [one.number for one in (*first, *rest)]
                assert (len(first), len(rest)) == (4, 2)
                assert numbers == sorted(set(numbers))
                assert [list(array("f", one.vector)) for one in first[:2]] == [list(NORTH), list(EAST)]

                await index.erase("c")
                await index.retire("b", 20)
                assert [one.number for one in await index.stored(MODEL, 0, 9)] == numbers[:2]
                await self.put(index, version_of("e", model=MODEL), "x", vectors=(NORTH,))
                assert (await index.stored(MODEL, numbers[1], 9))[0].number > numbers[-1]

        self.run(main())

    def test_vectors_are_given_back_at_length_one(self) -> None:
        """Vectors of passages are read by their ids; those without, and what is no id, are left out."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(index, version_of("a", model=MODEL), "a", "b", vectors=((0.0, 4.0, 0.0), UP))
                await self.put(index, version_of("b"), "b")
                strange = [
                    "nothing",
                    "a.1.7",
                    f"a.1.{10**40}",
                    f"a.{'9' * 5_000}.1",
                    "a.-1.0",
                    "'.1.0",
                    "a.1.1.1",
                ]
                found = await index.vectors(["a.1.1", "b.1.0", *strange, "a.1.0"])
                assert [one.id for one in await index.passages(["b.1.0", *strange, "a.1.0"])] == [
                    "b.1.0",
                    "a.1.0",
                ]
                assert {key: list(value) for key, value in found.items()} == {
                    "a.1.0": list(EAST),
                    "a.1.1": list(UP),
                }

        self.run(main())

    def test_bad_vectors_are_refused_whole(self) -> None:
        """Other counts or lengths, no direction, and a model without vectors are refused, and nothing is indexed."""

        async def main() -> None:
            async with self.opened() as index:
                named, plain = version_of("a", model=MODEL), version_of("a")
                bad: list[tuple[IndexedVersion, Vectors | None]] = [
                    (named, (NORTH,)),
                    (named, (NORTH, (1.0, 0.0))),
                    (named, (NORTH, (0.0, 0.0, 0.0))),
                    (named, (NORTH, (math.nan, 0.0, 1.0))),
                    (named, None),
                    (plain, (NORTH, EAST)),
                ]
                for version, vectors in bad:
                    with pytest.raises(InvalidInput):
                        await self.put(index, version, "one", "two", vectors=vectors)
                with pytest.raises(InvalidInput):
                    await index.put(version_of("b"), passages_of(version_of("a"), "one"), None)
                assert await index.lexical("one two", EVERYWHERE, 10) == []

        self.run(main())

    # -------------------------------------------------------------------------------------------- filtered

    def test_what_may_not_be_read_is_not_found(self) -> None:
        """Only the collections, tags and documents that are asked for are searched, by words and by vectors alike."""

        async def main() -> None:
            async with self.opened() as index:
                for name, collection, tags in (
                    ("a", "red", ("x",)),
                    ("b", "blue", ("x", "y")),
                    ("c", "red", ()),
                ):
                    version = version_of(name, collection=collection, tags=tags, model=MODEL)
                    await self.put(index, version, "word", vectors=(NORTH,))
                cases: list[tuple[dict[str, Any], list[str]]] = [
                    ({}, ["a", "b", "c"]),
                    ({"collections": ("red",)}, ["a", "c"]),
                    ({"collections": ("red", "blue")}, ["a", "b", "c"]),
                    ({"collections": ()}, []),
                    ({"tags": ("x",)}, ["a", "b"]),
                    ({"tags": ("x", "y")}, ["b"]),
                    ({"tags": ("%",)}, []),
                    ({"documents": ("a", "b"), "collections": ("red",)}, ["a"]),
                    ({"documents": ()}, []),
                ]
                for given, expected in cases:
                    where = Where(model=MODEL, **given)
                    for hits in (await index.lexical("word", where, 9), await index.nearest(NORTH, where, 9)):
                        assert [one.document_id for one in hits] == expected, given

        self.run(main())
