"""Collections as files: what goes out comes in elsewhere, once, whole or not at all, for those who may."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from autobot.contexts.knowledge.domain import archive
from autobot.contexts.knowledge.module import ImportRun, import_starter
from autobot.contracts.knowledge import archives, collections, documents, search
from autobot.kernel.core.context import SYSTEM
from autobot.kernel.core.errors import Forbidden, NotFound
from autobot.kernel.sagas.engine import RunEngine
from tests.unit.contexts.kit import context_of
from tests.unit.contexts.knowledge.installation import Installation, filled, no_frame
from tests.unit.contexts.knowledge.world import ALICE, BOB, EVE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sample() -> bytes:
    """An archive of two documents."""
    world = Installation()
    return await world.written(await filled(world, "ferns in the shade", "moss on the stone"))


async def test_a_collection_is_the_same_in_another_installation() -> None:
    """Titles, tags, addresses and bytes are there, and its passages are found by who took it in."""
    here, there = Installation(), Installation()
    place = await filled(here, "ferns in the shade", "x" * 700_000)
    link = documents.AddDocument(title="A page", source="url", url="https://example.org/a", collection=place)
    await here.do(link)
    view = await there.taken(await here.written(place), BOB)
    assert (view.state, view.documents, view.done, view.added, view.existing) == (
        "completed",
        3,
        3,
        3,
        0,
    ), view.error
    got = await there.ask(collections.GetCollection(id=view.collection), BOB)
    assert (got.name, got.owner, got.documents, got.everybody) == ("Field notes", "bob", 3, "none")
    found = {
        one.title: one for one in (await there.ask(documents.ListDocuments(collection=got.id), BOB)).items
    }
    before = {one.title: one for one in (await here.ask(documents.ListDocuments(collection=place))).items}
    same = ("title", "tags", "source", "url", "filename", "size", "sha256")
    for title, one in before.items():
        assert [getattr(found[title], name) for name in same] == [getattr(one, name) for name in same]
    async with there.working():
        await there.settled(found["Note 0"].id, BOB)
        asked = search.SearchKnowledge(query="ferns", mode="lexical", collection=got.id)
        assert [one.title for one in (await there.ask(asked, BOB)).items] == ["Note 0"]
    # The archive itself is not kept.
    assert all(one.size != view.size for one in await there.blobs.list())


async def test_the_same_archive_again_makes_no_doubles(sample: bytes) -> None:
    """It goes to the same collection, where every file is recognised; so does one into a collection that has them."""
    world = Installation()
    first = await world.taken(sample)
    again = await world.taken(sample)
    assert (again.collection, again.added, again.existing) == (first.collection, 0, 2)
    assert await world.titles() == ["Note 0", "Note 1"]
    # Somebody else's is another's.
    other = await world.taken(sample, BOB)
    assert other.collection != first.collection
    assert (other.added, await world.titles(BOB)) == (2, ["Note 0", "Note 1"])
    given = await filled(world, "ferns in the shade")
    into = await world.taken(sample, collection=given)
    assert (into.collection, into.added, into.existing) == (given, 1, 1)


def retold(data: bytes, change: Callable[[int, dict[str, Any]], None]) -> bytes:
    """Return an archive whose JSON says something else; `change` gets the number of each and what it says."""
    found, at, number = b"", 0, 0
    while at < len(data) and data[at : at + 100].strip(b"\0"):
        name = data[at : at + 100].rstrip(b"\0").decode()
        size = int(data[at + 124 : at + 135], 8)
        body = data[at + 512 : at + 512 + size]
        if name.endswith(".json"):
            said = json.loads(body)
            change(number, said)
            if said != json.loads(body):
                body = json.dumps(said).encode()
            number += 1
        found += archive.header(name, len(body)) + body + archive.padding(len(body))
        at += 512 + size + len(archive.padding(size))
    return found + archive.FINISH


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """Return an archive with other bytes in the header of an entry, whose sum is right."""
    block = bytearray(data[at : at + 512])
    start = 0
    for offset, byte in zip(range(start, start + len(new)), new, strict=True):
        block[offset] = byte
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return data[:at] + bytes(block) + data[at + 512 :]


def linked(data: bytes) -> bytes:
    """Return an archive whose second entry is a link."""
    block = bytearray(data[1024:1536])
    block[156:157] = b"2"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return data[:1024] + bytes(block) + data[1536:]


def setting(number: int, **fields: Any) -> Callable[[bytes], bytes]:
    """Return what says something else in the JSON with this number."""

    def change(at: int, said: dict[str, Any]) -> None:
        if at == number:
            said.update(fields)

    return lambda data: retold(data, change)


HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"\0" * 2048, "no archive"),
    "another format": (lambda data: gzip.compress(data), "no archive"),
    "a text": (lambda data: b"Dear reader, " * 200, "no archive"),
    "cut off in the head": (lambda data: data[:300], "cut off"),
    "cut off in what is said": (lambda data: data[:1100], "cut off"),
    "cut off in a file": (lambda data: data[:2070], "cut off"),
    "without its end": (lambda data: data[: -len(archive.FINISH) - 1024], "cut off"),
    "without its last blocks": (lambda data: data[: -len(archive.FINISH)], "does not end"),
    "with more behind its end": (lambda data: data + b"x", "does not end"),
    "other bytes": (lambda data: data.replace(b"moss on the stone", b"moss on the stOne"), "not those"),
    "a path out of the folder": (
        lambda data: patched(data, 1024, b"../../etc/passwd" + b"\0" * 84),
        "something else",
    ),
    "an absolute path": (lambda data: patched(data, 1024, b"/etc/passwd" + b"\0" * 89), "something else"),
    "a link": (linked, "something else"),
    "a header with another sum": (lambda data: data[:1200] + b"x" + data[1201:], "damaged"),
    "another version": (setting(0, version=3), "version 3"),
    "another program's": (setting(0, format="zip"), "no archive"),
    "without a name": (setting(0, name=""), "which collection"),
    "a title that is too long": (setting(1, title="x" * 301), "title"),
    "a tag of blanks": (setting(2, tags=[" "]), "tags"),
    "another size": (setting(1, size=17), "size"),
    "a size beyond all": (setting(1, size=10**12), "bytes"),
    "less than nothing": (setting(1, size=-1), "bytes"),
    "no file and no address": (setting(1, size=0), "neither"),
    "another hash": (setting(1, sha256="0" * 64), "not those"),
    "a kind that is unknown": (setting(1, source="rumour"), "read"),
    "other words that the end knows nothing of": (setting(1, title="Other"), "end says"),
    "another count": (setting(3, documents=3), "end says"),
    "a member of another type": (setting(1, tags="field"), "read"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_whole_archive_is_refused_whole(sample: bytes, name: str) -> None:
    """Nothing of it is taken in: no document, no collection, no file; and the cause is told."""
    change, why = HOSTILE[name]
    data = change(sample)
    assert data != sample
    world = Installation()
    view = await world.taken(data)
    assert view.state == "failed"
    assert view.error is not None
    assert view.error.code in ("validation", "too-large"), view.error
    assert why in view.error.detail, view.error.detail
    assert await world.titles() == []
    assert (await world.ask(collections.ListCollections())).items == ()
    assert await world.kept() == 0


async def test_an_import_that_is_cut_off_goes_on_without_doubles() -> None:
    """When its process ends in the midst the next one goes on: each document is there once."""
    here, there = Installation(), Installation()
    texts = [f"note {one} of many" for one in range(12)]
    data = await here.written(await filled(here, *texts))
    reached = asyncio.Event()
    dispatch = there.dispatcher.dispatch
    count = 0

    class Stopping:
        ask = there.dispatcher.ask

        async def dispatch(self, command: Any, *args: Any, **more: Any) -> Any:
            nonlocal count
            answer = await dispatch(command, *args, **more)
            if isinstance(command, documents.AddDocument):
                count += 1
                if count == 5:
                    reached.set()
                    await asyncio.Event().wait()
            return answer

    run = ImportRun(bus=Stopping(), store=there.store, blobs=there.blobs, clock=there.clock)
    engine = RunEngine((run,), there.store, there.codec, there.clock, no_frame)
    start = import_starter(there.codec, engine.accept)
    asked = await there.ask_for(data)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(engine.serve())
        await engine.recovered.wait()
        for one in await there.store.read_all():
            if one.message.type == archives.ImportRequested.TYPE:
                await start(one)
        await reached.wait()
        # As a process that is killed: nothing more of it is written.
        serving.cancel()
    assert len(await there.titles()) == 5
    async with there.importing():
        view = await there.ended(asked)
        async with asyncio.timeout(10):
            while await there.kept() != 12:
                await asyncio.sleep(0)
    assert (view.state, view.done) == ("completed", 12)
    assert len(await there.titles()) == 12


async def test_only_who_may_read_takes_along_and_only_who_may_write_takes_in(sample: bytes) -> None:
    """For others the collection, and the import, is not there; one to read only takes nothing in."""
    world = Installation()
    place = await filled(world, "ferns")
    await world.do(collections.ChangeCollection(id=place, readers=("bob",)))
    assert await world.written(place, BOB)
    with pytest.raises(NotFound):
        await world.written(place, EVE)
    with pytest.raises(NotFound):
        await world.do(archives.ExportCollection(id=place), EVE)
    with pytest.raises(Forbidden):
        await world.ask_for(sample, BOB, collection=place)
    with pytest.raises(NotFound):
        await world.ask_for(sample, EVE, collection=place)
    view = await world.taken(sample, BOB)
    with pytest.raises(NotFound):
        await world.ask(archives.GetImport(id=view.id), EVE)
    assert (await world.ask(archives.ListImports(), EVE)).items == ()
    assert [one.id for one in (await world.ask(archives.ListImports(), BOB)).items] == [view.id]


async def test_an_archive_cannot_name_a_collection_of_somebody_else(sample: bytes) -> None:
    """Whatever id it says, its documents go to a collection of who takes it in."""
    world = Installation()
    mine = await world.add("private")
    own = (await world.ask(documents.GetDocument(id=mine.id))).collection
    view = await world.taken(setting(0, id=own)(sample), EVE)
    assert view.state == "completed", view.error
    assert view.collection != own
    assert await world.titles() == ["A title"]
    assert await world.titles(EVE) == ["Note 0", "Note 1"]


async def test_a_collection_is_written_in_pieces_and_leaves_out_what_is_gone() -> None:
    """No piece is larger than a block of a file; a document that was deleted meanwhile is not there."""
    world = Installation()
    place = await filled(world, "ferns", "y" * 2_000_000)
    gone = await world.add("moss", title="Gone", collection=place)
    pieces: list[bytes] = []
    async for piece in world.exporter.of(place, context_of(ALICE)):
        if not pieces:
            await world.do(documents.DeleteDocument(id=gone.id))
            await world.blobs.remove(gone.kept)
        pieces.append(piece)
    assert max(map(len, pieces)) <= 256 * 1024
    view = await Installation().taken(b"".join(pieces))
    assert (view.state, view.documents) == ("completed", 2)


async def test_going_and_coming_are_in_the_audit(sample: bytes) -> None:
    """Who took a collection along, and who took one in, is said there."""
    world = Installation()
    place = await filled(world, "ferns")
    await world.do(archives.ExportCollection(id=place))
    view = await world.taken(sample)
    said = {(one.entry.action, one.entry.object, one.entry.reason) for one in await world.store.audit()}
    assert ("knowledge:read", place, "export") in said
    assert ("knowledge:write", view.id, "import") in said


async def test_an_import_ends_with_its_user(sample: bytes) -> None:
    """When who asked for it is removed it takes nothing more in, and nothing is left of it."""
    world = Installation()
    asked = await world.ask_for(sample)
    await world.do(documents.EraseDocuments(user_id="alice"), SYSTEM)
    async with world.importing():
        async with asyncio.timeout(10):
            while await world.kept():
                await asyncio.sleep(0)
    with pytest.raises(NotFound):
        await world.ask(archives.GetImport(id=asked.id))
    assert await world.titles() == []


async def test_one_who_loses_the_right_in_the_midst_keeps_what_came(sample: bytes) -> None:
    """The import ends with the cause and says how much came; the same archive again takes in the rest."""
    world = Installation()
    place = str((await world.do(collections.CreateCollection(name="Shared", writers=("bob",)))).id)
    dispatch = world.dispatcher.dispatch

    class Revoking:
        ask = world.dispatcher.ask

        async def dispatch(self, command: Any, *args: Any, **more: Any) -> Any:
            answer = await dispatch(command, *args, **more)
            if isinstance(command, documents.AddDocument):
                await world.do(collections.ChangeCollection(id=place, writers=(), readers=("bob",)))
            return answer

    async with world.importing(Revoking()):
        view = await world.ended(await world.ask_for(sample, BOB, collection=place), BOB)
        async with asyncio.timeout(10):
            while await world.kept() != 1:
                await asyncio.sleep(0)
    assert (view.state, view.done, view.added) == ("failed", 1, 1)
    assert view.error is not None
    assert view.error.code == "forbidden"
    await world.do(collections.ChangeCollection(id=place, writers=("bob",), readers=()))
    again = await world.taken(sample, BOB, collection=place)
    assert (again.state, again.added, again.existing) == ("completed", 1, 1)
