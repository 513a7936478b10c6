"""What `MachineFiles` promises. Subclass `MachineFilesSuite`, and override `files`."""

from __future__ import annotations

import asyncio
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from autobot.contexts.knowledge.ports.machine import MachineFiles
from autobot.kernel.core.errors import Conflict, NotFound, OperatorError


class Broken(Exception):
    """What yields pieces has none any more."""


async def some(*pieces: bytes, breaks: bool = False) -> AsyncIterator[bytes]:
    """Yield pieces."""
    for piece in pieces:
        yield piece
    if breaks:
        raise Broken


def seen(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(one.name for one in folder.iterdir())


class MachineFilesSuite(ABC):
    """Writing and reading files that somebody named."""

    @abstractmethod
    def files(self) -> MachineFiles:
        """Return the implementation under test."""

    def run(self, work: Callable[[MachineFiles, Path], Awaitable[None]]) -> None:
        """Do `work` in a folder of its own."""
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(work(self.files(), Path(folder)))  # type: ignore[arg-type]

    def test_what_is_written_is_read(self) -> None:
        """All pieces are there in their order, and nothing beside the file."""

        async def work(files: MachineFiles, folder: Path) -> None:
            target = folder / "a.tar"
            assert await files.write(str(target), some(b"one", b"", b"two" * 200_000)) == 600_003
            assert b"".join([piece async for piece in files.read(str(target))]) == b"one" + b"two" * 200_000
            assert seen(folder) == ["a.tar"]

        self.run(work)

    def test_a_file_that_breaks_off_was_never_there(self) -> None:
        """When its pieces end with an error nothing of it is left."""

        async def work(files: MachineFiles, folder: Path) -> None:
            with pytest.raises(Broken):
                await files.write(str(folder / "a.tar"), some(b"one", breaks=True))
            assert seen(folder) == []

        self.run(work)

    def test_nothing_is_written_over(self) -> None:
        """A file or a link that is there stays as it is, also one that comes while the other is written."""

        async def work(files: MachineFiles, folder: Path) -> None:
            there, link = folder / "there", folder / "link"
            there.write_bytes(b"mine")
            link.symlink_to(folder / "nowhere")
            for target in (there, link):
                with pytest.raises(Conflict):
                    await files.write(str(target), some(b"other"))

            async def racing() -> AsyncIterator[bytes]:
                yield b"other"
                (folder / "late").write_bytes(b"first")

            with pytest.raises(Conflict):
                await files.write(str(folder / "late"), racing())
            assert (there.read_bytes(), (folder / "late").read_bytes()) == (b"mine", b"first")
            assert seen(folder) == ["late", "link", "there"]

        self.run(work)

    def test_what_is_not_there_is_told(self) -> None:
        """A folder that is missing cannot be written to, a file that is missing not read."""

        async def work(files: MachineFiles, folder: Path) -> None:
            with pytest.raises(OperatorError):
                await files.write(str(folder / "no" / "a.tar"), some(b"x"))
            for path in (folder / "no.tar", folder):
                with pytest.raises(NotFound):
                    _ = [piece async for piece in files.read(str(path))]

        self.run(work)

    def test_only_its_owner_reads_it(self) -> None:
        """What is in a collection is for those who may: the file has no rights for others."""

        async def work(files: MachineFiles, folder: Path) -> None:
            await files.write(str(folder / "a.tar"), some(b"x"))
            assert (folder / "a.tar").stat().st_mode & 0o077 == 0

        self.run(work)
