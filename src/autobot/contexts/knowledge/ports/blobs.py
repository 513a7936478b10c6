"""Where originals lie: bytes by name, written whole or not at all. One port for a folder, a database and memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from autobot.kernel.core.errors import TooLarge

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,139}")
"""What a blob may be called."""
PIECE: Final = 256 * 1024
"""Bytes that are read and written at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A whole one: its name, size in bytes, SHA-256 as hex, and when it was finished."""

    id: str
    size: int
    sha256: str
    made: datetime


class Blobs(Protocol):
    """Bytes by name.

    Contract:
    - A name has 1 to 140 of the characters `A-Za-z0-9._-` and begins with a letter or digit; else ValueError.
    - `begin` opens an upload; `append` adds at `offset`, which must be the bytes that are there already (else
      Conflict), so that a piece that comes twice is noticed; `finish` makes it readable under its name, whole and
      durable (power loss included), in place of what had the name; `abandon` drops it, also one that is unknown.
      `append` and `finish` raise NotFound for an upload that is unknown, finished or dropped.
    - Until `finish` returns nobody reads anything of it. Two uploads under one name do not meet; the last finish wins.
    - `read` returns at most `length` bytes from `offset`, empty at the end. It raises NotFound for a name that has
      nothing, and DataCorrupt when the bytes from 0 to the end are not those that were written.
    - `remove` makes a name unknown; unknown already is no error. Nothing of the bytes is left.
    - `list` returns names above `after` in order; uploads that were begun are not among them. `sweep` drops uploads
      that were begun before a moment and never finished, and returns how many.
    """

    async def begin(self, name: str) -> str:
        """Open an upload for a name; returns what to call the upload."""
        ...

    async def append(self, upload: str, offset: int, data: bytes) -> None:
        """Add bytes to an upload."""
        ...

    async def finish(self, upload: str) -> Blob:
        """Make an upload readable."""
        ...

    async def abandon(self, upload: str) -> None:
        """Drop an upload."""
        ...

    async def stat(self, name: str) -> Blob | None:
        """Return what lies under a name, None when nothing does."""
        ...

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return a piece."""
        ...

    async def remove(self, name: str) -> None:
        """Remove what lies under a name."""
        ...

    async def list(self, *, after: str = "", limit: int = 1000) -> Sequence[Blob]:
        """Return what there is, in order of names."""
        ...

    async def sweep(self, before: datetime) -> int:
        """Drop uploads that nobody finished."""
        ...


async def store(blobs: Blobs, name: str, pieces: AsyncIterator[bytes], limit: int) -> Blob:
    """Write pieces as they come, at most `limit` bytes. Raises TooLarge beyond; then, and on every error, nothing stays."""
    upload, offset = await blobs.begin(name), 0
    try:
        async for piece in pieces:
            if offset + len(piece) > limit:
                raise TooLarge(f"There are more than the {limit} bytes that are accepted here.")
            await blobs.append(upload, offset, piece)
            offset += len(piece)
        return await blobs.finish(upload)
    except BaseException:
        await blobs.abandon(upload)
        raise


async def pieces(blobs: Blobs, name: str) -> AsyncIterator[bytes]:
    """Yield what lies under a name, piece by piece."""
    offset = 0
    while piece := await blobs.read(name, offset, PIECE):
        offset += len(piece)
        yield piece


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Yield bytes that are at hand in pieces."""
    for at in range(0, len(data), PIECE):
        yield data[at : at + PIECE]
