"""Folders of the machine whose files are documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file as it was seen: its path below the folder with `/` between, its size, and a mark that any change moves."""

    path: str
    size: int
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a folder. `whole` is False when there is more: too many files, or a folder in it that is closed to us.

    `place` tells this very folder from another one that has its path now, such as that below a disk that was taken out.
    """

    files: Sequence[SeenFile]
    whole: bool
    place: str


class Folders(Protocol):
    """What lies in folders.

    Contract: `look` returns every plain file below a folder that is not hidden, in order of paths, at most `most`;
    links are not followed. None when the folder is not there or cannot be read: that is no empty folder. `read` yields a
    file's bytes and raises NotFound when it is not there any more, cannot be read, or leads out of the folder. Names may
    be of any bytes: what is no UTF-8 stands in a path as lone surrogates.
    """

    async def look(self, folder: str, most: int) -> Seen | None:
        """Return what lies in a folder."""
        ...

    def read(self, folder: str, path: str) -> AsyncIterator[bytes]:
        """Yield a file."""
        ...
