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


class Folders(Protocol):
    """What lies in folders.

    Contract: `look` returns every plain file below a folder that is not hidden, in order of paths, at most `most`;
    links are not followed. None when the folder is not there or cannot be read: that is no empty folder. `read` yields a
    file's bytes and raises NotFound when it is not there any more, or leads out of the folder.
    """

    async def look(self, folder: str, most: int) -> Sequence[SeenFile] | None:
        """Return what lies in a folder."""
        ...

    def read(self, folder: str, path: str) -> AsyncIterator[bytes]:
        """Yield a file."""
        ...
