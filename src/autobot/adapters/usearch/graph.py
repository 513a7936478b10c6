"""One graph of near vectors in a file, mapped into memory: read, searched, made anew."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from autobot.adapters.usearch.newest import as_rows
from autobot.contexts.knowledge.ports.index import StoredVector

CONNECTIVITY: Final = 16
EXPANSION_ADD: Final = 128
EXPANSION_SEARCH: Final = 128
"""Of HNSW (Malkov & Yashunin 2018): neighbours of a node, and how widely is looked while building and searching."""
OF_NEIGHBOURS: Final = 150
"""Bytes of a node beside its vector; measured are 148.5."""
PRECISION: Final = "f32"
"""As vectors are stored: what the graph says of a vector is what comparing it says."""
FORM: Final = f"usearch-2 {PRECISION} {sys.byteorder}"
"""What a process must be able to read that takes a graph of another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a graph holds: vectors of a model up to a number.

    `samples` tells of some of their passages what they hold, so that a graph of another store is known as one. `shared` is
    its id among shared graphs, empty where none are.
    """

    model: str
    dimensions: int
    last: int
    count: int
    precision: str
    samples: Mapping[str, str]
    shared: str = ""


class Graph:
    """A graph that is only read. The file is mapped: its pages are the system's to drop when memory is short."""

    def __init__(self, path: Path, mark: Mark) -> None:
        """Raise ValueError or RuntimeError for a file that is no graph of its mark."""
        self.mark = mark
        index: Any = Index.restore(str(path), view=True)
        if index is None or len(index) != mark.count or mark.precision != PRECISION:
            raise ValueError("no graph of vectors as they are stored in this file")
        index.expansion_search = EXPANSION_SEARCH
        self._index = index

    def nearest(self, vector: NDArray[Any], count: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the numbers of about the nearest vectors, and the cosine of each."""
        found = self._index.search(vector, count, threads=1)
        return found.keys.astype(np.int64), 1 - found.distances


def require_room(folder: Path, vectors: int, dimensions: int) -> None:
    """Raise OSError when a folder has no room for a graph: making one takes minutes."""
    if shutil.disk_usage(folder).free < vectors * (4 * dimensions + OF_NEIGHBOURS):
        raise OSError(errno.ENOSPC, "There is no room for a graph of near vectors", str(folder))


def path_of(folder: Path, model: str) -> Path:
    """Return where the graph of a model lies."""
    return folder / f"vectors-{hashlib.blake2b(model.encode(), digest_size=8).hexdigest()}.usearch"


UNREADABLE: Final = (OSError, msgspec.MsgspecError, RuntimeError, ValueError)
"""What opening a file raises that is no graph."""


def load(path: Path) -> Graph | None:
    """Return the graph at `path`; None when there is none that can be read: it is made anew."""
    try:
        return Graph(path, msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Mark))
    except UNREADABLE:
        return None


def remove(path: Path) -> None:
    """Remove a graph and its mark."""
    path.with_suffix(".json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


async def build(dimensions: int, pages: AsyncIterator[Sequence[StoredVector]]) -> tuple[Any, Sequence[int]]:
    """Return a graph of vectors that are not in a file yet, and their numbers in order.

    Other work goes on meanwhile: pages are added on a thread. Vectors of another length are left out.
    """
    index: Any = Index(
        ndim=dimensions,
        metric="cos",
        dtype=PRECISION,
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        enable_key_lookups=False,
    )
    held = list[int]()
    async for page in pages:
        numbers, rows = as_rows(page, dimensions)
        if len(numbers):
            await asyncio.to_thread(index.add, numbers.astype(np.uint64), rows, threads=1)
            held += numbers.tolist()
    return index, held


def write(index: Any, path: Path, mark: Mark) -> Graph:
    """Write a graph to a file, in the place of the one before, and return it. Blocks. Raises OSError."""
    partial = path.with_suffix(".partial")
    try:
        index.save(str(partial))
    except RuntimeError as error:
        partial.unlink(missing_ok=True)
        raise OSError(errno.EIO, "The graph of near vectors cannot be written", str(path)) from error
    return place(partial, path, msgspec.json.encode(asdict(mark)))


def place(partial: Path, path: Path, mark: bytes) -> Graph:
    """Put a file with its mark in the place of the graph that was there, and return it. Blocks. Raises `UNREADABLE`."""
    partial.chmod(0o600)
    remove(path)
    partial.replace(path)
    told = path.with_suffix(".json")
    told.write_bytes(mark)
    told.chmod(0o600)
    return Graph(path, msgspec.json.decode(mark, type=Mark))
