"""Who may see and change documents: what each collection says, everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from autobot.contracts.knowledge import collections, documents, reading
from autobot.kernel.core.context import SYSTEM
from autobot.kernel.core.errors import Conflict, Forbidden, NotFound
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock
from tests.unit.contexts.knowledge.world import ADMIN, ALICE, BOB, EVE, VIEWER, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    """The context, with nobody who indexes."""
    return World(HashingEmbedder(HandClock()))


async def collection(world: World, **fields: Any) -> str:
    """Make a collection of Alice's."""
    made = await world.do(collections.CreateCollection(**{"name": "Shared", **fields}))
    return str(made.id)


async def test_what_goes_nowhere_else_is_ones_own(world: World) -> None:
    """A document without a collection goes into the caller's own, which nobody else sees, administrators neither."""
    accepted = await world.add("mine")
    (own,) = (await world.ask(collections.ListCollections())).items
    assert (own.name, own.owner, own.documents, own.may_manage) == ("My documents", "alice", 1, True)
    for who in (BOB, ADMIN, VIEWER):
        assert (await world.ask(collections.ListCollections(), who)).items == ()
        assert (await world.ask(documents.ListDocuments(), who)).items == ()
        for query in (documents.GetDocument(id=accepted.id), collections.GetCollection(id=own.id)):
            with pytest.raises(NotFound):
                await world.ask(query, who)


async def test_every_door_asks_the_collection(world: World) -> None:
    """Readers read and writers write; for others the document is not there, whatever they ask for."""
    place = await collection(world, readers=("bob",))
    accepted = await world.add("shared", collection=place)
    name = {"id": accepted.id}
    reads = [
        documents.GetDocument(**name),
        documents.GetOriginal(**name),
        documents.AwaitDocument(**name, seconds=0),
    ]
    for query in reads:
        await world.ask(query, BOB)
        with pytest.raises(NotFound):
            await world.ask(query, EVE)
    for query in (
        reading.GetDocumentText(**name),
        reading.GetPlace(**name, page=1),
        reading.FindInDocument(**name, text="a"),
    ):
        with pytest.raises(NotFound):
            await world.ask(query, EVE)
    kinds = (
        documents.CancelDocument,
        documents.RetryDocument,
        documents.ReindexDocument,
        documents.DeleteDocument,
    )
    for kind in kinds:
        with pytest.raises(Forbidden):
            await world.do(kind(**name), BOB)
        with pytest.raises(NotFound):
            await world.do(kind(**name), EVE)
    with pytest.raises(Forbidden):
        await world.add("more", BOB, collection=place)
    for wanted in ({"collection": place}, name):
        with pytest.raises(NotFound):
            await world.add("more", EVE, **wanted)
    await world.do(collections.ChangeCollection(id=place, writers=("bob",), readers=()))
    await world.add("more", BOB, collection=place)
    await world.do(documents.DeleteDocument(**name), BOB)


async def test_everybody_is_whom_nobody_named(world: World) -> None:
    """A collection may be read, or written, by everybody; a viewer adds nothing anywhere."""
    place = await collection(world, everybody="read")
    accepted = await world.add("open", collection=place)
    assert not (await world.ask(documents.GetDocument(id=accepted.id), EVE)).may_write
    with pytest.raises(Forbidden):
        await world.add("no", EVE, collection=place)
    await world.do(collections.ChangeCollection(id=place, everybody="write"))
    await world.add("yes", EVE, collection=place)
    with pytest.raises(Forbidden):
        await world.add("no", VIEWER, collection=place)


async def test_only_its_owner_changes_what_it_is(world: World) -> None:
    """Who writes in it may not open it to others; a new owner is the only one from then on."""
    place = await collection(world, writers=("bob",))
    for command in (
        collections.ChangeCollection(id=place, everybody="write"),
        collections.DeleteCollection(id=place),
    ):
        with pytest.raises(Forbidden):
            await world.do(command, BOB)
        for who in (EVE, ADMIN):
            with pytest.raises(NotFound):
                await world.do(command, who)
    await world.do(collections.ChangeCollection(id=place, owner="bob"))
    with pytest.raises(NotFound):
        await world.do(collections.ChangeCollection(id=place, name="mine again"))
    (own,) = [await world.add("x")] and (await world.ask(collections.ListCollections())).items
    with pytest.raises(Conflict):
        await world.do(collections.ChangeCollection(id=own.id, owner="bob"))


async def test_a_collection_with_documents_stays(world: World) -> None:
    """It is deleted once it is empty, and nothing of its name is left in what is stored."""
    place = await collection(world, name="Xylophones")
    accepted = await world.add("x", collection=place)
    with pytest.raises(Conflict):
        await world.do(collections.DeleteCollection(id=place))
    await world.do(documents.DeleteDocument(id=accepted.id))
    await world.do(collections.DeleteCollection(id=place))
    assert "Xylophones" not in await world.everything_stored()


async def test_who_is_gone_leaves_what_others_brought(world: World) -> None:
    """What somebody brought goes with them wherever it is; a shared collection with others' documents has no owner then, and an administrator cares for it."""
    shared, empty = await collection(world, writers=("bob",)), await collection(world, name="Empty")
    hers = [
        await world.add("hers", title="Xylophones", collection=shared),
        await world.add("own", title="Xylophones"),
    ]
    kept = await world.add("hers in the past", title="Xylophones", collection=shared)
    await world.do(documents.DeleteDocument(id=kept.id, keep_past=True))
    his = await world.add("his", BOB, collection=shared)
    erased = await world.do(documents.EraseDocuments(user_id="alice"), SYSTEM)
    assert (erased.erased, erased.more) == (3, False)
    for one in hers:
        with pytest.raises(NotFound):
            await world.ask(documents.GetDocument(id=one.id), BOB)
    assert (await world.ask(documents.GetDocument(id=his.id), BOB)).collection == shared
    left = await world.ask(collections.GetCollection(id=shared), ADMIN)
    assert (left.owner, left.may_manage) == ("", True)
    await world.do(collections.ChangeCollection(id=shared, owner="bob"), ADMIN)
    with pytest.raises(NotFound):
        await world.ask(collections.GetCollection(id=empty), ADMIN)
    assert "Xylophones" not in await world.everything_stored()


async def test_documents_are_listed_across_collections_page_by_page(world: World) -> None:
    """The newest come first from all that one may read, each once, over any number of pages; filters hold."""
    place = await collection(world)
    made = []
    for number in range(7):
        where = {"collection": place} if number % 2 else {}
        tags = ("odd",) if number % 2 else ("even",)
        made.append(await world.add(f"text {number}", title=f"Title {number}", tags=tags, **where))
    seen: list[str] = []
    cursor = None
    while True:
        page = await world.ask(documents.ListDocuments(limit=3, cursor=cursor))
        seen += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [one.id for one in reversed(made)]
    assert len((await world.ask(documents.ListDocuments(collection=place))).items) == 3
    assert len((await world.ask(documents.ListDocuments(tag="even"))).items) == 4
    assert [one.title for one in (await world.ask(documents.ListDocuments(text="title 5"))).items] == [
        "Title 5"
    ]
    assert (await world.ask(documents.ListDocuments(state="ready"))).items == ()
    assert ALICE.user_id == page.items[0].owner
