"""Folders of this machine."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from autobot.contexts.knowledge.ports.blobs import PIECE
from autobot.contexts.knowledge.ports.folders import Seen, SeenFile
from autobot.kernel.core.errors import NotFound

DEPTH_MAX: Final = 32


class MachineFolders:
    """Implements `Folders`. Disk work is done in threads. `closed` is not looked into, nor is what it lies in."""

    def __init__(self, closed: Path | None = None) -> None:
        self._closed = closed

    async def look(self, folder: str, most: int) -> Seen | None:
        return await asyncio.to_thread(self._look, Path(folder), most)

    def _look(self, folder: Path, most: int) -> Seen | None:
        found: list[SeenFile] = []
        try:
            if self._closed is not None and _meet(folder.resolve(), self._closed.resolve()):
                return None
            there = folder.stat()
            whole = _walk(folder, folder, found, most, 0)
        except (OSError, ValueError):
            # ValueError: a path that no system takes, with a zero byte in it.
            return None
        files = sorted(found, key=lambda one: one.path)
        return Seen(files=files, whole=whole, place=f"{there.st_dev}-{there.st_ino}")

    async def read(self, folder: str, path: str) -> AsyncIterator[bytes]:
        file = await asyncio.to_thread(_open, Path(folder), path)
        try:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece
        except OSError as error:
            raise NotFound(f"It cannot be read: {error.strerror}.") from error
        finally:
            file.close()


def _meet(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _walk(root: Path, folder: Path, found: list[SeenFile], most: int, depth: int) -> bool:
    """Collect what lies below a folder; return whether that is all."""
    whole = True
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if len(found) >= most:
                return False
            try:
                if entry.is_dir(follow_symlinks=False) and depth < DEPTH_MAX:
                    whole &= _walk(root, Path(entry.path), found, most, depth + 1)
                elif entry.is_file(follow_symlinks=False):
                    found.append(_seen(root, entry))
            except FileNotFoundError:
                # It went while we looked.
                continue
            except OSError:
                whole = False
    return whole


def _seen(root: Path, entry: os.DirEntry[str]) -> SeenFile:
    seen = entry.stat(follow_symlinks=False)
    path = Path(entry.path).relative_to(root).as_posix()
    mark = f"{seen.st_mtime_ns}-{seen.st_size}-{seen.st_ino}"
    return SeenFile(path=path, size=seen.st_size, mark=mark)


def _open(folder: Path, path: str) -> BinaryIO:
    """Open a file below a folder, following no link on the way."""
    descriptor = -1
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        *ways, name = path.split("/")
        for way in ways:
            if way in ("", ".", ".."):
                raise NotFound(f"There is no file {path}.")
            inner = os.open(way, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise NotFound(f"{path} is no plain file.")
        return os.fdopen(file, "rb")
    except OSError as error:
        raise NotFound(f"It cannot be read: {error.strerror}.") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)
