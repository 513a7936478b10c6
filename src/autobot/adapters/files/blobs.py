"""Originals in a folder: one file each, whose last line says what the bytes before it must be.

    <folder>/<two digits of the hash of the name>/b-<name>     the bytes, and the line: size, SHA-256, time
    <folder>/uploads/<number>.part                              what is being written

A file comes to its place by one rename, after it was flushed; the flush of its folder makes that durable.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from autobot.contexts.knowledge.ports.blobs import NAME, Blob
from autobot.kernel.core.clock import Clock, parse_rfc3339, rfc3339
from autobot.kernel.core.errors import Conflict, DataCorrupt, NotFound, OperatorError

UPLOADS: Final = "uploads"

T = TypeVar("T")


@dataclass(slots=True)
class _Upload:
    id: str
    path: Path
    file: BinaryIO
    digest: Any
    size: int = 0


class FolderBlobs:
    """Implements `Blobs`. One process owns the folder. Disk work is done in threads."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._uploads: dict[str, _Upload] = {}
        self._begun = 0
        self._lock = threading.Lock()

    async def begin(self, name: str) -> str:
        if NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no name of a blob")
        return await self._do(lambda: self._begin(name))

    def _begin(self, name: str) -> str:
        folder = self._folder / UPLOADS
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock:
            self._begun += 1
            upload = f"{os.getpid()}-{self._begun}"
        path = folder / f"{upload}.part"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._uploads[upload] = _Upload(name, path, os.fdopen(descriptor, "wb", buffering=0), sha256())
        return upload

    async def append(self, upload: str, offset: int, data: bytes) -> None:
        found = self._upload(upload)
        if offset != found.size:
            raise Conflict(f"The upload has {found.size} bytes, not {offset}.")

        def write() -> None:
            view = memoryview(data)
            while view:
                view = view[found.file.write(view) :]
            found.digest.update(data)
            found.size += len(data)

        await self._do(write)

    async def finish(self, upload: str) -> Blob:
        found = self._upload(upload)
        del self._uploads[upload]
        return await self._do(lambda: self._finish(found))

    def _finish(self, found: _Upload) -> Blob:
        blob = Blob(id=found.id, size=found.size, sha256=found.digest.hexdigest(), made=self._clock.now())
        said = {"size": blob.size, "sha256": blob.sha256, "made": rfc3339(blob.made)}
        with found.file as file:
            file.write(b"\n" + json.dumps(said).encode())
            os.fsync(file.fileno())
        place = self._place(found.id)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        found.path.replace(place)
        _sync(place.parent)
        _sync(self._folder)
        return blob

    async def abandon(self, upload: str) -> None:
        found = self._uploads.pop(upload, None)
        if found is not None:
            found.file.close()
            await self._do(lambda: found.path.unlink(missing_ok=True))

    async def stat(self, name: str) -> Blob | None:
        return await self._do(lambda: self._stat(name))

    def _stat(self, name: str) -> Blob | None:
        try:
            with self._place(name).open("rb") as file:
                return _said(name, file)
        except (FileNotFoundError, NotFound):
            return None

    async def read(self, name: str, offset: int, length: int) -> bytes:
        return await self._do(lambda: self._read(name, offset, length))

    def _read(self, name: str, offset: int, length: int) -> bytes:
        try:
            with self._place(name).open("rb") as file:
                blob = _said(name, file)
                file.seek(min(offset, blob.size))
                data = file.read(min(length, max(blob.size - offset, 0)))
                if offset + len(data) >= blob.size:
                    _check(file, blob)
                return data
        except FileNotFoundError:
            raise NotFound(f"There is no blob {name}.") from None

    async def remove(self, name: str) -> None:
        def gone() -> None:
            if NAME.fullmatch(name) is None:
                return
            place = self._place(name)
            place.unlink(missing_ok=True)
            if place.parent.is_dir():
                _sync(place.parent)

        await self._do(gone)

    async def list(self, *, after: str = "", limit: int = 1000) -> Sequence[Blob]:
        return await self._do(lambda: self._list(after, limit))

    def _list(self, after: str, limit: int) -> Sequence[Blob]:
        names = sorted(name for one in self._folder.glob("??/b-*") if (name := one.name[2:]) > after)
        found = (self._stat(name) for name in names[:limit])
        return [one for one in found if one is not None]

    async def sweep(self, before: datetime) -> int:
        return await self._do(lambda: self._sweep(before))

    def _sweep(self, before: datetime) -> int:
        swept, open_now = 0, {one.path for one in self._uploads.values()}
        for path in (self._folder / UPLOADS).glob("*.part"):
            begun = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if begun < before and path not in open_now:
                path.unlink(missing_ok=True)
                swept += 1
        return swept

    async def close(self) -> None:
        """Let go of uploads that nobody finished; they are swept one day."""
        for upload in list(self._uploads):
            self._uploads.pop(upload).file.close()

    # ------------------------------------------------------------------------------------------------ common

    def _upload(self, upload: str) -> _Upload:
        found = self._uploads.get(upload)
        if found is None:
            raise NotFound("This upload was never begun, or is over.")
        return found

    def _place(self, name: str) -> Path:
        if NAME.fullmatch(name) is None:
            raise NotFound(f"There is no blob {name!r}.")
        return self._folder / blake2b(name.encode(), digest_size=1).hexdigest() / f"b-{name}"

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise OperatorError(f"The folder of originals cannot be used: {error.strerror}.") from error


TAIL: Final = 300
"""Bytes at a file's end in which its last line stands."""


def _said(name: str, file: BinaryIO) -> Blob:
    """Read what a file says of itself in its last line."""
    whole = file.seek(0, os.SEEK_END)
    file.seek(max(0, whole - TAIL))
    _, mark, line = file.read().rpartition(b"\n")
    try:
        said = json.loads(line)
        blob = Blob(id=name, size=said["size"], sha256=said["sha256"], made=parse_rfc3339(said["made"]))
    except (ValueError, KeyError, TypeError):
        raise DataCorrupt(f"The original {name} is damaged.") from None
    if not mark or blob.size != whole - len(line) - 1:
        raise DataCorrupt(f"The original {name} is damaged.")
    return blob


def _check(file: BinaryIO, blob: Blob) -> None:
    """Raise DataCorrupt unless a file's bytes are those that were written."""
    file.seek(0)
    digest, left = sha256(), blob.size
    while left > 0 and (piece := file.read(min(left, 1 << 20))):
        digest.update(piece)
        left -= len(piece)
    if left or digest.hexdigest() != blob.sha256:
        raise DataCorrupt(f"The original {blob.id} is damaged.")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
