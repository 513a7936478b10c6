"""What `PassageIndex` promises of versions, the past and what it holds; a part of `passage_index`."""

from __future__ import annotations

import asyncio

import pytest

from autobot.contexts.knowledge.ports.index import (
    IndexedVersion,
    IndexReport,
    ModelPassages,
    PassageIndex,
    Where,
)
from autobot.kernel.core.errors import Conflict
from autobot.testing.conformance.passage_index_base import (
    EVERYWHERE,
    MODEL,
    NORTH,
    Base,
    ids,
    labels,
    passages_of,
    version_of,
)


class VersionsSuite(Base):
    """Versions of documents, now and as of before."""

    async def seen(self, index: PassageIndex, as_of: int | None = None) -> list[str]:
        """Return which passages of `word` are found, and the vectors agree."""
        where = Where(model=MODEL, as_of=as_of)
        found = sorted(ids(await index.lexical("word", where, 50)))
        assert sorted(ids(await index.nearest(NORTH, where, 50))) == found
        return found

    async def put_word(self, index: PassageIndex, version: IndexedVersion, count: int = 1) -> None:
        """Index `count` passages of the same word."""
        await self.put(index, version, *["word"] * count, vectors=[NORTH] * count)

    def test_a_new_version_replaces_the_old(self) -> None:
        """Exactly the newest version is found, and as of before the one that was current then."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put_word(index, version_of("a", 1, position=10, model=MODEL), 2)
                await self.put_word(index, version_of("a", 2, position=20, model=MODEL))
                await self.put_word(index, version_of("b", 1, position=15, model=MODEL))
                assert await self.seen(index) == ["a.2.0", "b.1.0"]
                assert await self.seen(index, 9) == []
                assert await self.seen(index, 10) == ["a.1.0", "a.1.1"]
                assert await self.seen(index, 19) == ["a.1.0", "a.1.1", "b.1.0"]
                assert await self.seen(index, 20) == ["a.2.0", "b.1.0"]
                with pytest.raises(Conflict):
                    await self.put_word(index, version_of("a", 1, position=30, model=MODEL))
                assert await self.seen(index, 30) == ["a.2.0", "b.1.0"]

        self.run(main())

    def test_the_same_again_changes_nothing(self) -> None:
        """A version that is indexed twice is there once, from its first position on."""

        async def main() -> None:
            async with self.opened() as index:
                for position in (10, 10, 12):
                    await self.put_word(index, version_of("a", position=position, model=MODEL), 2)
                assert await self.seen(index) == ["a.1.0", "a.1.1"]
                assert await self.seen(index, 10) == ["a.1.0", "a.1.1"]
                assert (await index.measure()).stored == 2

        self.run(main())

    def test_vectors_may_come_later(self) -> None:
        """The same version with vectors, another collection or fewer passages replaces what was indexed of it."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(index, version_of("a"), "word", "word more")
                assert await index.nearest(NORTH, EVERYWHERE, 10) == []
                moved = version_of("a", position=50, model=MODEL, collection="other")
                await self.put(index, moved, "word", vectors=(NORTH,))
                assert await self.seen(index) == ["a.1.0"]
                assert await self.seen(index, 10) == ["a.1.0"]
                assert await index.lexical("more", EVERYWHERE, 10) == []
                assert ids(await index.lexical("word", Where(collections=("other",)), 10)) == ["a.1.0"]
                assert await index.lexical("word", Where(collections=("shelf",)), 10) == []

        self.run(main())

    def test_a_retired_document_is_found_as_of_before(self) -> None:
        """From its position on it is found no more; a second time, or a document that is not there, changes nothing."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put_word(index, version_of("a", position=10, model=MODEL))
                await index.retire("a", 20)
                await index.retire("a", 30)
                await index.retire("nobody", 5)
                assert await self.seen(index) == []
                assert await self.seen(index, 20) == []
                assert await self.seen(index, 19) == ["a.1.0"]
                await self.put_word(index, version_of("a", 2, position=40, model=MODEL))
                assert await self.seen(index, 39) == []
                assert await self.seen(index) == ["a.2.0"]

        self.run(main())

    def test_other_labels_hold_from_their_position_on(self) -> None:
        """Now it is found by its new tags and title; as of before it has those that it had, whatever is put again."""

        async def main() -> None:
            async with self.opened() as index:
                version = version_of("a", position=10, title="Pumps", tags=("x",), model=MODEL)
                await self.put_word(index, version, 2)
                for _ in range(2):
                    await index.label(labels("a", 20, title="Valves", tags=("y",)))
                await index.label(labels("a", 30, title="Gauges", tags=("y", "z")))
                await index.label(labels("nobody", 30))
                again = version_of("a", position=40, title="Gauges", tags=("y", "z"), model=MODEL)
                await self.put_word(index, again, 2)
                for tag, at, count in (
                    ("x", None, 0), ("y", None, 2), ("z", None, 2), ("x", 10, 2), ("x", 19, 2), ("x", 20, 0),
                    ("y", 19, 0), ("y", 20, 2), ("z", 29, 0), ("z", 30, 2), ("x", 9, 0),
                ):  # fmt: skip
                    where = Where(model=MODEL, tags=(tag,), as_of=at)
                    assert len(await index.lexical("word", where, 9)) == count, (tag, at)
                    assert len(await index.nearest(NORTH, where, 9)) == count, (tag, at)
                for word, found in (("pump", []), ("valve", []), ("gauge", ["a.1.0", "a.1.1"])):
                    assert ids(await index.lexical(word, EVERYWHERE, 9)) == found, word
                for at, title in (
                    (None, "Gauges"),
                    (10, "Pumps"),
                    (20, "Valves"),
                    (29, "Valves"),
                    (30, "Gauges"),
                ):
                    assert [one.title for one in await index.passages(["a.1.1"], at)] == [title], at
                assert {one.title for one in await index.of_document("a", 1)} == {"Gauges"}

        self.run(main())

    def test_a_moved_document_has_its_past_in_its_new_place(self) -> None:
        """Who may read the collection that it was in finds none of its versions any more, as of before neither."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put_word(index, version_of("a", 1, position=10, model=MODEL))
                await self.put_word(index, version_of("a", 2, position=20, tags=("t",), model=MODEL))
                await index.label(labels("a", 30, collection="safe", title="Title of a", tags=("t",)))
                for at, found in ((None, ["a.2.0"]), (10, ["a.1.0"]), (20, ["a.2.0"])):
                    for collection, expected in (("shelf", []), ("safe", found)):
                        where = Where(model=MODEL, collections=(collection,), as_of=at)
                        assert ids(await index.lexical("word", where, 9)) == expected, (at, collection)
                        assert ids(await index.nearest(NORTH, where, 9)) == expected, (at, collection)
                # A version keeps the labels that it had when another took its place.
                await self.put_word(index, version_of("a", 3, position=40, collection="safe", model=MODEL))
                await index.label(labels("a", 50, collection="safe", title="Other", tags=("u",)))
                where = Where(tags=("t",), as_of=35)
                assert ids(await index.lexical("word", where, 9)) == ["a.2.0"]
                assert [one.title for one in await index.passages(["a.2.0", "a.3.0"])] == [
                    "Title of a",
                    "Other",
                ]

        self.run(main())

    def test_labels_that_come_late_are_no_past(self) -> None:
        """Told of a position at or before the one at which it came into the index, they are what it always had."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put_word(index, version_of("a", position=10, tags=("x",), model=MODEL))
                await index.label(labels("a", 8, tags=("y",)))
                await index.label(labels("a", 10, tags=("z",)))
                for tag, count in (("x", 0), ("y", 0), ("z", 1)):
                    for at in (None, 10):
                        where = Where(tags=(tag,), as_of=at)
                        assert len(await index.lexical("word", where, 9)) == count, (tag, at)

        self.run(main())

    def test_an_erased_document_was_never_there(self) -> None:
        """Neither now nor as of any position is anything of it found or read; another one stays."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put_word(index, version_of("a", 1, position=10, model=MODEL))
                await self.put_word(index, version_of("a", 2, position=20, model=MODEL))
                await self.put_word(index, version_of("b", position=10, model=MODEL))
                await index.label(labels("a", 30, title="Other word"))
                await index.erase("a")
                await index.erase("nobody")
                for position in (None, 10, 20):
                    assert await self.seen(index, position) == ["b.1.0"]
                assert await index.passages(["a.1.0", "a.2.0"]) == []
                assert await index.of_document("a", 1) == []
                assert await index.vectors(["a.1.0", "a.2.0"]) == {}
                assert (await index.measure()).stored == 1

        self.run(main())

    # --------------------------------------------------------------------------------------------- reading

    def test_passages_are_read_as_they_were_put(self) -> None:
        """By id in the order of the ids, or all of a version in theirs; past versions too."""

        async def main() -> None:
            async with self.opened() as index:
                first = version_of("a", 1)
                stored = passages_of(first, "one\0two", "שלום 🙂", heading="Top > Low")
                await index.put(first, stored, None)
                await self.put(index, version_of("a", 2, position=20), "other")
                assert await index.of_document("a", 1) == stored
                assert await index.passages(["a.1.1", "x", "a.9.0", "a.1.0", "a.1.9"]) == [
                    stored[1],
                    stored[0],
                ]
                assert await index.of_document("a", 3) == []

        self.run(main())

    def test_it_says_what_it_holds(self) -> None:
        """Documents and passages of now, passages of all time, and models with their lengths."""

        async def main() -> None:
            async with self.opened() as index:
                assert await index.measure() == IndexReport(documents=0, passages=0, stored=0, models=())
                await self.put_word(index, version_of("a", 1, model=MODEL), 3)
                await self.put_word(index, version_of("a", 2, position=20, model=MODEL), 2)
                await self.put(index, version_of("b", model="other"), "x", vectors=((1.0, 1.0),))
                await self.put(index, version_of("c"), "y")
                await self.put(index, version_of("d"), "z")
                await index.retire("d", 30)
                assert await index.measure() == IndexReport(
                    documents=3,
                    passages=4,
                    stored=8,
                    models=(
                        ModelPassages(model=MODEL, dimensions=3, passages=2),
                        ModelPassages(model="other", dimensions=2, passages=1),
                    ),
                )

        self.run(main())

    def test_a_version_is_there_whole_or_not(self) -> None:
        """While versions are put, every search sees one of them with all its passages, never two or a part."""

        async def main() -> None:
            async with self.opened() as index:
                count = 40
                await self.put_word(index, version_of("a", 1, model=MODEL), count)

                async def write() -> None:
                    for number in range(2, 12):
                        await self.put_word(
                            index, version_of("a", number, position=number * 10, model=MODEL), count
                        )

                async with asyncio.TaskGroup() as group:
                    writing = group.create_task(write())
                    while not writing.done():
                        found = ids(await index.lexical("word", EVERYWHERE, 200))
                        assert len(found) == count
                        assert len({one.split(".")[1] for one in found}) == 1
                        await asyncio.sleep(0)

        self.run(main())
