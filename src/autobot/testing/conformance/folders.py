"""What `Folders` promises. Subclass `FoldersSuite`, and override `folders`."""

from __future__ import annotations

import asyncio
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from autobot.contexts.knowledge.ports.folders import Folders
from autobot.kernel.core.errors import NotFound


class FoldersSuite(ABC):
    """Looking into folders of this machine."""

    @abstractmethod
    def folders(self) -> Folders:
        """Return the implementation under test."""

    def run(self, work: Callable[[Folders, Path], Awaitable[None]]) -> None:
        """Do `work` on a folder of its own."""
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(work(self.folders(), Path(folder)))  # type: ignore[arg-type]

    def test_plain_files_are_seen_in_order(self) -> None:
        """Files at any depth are there with their sizes, hidden ones and links are not, and no more than asked for."""

        async def work(folders: Folders, folder: Path) -> None:
            (folder / "b" / "c").mkdir(parents=True)
            for path in ("z", "a", "b/c/d", ".hidden", "b/.also"):
                (folder / path).write_text(path)
            (folder / "link").symlink_to(folder / "a")
            (folder / "around").symlink_to(folder)
            found = await folders.look(str(folder), 100)
            assert found is not None
            assert [(one.path, one.size) for one in found.files] == [("a", 1), ("b/c/d", 5), ("z", 1)]
            assert found.whole
            some = await folders.look(str(folder), 2)
            assert some is not None
            assert (len(some.files), some.whole) == (2, False)

        self.run(work)

    def test_any_change_moves_the_mark(self) -> None:
        """The mark is the same while a file is, and another when its bytes or its time are."""

        async def work(folders: Folders, folder: Path) -> None:
            async def mark() -> str:
                found = await folders.look(str(folder), 10)
                assert found is not None
                return found.files[0].mark

            (folder / "a").write_text("one")
            first = await mark()
            assert await mark() == first
            os.utime(folder / "a", ns=(5, 5))
            second = await mark()
            (folder / "a").write_text("three")
            os.utime(folder / "a", ns=(5, 5))
            assert len({first, second, await mark()}) == 3

        self.run(work)

    def test_a_folder_that_is_not_there_is_no_empty_one(self) -> None:
        """An empty folder has no files; one that is missing, or is none, cannot be looked into."""

        async def work(folders: Folders, folder: Path) -> None:
            (folder / "file").write_text("x")
            (folder / "empty").mkdir()
            empty = await folders.look(str(folder / "empty"), 10)
            assert empty is not None
            assert (list(empty.files), empty.whole) == ([], True)
            for wrong in ("missing", "file", "zero\0byte"):
                assert await folders.look(str(folder / wrong), 10) is None

        self.run(work)

    def test_names_are_of_any_bytes(self) -> None:
        """A file whose name is no UTF-8, or has a line break, is seen and read."""

        async def work(folders: Folders, folder: Path) -> None:
            odd = {os.fsdecode(b"bad\xff\xfe.txt"), "two\nlines.txt"}
            for name in odd:
                (folder / name).write_text("x")
            found = await folders.look(str(folder), 10)
            assert found is not None
            assert {one.path for one in found.files} == odd
            for name in odd:
                assert [piece async for piece in folders.read(str(folder), name)] == [b"x"]

        self.run(work)

    def test_a_place_is_known_again(self) -> None:
        """The same folder is, whatever becomes of what lies in it and of its name; one that is made anew is another."""

        async def work(folders: Folders, folder: Path) -> None:
            async def place(name: str) -> str:
                found = await folders.look(str(folder / name), 10)
                assert found is not None
                return found.place

            (folder / "one").mkdir()
            first = await place("one")
            (folder / "one" / "file").write_text("x")
            assert await place("one") == first
            (folder / "one").rename(folder / "two")
            (folder / "one").mkdir()
            assert (await place("two"), await place("one") == first) == (first, False)

        self.run(work)

    def test_a_file_is_read_and_nothing_around_it(self) -> None:
        """Bytes come whole; what is gone, leads out, is a link or no plain file is not there."""

        async def work(folders: Folders, folder: Path) -> None:
            inside = folder / "in"
            (inside / "b").mkdir(parents=True)
            (inside / "b" / "large").write_bytes(bytes(1_000_000))
            (folder / "secret").write_text("x")
            (inside / "link").symlink_to(folder / "secret")
            (inside / "way").symlink_to(folder)
            os.mkfifo(inside / "pipe")
            data = [piece async for piece in folders.read(str(inside), "b/large")]
            assert b"".join(data) == bytes(1_000_000)
            for wrong in ("gone", "../secret", "link", "way/secret", "b", "pipe", "b/../../secret", ""):
                with pytest.raises(NotFound):
                    async for _ in folders.read(str(inside), wrong):
                        pass

        self.run(work)
