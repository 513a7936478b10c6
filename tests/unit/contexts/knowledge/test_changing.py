"""Another title, other tags, another collection: no new version, found so at once, and the past keeps what was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from autobot.contexts.knowledge.ports.index import Where
from autobot.contracts.knowledge import collections, documents, reading, search
from autobot.contracts.past import AsOf
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import AlreadyExists, Forbidden, NotFound
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock
from tests.unit.contexts.knowledge.world import ALICE, BOB, EVE, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    """The context."""
    return World(HashingEmbedder(HandClock()))


async def shelf(world: World, **fields: Any) -> str:
    """Make a collection of Alice's."""
    return str((await world.do(collections.CreateCollection(**{"name": "Shelf", **fields}))).id)


async def found(world: World, who: Principal = ALICE, **asked: Any) -> list[tuple[str, str]]:
    """Return passages and their titles, as a search finds them."""
    query = search.SearchKnowledge(**{"query": "ferns", "mode": "lexical", **asked})
    return [(one.passage_id, one.title) for one in (await world.ask(query, who)).items]


async def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not await holds():
            await asyncio.sleep(0)


async def test_a_change_is_no_new_version_and_is_found_at_once(world: World) -> None:
    """Title and tags are others, version, text and passages the same; as of before it is found as it was."""
    async with world.working():
        accepted = await world.add("ferns in the shade", title="Plants", tags=("green",))
        ready = await world.settled(accepted.id)
        then = await world.store.head()
        change = documents.ChangeDocument(id=accepted.id, title="Ferns", tags=("shade", "shade", "damp"))
        view = await world.do(change)
        assert (view.title, view.tags, view.version, view.status) == ("Ferns", ("shade", "damp"), 1, "ready")
        passage = f"{accepted.id}.1.0"
        await until(lambda: found(world, tags=("shade",)))
        assert await found(world) == [(passage, "Ferns")]
        assert await found(world, tags=("green",)) == []
        before = AsOf(position=then)
        assert await found(world, tags=("green",), as_of=before) == [(passage, "Plants")]
        assert await found(world, tags=("shade",), as_of=before) == []
        text = await world.ask(reading.GetDocumentText(id=accepted.id))
        assert (text.text, text.version, text.title) == ("ferns in the shade", 1, "Ferns")
        assert view.created_at == ready.created_at


async def test_what_it_is_already_is_no_fact(world: World) -> None:
    """The same title, tags or place, or nothing at all, changes nothing and is not said."""
    accepted = await world.add("ferns", title="Plants", tags=("green",))
    own = (await world.ask(documents.GetDocument(id=accepted.id))).collection
    before = await world.store.head()
    for same in ({}, {"title": "Plants"}, {"tags": ("green",)}, {"collection": own}):
        await world.do(documents.ChangeDocument(id=accepted.id, **same))
    assert all("document_changed" not in one.message.type for one in await world.store.read_all(after=before))


async def test_a_document_that_waits_keeps_its_place_and_gets_its_new_name(world: World) -> None:
    """A change in the queue does not send a document back, and what is indexed then has the new labels."""
    first = await world.add("ferns in the shade", title="Plants")
    second = await world.add("ferns in the sun")
    await world.do(documents.ChangeDocument(id=first.id, title="Ferns", tags=("early",)))
    places = [
        (await world.ask(documents.GetDocument(id=one.id))).progress.position for one in (first, second)
    ]
    assert places == [0, 1]
    async with world.working():
        await world.settled(first.id)
        assert (f"{first.id}.1.0", "Ferns") in await found(world, tags=("early",))


async def test_what_is_changed_while_it_is_indexed_is_indexed_so(world: World) -> None:
    """A change between reading a document and putting it into the index is not lost."""
    world.embedder.there = True
    accepted = await world.add("ferns in the shade", title="Plants", tags=("green",))

    async def meanwhile(texts: Any) -> None:
        world.embedder.then = None
        await world.do(documents.ChangeDocument(id=accepted.id, title="Ferns", tags=("shade",)))

    world.embedder.then = meanwhile
    async with world.working():
        await world.settled(accepted.id)
        await until(lambda: found(world, tags=("shade",)))
        assert await found(world, tags=("shade",)) == [(f"{accepted.id}.1.0", "Ferns")]
        assert await found(world, tags=("green",)) == []


async def test_a_moved_document_is_for_those_of_its_new_place(world: World) -> None:
    """Readers of the old place find it no more, not as of before either; readers of the new one do."""
    shared, safe = await shelf(world, readers=("bob",)), await shelf(world, readers=("eve",))
    async with world.working():
        accepted = await world.add("ferns", collection=shared)
        await world.settled(accepted.id)
        then = AsOf(position=await world.store.head())
        assert await found(world, BOB)
        view = await world.do(documents.ChangeDocument(id=accepted.id, collection=safe))
        assert view.collection == safe
        await until(lambda: found(world, EVE))
        for as_of in (AsOf(), then):
            assert await found(world, BOB, as_of=as_of) == []
            assert await found(world, EVE, as_of=as_of) == [(f"{accepted.id}.1.0", "A title")]
        with pytest.raises(NotFound):
            await world.ask(documents.GetDocument(id=accepted.id), BOB)
        assert (await world.ask(collections.GetCollection(id=shared))).documents == 0
        assert (await world.ask(collections.GetCollection(id=safe))).documents == 1


async def test_who_moves_a_document_must_be_allowed_to_write_in_both_places(world: World) -> None:
    """Without the right to the one or the other it stays, and a place that one may not read is not there."""
    open_, shut, read = (
        await shelf(world, writers=("bob",)),
        await shelf(world),
        await shelf(world, readers=("bob",)),
    )
    accepted = await world.add("ferns", collection=open_)
    for place, error in ((shut, NotFound), ("nowhere", NotFound), (read, Forbidden)):
        with pytest.raises(error):
            await world.do(documents.ChangeDocument(id=accepted.id, collection=place), BOB)
    with pytest.raises(NotFound):
        await world.do(documents.ChangeDocument(id=accepted.id, title="Mine"), EVE)
    resting = await world.add("moss", collection=read)
    with pytest.raises(Forbidden):
        await world.do(documents.ChangeDocument(id=resting.id, title="Mine"), BOB)
    assert (await world.ask(documents.GetDocument(id=accepted.id))).collection == open_


async def test_a_moved_file_is_recognised_where_it_is(world: World) -> None:
    """The same file again is its document in the new place, a new one in the old; where it is already none is moved to."""
    here, there = await shelf(world), await shelf(world)
    accepted = await world.add("ferns", collection=here)
    await world.do(documents.ChangeDocument(id=accepted.id, collection=there))
    again = await world.add("ferns", collection=there)
    assert (again.id, again.existing) == (accepted.id, True)
    other = await world.add("ferns", collection=here)
    assert other.id != accepted.id
    with pytest.raises(AlreadyExists, match=accepted.id):
        await world.do(documents.ChangeDocument(id=other.id, collection=there))
    await world.do(documents.DeleteDocument(id=accepted.id))
    await world.do(documents.ChangeDocument(id=other.id, collection=there))
    assert (await world.add("ferns", collection=there)).id == other.id


async def test_a_lost_index_is_made_anew_with_the_labels_of_each_time(world: World) -> None:
    """The log says what a document was called when, so an index made from it answers as the lost one did."""
    safe = await shelf(world)
    async with world.working():
        accepted = await world.add("ferns in the shade", title="Plants", tags=("green",))
        await world.settled(accepted.id)
        then = AsOf(position=await world.store.head())
        await world.do(
            documents.ChangeDocument(id=accepted.id, title="Ferns", tags=("shade",), collection=safe)
        )
        await until(lambda: found(world, tags=("shade",)))
    await world.index.erase(accepted.id)
    await world.mender().run()
    passage = f"{accepted.id}.1.0"
    assert await found(world, tags=("shade",)) == [(passage, "Ferns")]
    assert await found(world, tags=("green",), as_of=then) == [(passage, "Plants")]
    assert await world.index.lexical("ferns", Where(collections=(safe,), as_of=then.position), 5)


async def test_a_new_version_keeps_the_tags_where_none_are_given(world: World) -> None:
    """A new file of a document has its tags still; given tags take their place."""
    accepted = await world.add("ferns", title="Plants", tags=("green",))
    await world.add("more ferns", id=accepted.id, title="Plants")
    assert (await world.ask(documents.GetDocument(id=accepted.id))).tags == ("green",)
    await world.add("most ferns", id=accepted.id, title="Plants", tags=("dry",))
    assert (await world.ask(documents.GetDocument(id=accepted.id))).tags == ("dry",)


async def test_nothing_of_a_former_title_is_left_when_a_document_is_deleted(world: World) -> None:
    """Titles that it had are somebody's text: with the document they leave the log and the index."""
    async with world.working():
        accepted = await world.add("ferns", title="Plants of Alice")
        await world.settled(accepted.id)
        await world.do(documents.ChangeDocument(id=accepted.id, title="Secret of Alice"))

        async def said() -> bool:
            return any(
                b"of Alice" in bytes(one.message.data) for one in await world.store.read_all(limit=500)
            )

        assert await said()
        await world.do(documents.DeleteDocument(id=accepted.id))
        assert not await said()


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\x00b\r\nc\u2028d", "ab c d"),
        ("  two\twords ", "two words"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩\u200d🔬",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩\u200d🔬",
        ),
        ("\u202e\x00", "Untitled"),
    ],
)
async def test_a_title_is_one_line_that_turns_nothing_round(world: World, given: str, title: str) -> None:
    """Control characters and what turns the direction of text are no part of titles, new or changed; joiners stay."""
    accepted = await world.add("ferns", title=given)
    assert (await world.ask(documents.GetDocument(id=accepted.id))).title == title
    await world.do(documents.ChangeDocument(id=accepted.id, title="Other"))
    assert (await world.do(documents.ChangeDocument(id=accepted.id, title=given))).title == title
