"""Archives with versions before and question sets: what comes in elsewhere, and what of older formats still does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from autobot.contexts.knowledge.domain.document import stream_of
from autobot.contexts.knowledge.ports.imports import BROUGHT
from autobot.contracts.knowledge import archives, collections, documents, question_sets, reading, search
from autobot.contracts.knowledge.passages import passage_id
from autobot.contracts.knowledge.question_sets import WishedQuestion
from autobot.kernel.event_store.transaction import Query
from tests.unit.contexts.knowledge.installation import Installation, filled
from tests.unit.contexts.knowledge.test_archives import retold
from tests.unit.contexts.knowledge.test_cancelled_imports import Halting
from tests.unit.contexts.knowledge.world import ALICE, BOB

pytestmark = pytest.mark.anyio

GOLDEN: Final = Path("tests/golden/collections")


class Shelf:
    """An installation with a collection: a document of three versions, the second read twice, another, and two sets."""

    def __init__(self) -> None:
        self.world = Installation()
        self.place = self.many = self.one = ""

    async def fill(self) -> Shelf:
        """Make it."""
        world = self.world
        self.place = await filled(world)
        async with world.working():
            first = await world.add("ferns of spring", title="Ferns", tags=("a",), collection=self.place)
            self.many = first.id
            for text in ("ferns of summer", "", "ferns of autumn"):
                await world.settled(self.many)
                if text:
                    await world.add(text, title=f"The {text}", id=self.many)
                else:
                    await world.do(documents.ReindexDocument(id=self.many))
            self.one = (await world.add("moss on the stone", title="Moss", collection=self.place)).id
            for one in (self.many, self.one):
                await world.settled(one)
        gone = (await world.add("lichen", title="Lichen", collection=self.place)).id
        await self.made(
            "Of documents", ("where is fern", {self.many: 3, self.one: 0, gone: 2}), ("lichen", {gone: 3})
        )
        spring, summer = passage_id(self.many, 1, 0), passage_id(self.many, 3, 0)
        await self.made(
            "Of passages", ("fern in spring", {spring: 2, summer: 1, passage_id(self.many, 4, 0): 0})
        )
        await world.do(documents.DeleteDocument(id=gone))
        return self

    async def made(self, name: str, *asked: tuple[str, dict[str, int]]) -> None:
        """Make a set."""
        questions = tuple(WishedQuestion(query=query, relevant=relevant) for query, relevant in asked)
        command = question_sets.CreateQuestionSet(collection=self.place, name=name, questions=questions)
        await self.world.do(command)


@pytest.fixture
async def shelf() -> Shelf:
    """The collection."""
    return await Shelf().fill()


async def sets_of(world: Installation, place: str, who: Any = ALICE) -> dict[str, dict[str, dict[str, int]]]:
    """Return the grades of a collection's sets, by their names and questions."""
    found = (await world.ask(question_sets.ListQuestionSets(collection=place), who)).items
    shown = [await world.ask(question_sets.GetQuestionSet(collection=place, id=one.id), who) for one in found]
    return {one.name: {asked.query: dict(asked.relevant) for asked in one.questions} for one in shown}


async def test_versions_before_and_question_sets_come_along(shelf: Shelf) -> None:
    """Each version can be looked at, found as of then, and is what sets grade; what is gone is graded no more."""
    data, there = await shelf.world.written(shelf.place), Installation()
    async with there.working():
        view = await there.taken(data, BOB)
        assert (view.state, view.added, view.question_sets) == ("completed", 2, 2), view.error
        listed = (await there.ask(documents.ListDocuments(collection=view.collection), BOB)).items
        here = {one.title: one for one in listed}
        ferns, moss = here["The ferns of autumn"], here["Moss"]
        await there.settled(ferns.id, BOB)
        await there.settled(moss.id, BOB)
    assert (ferns.version, ferns.tags, moss.version) == (3, ("a",), 1)
    said = [
        await there.ask(reading.GetDocumentText(id=ferns.id, version=number), BOB) for number in (1, 2, 3)
    ]
    assert [one.text for one in said] == ["ferns of spring", "ferns of summer", "ferns of autumn"]
    facts = await there.store.read_stream(stream_of(ferns.id))
    spring = next(one.position for one in facts if one.message.type == documents.DocumentIndexed.TYPE)
    asked = search.SearchKnowledge(query="ferns", mode="lexical", as_of=search.AsOf(position=spring))
    assert [one.text for one in (await there.ask(asked, BOB)).items] == ["ferns of spring"]
    passages = [passage_id(ferns.id, number, 0) for number in (1, 2, 3)]
    assert await sets_of(there, view.collection, BOB) == {
        "Of documents": {"where is fern": {ferns.id: 3, moss.id: 0}},
        "Of passages": {"fern in spring": dict(zip(passages, (2, 1, 0), strict=True))},
    }
    assert "alice" not in await there.everything_stored()


async def test_the_same_again_brings_no_doubles_and_leaves_sets_as_they_are(shelf: Shelf) -> None:
    """Documents are known by their newest file; a set that somebody changed here stays as it is."""
    data, there = await shelf.world.written(shelf.place), Installation()
    async with there.working():
        view = await there.taken(data)
        (made,) = [
            one
            for one in (await there.ask(question_sets.ListQuestionSets(collection=view.collection))).items
            if one.name == "Of documents"
        ]
        change = question_sets.ReplaceQuestionSet(collection=view.collection, id=made.id, name="Mine")
        await there.do(change)
        again = await there.taken(data)
    assert (again.collection, again.added, again.existing) == (view.collection, 0, 2)
    assert again.question_sets == 0
    assert set(await sets_of(there, view.collection)) == {"Mine", "Of passages"}


async def test_a_document_that_is_there_gets_no_versions_of_another(shelf: Shelf) -> None:
    """A file that was an earlier version elsewhere and is a document of its own here stays that; the others come."""
    data, there = await shelf.world.written(shelf.place), Installation()
    place = await filled(there, "ferns of spring")
    (mine,) = (await there.ask(documents.ListDocuments(collection=place))).items
    async with there.working():
        view = await there.taken(data, collection=place)
        assert (view.state, view.added, view.existing) == ("completed", 2, 0), view.error
    found = {one.title: one for one in (await there.ask(documents.ListDocuments(collection=place))).items}
    assert set(found) == {"Note 0", "The ferns of autumn", "Moss"}
    ferns = found["The ferns of autumn"]
    assert (found["Note 0"].id, found["Note 0"].version, ferns.version) == (mine.id, 1, 2)
    graded = (await sets_of(there, place))["Of passages"]["fern in spring"]
    assert graded == {passage_id(ferns.id, 1, 0): 1, passage_id(ferns.id, 2, 0): 0}


async def test_a_cancelled_import_takes_its_question_sets_back(shelf: Shelf) -> None:
    """Sets that it brought go with the documents; those that were there stay."""
    data, there = await shelf.world.written(shelf.place), Installation()
    place = await filled(there, "something else")
    only = question_sets.CreateQuestionSet(collection=place, name="Here before")
    await there.do(only)
    bus = Halting(there, 1, of=question_sets.BringQuestionSet)
    async with there.working(), there.importing(bus):
        asked = await there.ask_for(data, collection=place)
        await bus.reached.wait()
        assert len(await sets_of(there, place)) == 2
        await there.do(archives.CancelImport(id=asked.id))
        bus.on.set()
        view = await there.ended(asked)
    assert (view.state, view.question_sets) == ("cancelled", 0)
    assert await sets_of(there, place) == {"Here before": {}}
    assert await there.titles() == ["Note 0"]
    assert await there.store.count(Query(table=BROUGHT)) == 0


async def test_an_import_of_versions_that_is_cut_off_goes_on(shelf: Shelf) -> None:
    """The next process adds what is missing of a document, and no version twice."""
    data, there = await shelf.world.written(shelf.place), Installation()
    async with there.working():
        bus = Halting(there, 2)
        asked = await there.ask_for(data)
        async with asyncio.TaskGroup() as group:

            async def first() -> None:
                async with there.importing(bus):
                    await asyncio.Event().wait()

            going = group.create_task(first())
            await bus.reached.wait()
            going.cancel()
            bus.on.set()
        async with there.importing():
            view = await there.ended(asked)
    assert (view.state, view.added, view.existing) == ("completed", 2, 0), view.error
    found = {one.title: one for one in (await there.ask(documents.ListDocuments())).items}
    assert found["The ferns of autumn"].version == 3


async def test_an_import_that_waits_for_a_version_to_be_read_is_cancelled(shelf: Shelf) -> None:
    """While nobody reads documents its next version waits; who cancels it does not."""
    data, there = await shelf.world.written(shelf.place), Installation()
    async with there.importing():
        asked = await there.ask_for(data)
        async with asyncio.timeout(20):
            while not await there.titles():
                await asyncio.sleep(0)
            await there.do(archives.CancelImport(id=asked.id))
            assert (await there.ended(asked)).state == "cancelled"
    assert await there.titles() == []


async def test_golden_archives_of_every_version_are_read() -> None:
    """What an older AutoBot wrote is taken in as what it was."""
    before = Installation()
    async with before.working():
        view = await before.taken((GOLDEN / "v1.tar").read_bytes())
    assert (view.state, view.name, view.added, view.question_sets) == ("completed", "Field notes", 3, 0)
    assert await before.titles() == ["A page", "Note 0", "Note 1"]
    there = Installation()
    async with there.working():
        view = await there.taken((GOLDEN / "v2.tar").read_bytes())
        assert (view.state, view.added, view.question_sets) == ("completed", 2, 2), view.error
    assert await there.titles() == ["Moss", "The ferns of autumn"]
    got = await there.ask(collections.GetCollection(id=view.collection))
    # Who may is said by who takes it in.
    assert (got.readers, got.writers, got.everybody) == ((), (), "none")


def said(name: str, /, **fields: Any) -> Callable[[bytes], bytes]:
    """Return what says something else where `name` is among what is said."""

    def change(_: int, found: dict[str, Any]) -> None:
        if name in found:
            found.update({key: value(found) if callable(value) else value for key, value in fields.items()})

    return lambda data: retold(data, change)


def first(found: dict[str, Any], **fields: Any) -> list[Any]:
    """Return versions before of which the first says something else."""
    return [{**one, **fields} if not place else one for place, one in enumerate(found["earlier"])]


WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "versions in no order": (said("earlier", earlier=lambda one: one["earlier"][::-1]), "no order"),
    "a version twice": (said("earlier", earlier=lambda one: one["earlier"][:1] * 2), "no order"),
    "a version of another size": (said("earlier", earlier=lambda one: first(one, size=3)), "size"),
    "a version of other bytes": (said("earlier", earlier=lambda one: first(one, sha256="0" * 64)), "not those"),
    "a version without bytes": (
        said("earlier", earlier=lambda one: first(one, size=0, url="https://example.org")), "without bytes",
    ),
    "a version too much": (said("earlier", earlier=lambda one: one["earlier"] + one["earlier"]), "no order"),
    "more versions than are read": (
        said("earlier", earlier=lambda one: [{**(one["earlier"] or [one])[0], "version": n} for n in range(101)]),
        "versions before",
    ),
    "one id for two documents": (said("earlier", id="same"), "two documents"),
    "a set without a name": (said("questions", name=""), "name"),
    "a set with another origin": (said("questions", id="../x"), "origin"),
    "a grade of another kind": (
        said("questions", questions=[{"query": "a", "relevant": {"d": "3"}}]), "cannot be read",
    ),
    "too many questions": (
        said("questions", questions=[{"query": f"q{n}", "relevant": {}} for n in range(501)]), "more than",
    ),
    "another count of sets": (said("question_sets", question_sets=1), "end says"),
    "a format before": (said("format", version=1), "later version"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_with_versions_or_sets_is_told_before_anything_comes(name: str) -> None:
    """Nothing of it is taken in: no document, no set, no collection, no file."""
    change, why = WRONG[name]
    world, data = Installation(), (GOLDEN / "v2.tar").read_bytes()
    view = await world.taken(change(data))
    assert view.state == "failed", view
    assert view.error is not None
    assert view.error.code in ("validation", "too-large"), view.error
    assert why in view.error.detail, view.error.detail
    assert await world.titles() == []
    assert (await world.ask(collections.ListCollections())).items == ()
    assert await world.kept() == 0
