"""Taking a graph that another process made, and giving one to others: files here, pieces there (decision 0079)."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

from autobot.adapters.usearch.graph import FORM, UNREADABLE, Graph, place
from autobot.contexts.knowledge.ports.graphs import PIECE, Claim, Graphs, SharedGraph


class Making:
    """One graph that this process makes; with a claim others hear how far it is, and it is given to them."""

    def __init__(self, graphs: Graphs | None, claim: Claim | None) -> None:
        self._graphs, self._claim = graphs, claim
        self.over = False
        """Whether the claim is another's now, or something was erased: what is made is of no use."""

    @property
    def id(self) -> str:
        """The id among shared graphs."""
        return self._claim.token if self._claim is not None else ""

    async def reached(self, done: int, of: int) -> None:
        """Say how many of how many vectors are in it."""
        if self._graphs is not None and self._claim is not None:
            self.over = self.over or not await self._graphs.renew(self._claim, done, of)

    async def give(self, path: Path) -> bool:
        """Give the graph in a file to others; say whether they have it, or nobody shares any. Blocks on no disk."""
        if self._graphs is None or self._claim is None:
            return True
        digest, size = sha256(), 0
        with (
            await asyncio.to_thread(path.open, "rb") as file,
            await asyncio.to_thread(path.with_suffix(".json").open, "rb") as told,
        ):
            while data := await asyncio.to_thread(file.read, PIECE):
                digest.update(data)
                if not await self._graphs.append(self._claim, size // PIECE, data):
                    return False
                size += len(data)
            mark = await asyncio.to_thread(told.read)
        return await self._graphs.publish(self._claim, mark, size, digest.hexdigest())

    async def release(self) -> None:
        """Let another one make it, if it was not given."""
        if self._graphs is not None and self._claim is not None:
            await self._graphs.release(self._claim)


async def take(graphs: Graphs, kept: SharedGraph, path: Path) -> Graph | None:
    """Put a shared graph into a file, and return it; None when it is torn, gone meanwhile, or no graph that can be read."""
    partial = path.with_suffix(".partial")
    digest, size, number = sha256(), 0, 0
    try:
        with await asyncio.to_thread(partial.open, "wb") as file:
            while data := await graphs.read(kept.id, number):
                digest.update(data)
                size, number = size + len(data), number + 1
                if size > kept.size:
                    break
                await asyncio.to_thread(file.write, data)
        if (size, digest.hexdigest()) != (kept.size, kept.sha256):
            return None
        return await asyncio.to_thread(_placed, partial, path, kept)
    finally:
        partial.unlink(missing_ok=True)


def _placed(partial: Path, path: Path, kept: SharedGraph) -> Graph | None:
    try:
        graph = place(partial, path, kept.mark)
    except UNREADABLE:
        return None
    return graph if graph.mark.shared == kept.id else None


async def newest(graphs: Graphs | None, model: str) -> SharedGraph | None:
    """Return the shared graph of a model that this process can read; None when there is none, or nobody shares any."""
    return None if graphs is None else await graphs.newest(model, FORM)


async def begin(graphs: Graphs | None, model: str) -> Making | None:
    """Return what makes a graph; None when another process makes it."""
    if graphs is None:
        return Making(None, None)
    claim = await graphs.claim(model, FORM)
    return None if claim is None else Making(graphs, claim)
