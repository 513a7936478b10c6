"""One graph of near vectors in a file, mapped into memory: read, searched, made anew."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from autobot.contexts.knowledge.ports.index import StoredVector, Vector

CONNECTIVITY: Final = 16
EXPANSION_ADD: Final = 128
EXPANSION_SEARCH: Final = 256
"""Of HNSW (Malkov & Yashunin 2018): neighbours of a node, and how widely is looked while building and searching."""
PRECISION: Final = "i8"
"""A byte a number: candidates are judged again by what is stored, so that what it loses costs no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a graph holds: vectors of a model up to a number."""

    model: str
    dimensions: int
    last: int
    count: int


class Graph:
    """A graph that is only read. The file is mapped: its pages are the system's to drop when memory is short."""

    def __init__(self, path: Path, mark: Mark) -> None:
        from usearch.index import Index

        self.mark = mark
        index: Any = Index.restore(str(path), view=True)
        if index is None:
            raise ValueError("no graph in this file")
        index.expansion_search = EXPANSION_SEARCH
        self._index = index

    def candidates(self, vector: Vector, count: int) -> tuple[int, ...]:
        """Return the numbers of about the nearest vectors."""
        import numpy as np

        found = self._index.search(np.asarray(vector, dtype=np.float32), count, threads=1)
        return tuple(int(one) for one in found.keys)


def path_of(folder: Path, model: str) -> Path:
    """Return where the graph of a model lies."""
    return folder / f"vectors-{hashlib.blake2b(model.encode(), digest_size=8).hexdigest()}.usearch"


def load(path: Path) -> Graph | None:
    """Return the graph at `path`; None when there is none that can be read: it is made anew."""
    try:
        mark = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Mark)
        graph = Graph(path, mark)
    except (OSError, msgspec.MsgspecError, RuntimeError, ValueError):
        return None
    return graph if len(graph._index) == mark.count else None


def remove(path: Path) -> None:
    """Remove a graph and its mark."""
    path.with_suffix(".json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


async def build(
    path: Path, model: str, dimensions: int, pages: AsyncIterator[Sequence[StoredVector]]
) -> Graph | None:
    """Make the graph of a model's vectors, and put it in the place of the one before; None when there are none.

    Other work goes on meanwhile: pages are added on a thread. Vectors of another length are left out.
    """
    import numpy as np
    from usearch.index import Index

    index: Any = Index(
        ndim=dimensions,
        metric="cos",
        dtype=PRECISION,
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        enable_key_lookups=False,
    )
    last = 0
    async for page in pages:
        fitting = [one for one in page if len(one.vector) == 4 * dimensions]
        if fitting:
            keys = np.array([one.number for one in fitting], dtype=np.uint64)
            rows = np.frombuffer(b"".join(one.vector for one in fitting), dtype=np.float32)
            await asyncio.to_thread(index.add, keys, rows.reshape(-1, dimensions), threads=1)
        last = page[-1].number
    if not len(index):
        remove(path)
        return None
    mark = Mark(model=model, dimensions=dimensions, last=last, count=len(index))
    return await asyncio.to_thread(_placed, index, path, mark)


def _placed(index: Any, path: Path, mark: Mark) -> Graph:
    partial = path.with_suffix(".partial")
    index.save(str(partial))
    partial.chmod(0o600)
    remove(path)
    partial.replace(path)
    told = path.with_suffix(".json")
    told.write_bytes(msgspec.json.encode(asdict(mark)))
    told.chmod(0o600)
    return Graph(path, mark)
