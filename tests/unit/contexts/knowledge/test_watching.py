"""Watched folders: what comes, changes and goes there, and a folder that vanishes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from autobot.adapters.files.folders import MachineFolders
from autobot.contexts.knowledge.module import Watcher
from autobot.contexts.knowledge.ports.folders import Seen
from autobot.contracts.knowledge import collections, documents
from autobot.kernel.core.errors import NotFound, OperatorError
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock, context_of
from tests.unit.contexts.knowledge.world import ADMIN, World

pytestmark = pytest.mark.anyio


class Room:
    """Blobs whose disk may be full."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.full = inner, False

    def __getattr__(self, name: str) -> Any:
        if self.full:
            raise OperatorError("There is no room.")
        return getattr(self._inner, name)


class Eyes(MachineFolders):
    """Folders of which not everything may be seen or read."""

    def __init__(self, watched: Watched, closed: Path) -> None:
        super().__init__(closed)
        self._watched = watched

    async def look(self, folder: str, most: int) -> Seen | None:
        return await super().look(folder, min(most, self._watched.most))

    async def read(self, folder: str, path: str) -> AsyncIterator[bytes]:
        if path in self._watched.unread:
            raise NotFound("It cannot be read: Permission denied.")
        async for piece in super().read(folder, path):
            yield piece


class Watched:
    """A folder whose files are documents of a collection."""

    def __init__(self, world: World, folder: Path, place: str) -> None:
        self.world, self.folder = world, folder
        self.wanted = [f"{folder}={place}"]
        self.room, self.unread, self.most = Room(world.blobs), set[str](), 100
        self.watcher = Watcher(
            store=world.store,
            bus=world.dispatcher,
            blobs=self.room,
            folders=Eyes(self, folder.parent / "data"),
            wanted=self._wanted,
            clock=world.clock,
            ids=world.ids,
            context=context_of,
        )

    async def _wanted(self) -> list[str]:
        return self.wanted

    async def titles(self, looks: int = 2) -> dict[str, Any]:
        """Look, and return the documents by their titles: a file is taken in when two looks saw the same."""
        for _ in range(looks):
            await self.watcher.look()
        return {one.title: one for one in (await self.world.ask(documents.ListDocuments())).items}

    async def places(self, ids: Sequence[str]) -> list[int]:
        """Return the places of documents in the queue."""
        return [(await self.world.ask(documents.GetDocument(id=one))).progress.position for one in ids]

    async def settled(self) -> dict[str, Any]:
        """Return the documents by their titles, once nothing is done with them."""
        for one in (await self.world.ask(documents.ListDocuments())).items:
            await self.world.settled(one.id)
        return await self.titles(0)

    async def passed(self) -> dict[str, str]:
        """Return the files that were not taken in, and why."""
        (one,) = (await self.world.ask(collections.ListFolders(), ADMIN)).items
        return {file.path: file.why for file in one.passed}

    async def state(self) -> list[str]:
        """Return how the folders are."""
        return [one.state for one in (await self.world.ask(collections.ListFolders(), ADMIN)).items]


@pytest.fixture
async def watched(tmp_path: Path) -> Watched:
    """A folder with two files in it, watched for a collection of Alice's."""
    world = World(HashingEmbedder(HandClock()))
    place = (await world.do(collections.CreateCollection(name="Papers"))).id
    folder = tmp_path / "papers"
    (folder / "birds").mkdir(parents=True)
    (folder / "a.md").write_text("about herons")
    (folder / "birds" / "b.txt").write_text("about magpies")
    return Watched(world, folder, place)


async def test_files_come_change_and_go(watched: Watched) -> None:
    """A file is a document, a changed one its next version, and one that is gone none; nothing else moves."""
    first = await watched.titles()
    assert sorted(first) == ["a.md", "birds/b.txt"]
    assert await watched.titles() == first
    (watched.folder / "a.md").write_text("about ferns instead")
    (watched.folder / "birds" / "b.txt").unlink()
    (watched.folder / "c.txt").write_text("new")
    after = await watched.titles()
    assert sorted(after) == ["a.md", "c.txt"]
    assert (after["a.md"].id, after["a.md"].version) == (first["a.md"].id, 2)
    os.utime(watched.folder / "a.md", ns=(1, 1))
    assert (await watched.titles())["a.md"].version == 2


async def test_people_do_not_wait_for_folders(watched: Watched) -> None:
    """What somebody brings comes before files of a folder that were there first; a new version of these waits, too."""
    files = [one.id for one in (await watched.titles()).values()]
    mine = [(await watched.world.add(text)).id for text in ("first", "second")]
    assert await watched.places(mine) == [0, 1]
    assert sorted(await watched.places(files)) == [2, 3]
    (watched.folder / "a.md").write_text("about ferns")
    changed = (await watched.titles())["a.md"].id
    assert await watched.places([*mine, changed]) == [0, 1, 3]


async def test_a_folder_that_vanishes_is_a_state(watched: Watched) -> None:
    """Its documents stay; when it is back nothing is taken in twice."""
    before = await watched.titles()
    assert await watched.state() == ["watched"]
    watched.folder.rename(watched.folder.with_name("away"))
    assert await watched.titles() == before
    assert await watched.state() == ["missing"]
    watched.folder.with_name("away").rename(watched.folder)
    assert await watched.titles() == before
    watched.wanted.clear()
    assert await watched.titles() == before
    assert await watched.state() == []


async def test_only_plain_files_below_it_are_read(watched: Watched) -> None:
    """Links, hidden files, empty ones and pipes are passed over, and the data folder is never looked into."""
    folder = watched.folder
    secret = folder.parent / "data" / "secret.key"
    secret.parent.mkdir()
    secret.write_text("a secret")
    (folder / "link").symlink_to(secret)
    (folder / "away").symlink_to(secret.parent)
    (folder / ".hidden").write_text("hidden")
    (folder / "empty.txt").write_text("")
    os.mkfifo(folder / "pipe")
    assert sorted(await watched.titles(3)) == ["a.md", "birds/b.txt"]
    place = watched.wanted[0].rpartition("=")[2]
    for closed in (secret.parent, folder.parent, Path("/")):
        watched.wanted = [f"{closed}={place}"]
        await watched.titles()
        assert await watched.state() == ["missing"]


async def test_a_document_that_somebody_deleted_comes_with_the_next_change(watched: Watched) -> None:
    """Deleting the document of a file lets the file be; its next change makes a new document."""
    before = await watched.titles()
    await watched.world.do(documents.DeleteDocument(id=before["a.md"].id))
    assert sorted(await watched.titles()) == ["birds/b.txt"]
    (watched.folder / "a.md").write_text("changed")
    after = await watched.titles()
    assert after["a.md"].id != before["a.md"].id


async def test_without_its_collection_nothing_is_taken_in(watched: Watched) -> None:
    """A folder that names no collection says so."""
    watched.wanted = [f"{watched.folder}=nowhere"]
    assert await watched.titles() == {}
    assert await watched.state() == ["without a collection"]


async def test_a_file_that_found_no_room_is_taken_in_when_there_is_some(watched: Watched) -> None:
    """A full disk says nothing about a file: it is not marked as seen, and the next look tries it again."""

    watched.room.full = True
    await watched.watcher.look()
    with pytest.raises(OperatorError):
        await watched.watcher.look()
    watched.room.full = False
    assert sorted(await watched.titles()) == ["a.md", "birds/b.txt"]


async def test_a_name_of_no_text_stops_nobody(watched: Watched) -> None:
    """A file whose name is no UTF-8 is a document like others, and so are those that come after it."""
    (watched.folder / os.fsdecode(b"aa\xff.txt")).write_text("about reeds")
    (watched.folder / "two\nlines.txt").write_text("about rushes")
    assert sorted(await watched.titles()) == ["a.md", r"aa\xff.txt", "birds/b.txt", "two lines.txt"]
    (watched.folder / "exe.\u202etxt.md").write_text("about ferns")
    found = (await watched.titles()).values()
    names = {one.filename for one in found}
    assert {one.place.rpartition("/")[2] for one in found} == names
    assert names == {"a.md", r"aa\xff.txt", "b.txt", "two lines.txt", "exe.txt.md"}
    (watched.folder / "exe.\u202etxt.md").unlink()
    (watched.folder / os.fsdecode(b"aa\xff.txt")).unlink()
    assert sorted(await watched.titles()) == ["a.md", "birds/b.txt", "two lines.txt"]


async def test_what_is_not_taken_in_is_named_with_the_cause(watched: Watched) -> None:
    """A file that is too large is not even read; one that cannot be read is taken in once it can."""
    with (watched.folder / "large.bin").open("wb") as file:
        file.truncate(1 << 30)
    (watched.folder / "empty.txt").touch()
    watched.unread.add("birds/b.txt")
    assert sorted(await watched.titles(3)) == ["a.md"]
    passed = await watched.passed()
    assert sorted(passed) == ["birds/b.txt", "empty.txt", "large.bin"]
    assert "104857600 bytes" in passed["large.bin"]
    assert passed["empty.txt"] == "It is empty."
    assert passed["birds/b.txt"] == "It cannot be read: Permission denied."
    watched.unread.clear()
    assert sorted(await watched.titles()) == ["a.md", "birds/b.txt"]
    assert sorted(await watched.passed()) == ["empty.txt", "large.bin"]


async def test_the_same_bytes_twice_go_with_the_last_of_them(watched: Watched) -> None:
    """Two files with the same bytes are one document, which stays while one of them is there; a change parts them."""
    (watched.folder / "copy.md").write_text("about herons")
    (watched.folder / "third.md").write_text("about herons")
    first = await watched.titles()
    assert sorted(first) == ["a.md", "birds/b.txt"]
    (watched.folder / "a.md").unlink()
    assert (await watched.titles())["a.md"].id == first["a.md"].id
    (watched.folder / "copy.md").write_text("about ferns")
    parted = await watched.titles()
    assert sorted(parted) == ["a.md", "birds/b.txt", "copy.md"]
    assert parted["a.md"].version == 1
    (watched.folder / "third.md").unlink()
    assert sorted(await watched.titles()) == ["birds/b.txt", "copy.md"]


async def test_what_somebody_uploaded_stays(watched: Watched) -> None:
    """Also when a file of the same bytes goes."""
    place = watched.wanted[0].rpartition("=")[2]
    await watched.world.add("about rushes", title="Mine", collection=place)
    (watched.folder / "r.txt").write_text("about rushes")
    assert sorted(await watched.titles()) == ["Mine", "a.md", "birds/b.txt"]
    (watched.folder / "r.txt").unlink()
    assert sorted(await watched.titles()) == ["Mine", "a.md", "birds/b.txt"]


async def test_what_is_not_seen_is_not_gone(watched: Watched) -> None:
    """A folder in it that cannot be looked into, or more files than are watched, take no document away."""
    before = await watched.titles()
    watched.most = 1
    assert await watched.titles() == before
    assert await watched.state() == ["watched in part"]


async def test_a_disk_that_is_taken_out_takes_no_document(watched: Watched) -> None:
    """What is left in its place is empty, and another folder; an empty one that is the same has lost its files."""
    before = await watched.titles()
    away = watched.folder.with_name("away")
    watched.folder.rename(away)
    watched.folder.mkdir()
    assert await watched.titles() == before
    assert await watched.state() == ["missing"]
    watched.folder.rmdir()
    away.rename(watched.folder)
    assert await watched.titles() == before
    assert await watched.state() == ["watched"]
    for one in before:
        (watched.folder / one).unlink()
    assert await watched.titles() == {}


async def test_a_file_is_called_as_it_calls_itself_and_keeps_its_place(watched: Watched) -> None:
    """By its own title, also a later one, else by its path; what somebody called it stays; the place is kept apart."""
    path = watched.folder / "birds" / "h.md"
    path.write_text("# Herons\n\nThey wade.")
    async with watched.world.working():
        await watched.titles()
        (named,) = [one for one in (await watched.settled()).values() if one.place == "birds/h.md"]
        assert (named.title, named.filename) == ("Herons", "h.md")
        path.write_text("# Herons in winter\n\nThey wade.")
        await watched.titles()
        after = await watched.settled()
        assert sorted(after) == ["Herons in winter", "a.md", "birds/b.txt"]
        await watched.world.do(documents.ChangeDocument(id=named.id, title="Mine"))
        path.write_text("# Herons in spring\n\nThey nest.")
        await watched.titles()
        assert (await watched.settled())["Mine"].version == 3


async def test_a_file_with_another_path_is_the_same_document(watched: Watched) -> None:
    """Renamed, moved below, or with the folder that it lies in; it is no new version, and nothing is done with it again."""
    first = await watched.titles()
    (watched.folder / "a.md").rename(watched.folder / "z.md")
    (watched.folder / "birds").rename(watched.folder / "old birds")
    for looks in (1, 2):
        now = await watched.titles(looks)
        assert {name: (one.id, one.version, one.place) for name, one in now.items()} == {
            "z.md": (first["a.md"].id, 1, "z.md"),
            "old birds/b.txt": (first["birds/b.txt"].id, 1, "old birds/b.txt"),
        }
    (watched.folder / "z.md").write_text("about ferns")
    assert (await watched.titles())["z.md"].version == 2
    (watched.folder / "z.md").unlink()
    assert sorted(await watched.titles()) == ["old birds/b.txt"]


async def test_a_renamed_file_keeps_the_title_that_it_has_of_its_own(watched: Watched) -> None:
    """Its own, or one that somebody gave it."""
    (watched.folder / "h.md").write_text("# Herons\n\nThey wade.")
    async with watched.world.working():
        before = await watched.titles()
        await watched.world.do(documents.ChangeDocument(id=before["a.md"].id, title="Mine"))
        await watched.settled()
        for name in ("a.md", "h.md"):
            (watched.folder / name).rename(watched.folder / f"moved {name}")
        await watched.titles()
        after = await watched.settled()
    assert {name: one.place for name, one in after.items()} == {
        "Herons": "moved h.md", "Mine": "moved a.md", "birds/b.txt": "birds/b.txt",
    }  # fmt: skip
