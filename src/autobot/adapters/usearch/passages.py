"""An index of passages that finds near vectors by a graph, over one that compares them all (decision 0050).

What is stored stays the truth: the graph names candidates, and the store compares these by what it holds and by what
the asker may read; what came after the graph was made is compared whole. So a graph that is missing, old or lost costs
time and no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autobot.adapters.usearch.graph import Graph, build, load, path_of, remove
from autobot.contexts.knowledge.ports.index import (
    EVERY,
    Among,
    Hit,
    PassageIndex,
    StoredVector,
    Vector,
    Where,
    unit,
)
from autobot.contexts.knowledge.ports.index_over import IndexOver

PAGE: Final = 500
"""Vectors that are added to a graph in one step (some 0.2 s of a thread)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearOptions:
    """Options of the graph. Raises ValueError outside the ranges.

    `least`: vectors from which on a model has a graph (1–10,000,000). `candidates`: how many it names at least
    (10–10,000). `growth`: share of new or gone vectors from which on it is made anew (0.01–1).
    """

    least: int = 5_000
    candidates: int = 200
    growth: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.least <= 10_000_000:
            raise ValueError("least is 1 to 10000000")
        if not 10 <= self.candidates <= 10_000:
            raise ValueError("candidates is 10 to 10000")
        if not 0.01 <= self.growth <= 1:
            raise ValueError("growth is 0.01 to 1")


SHIPPED: Final = NearOptions()


class NearPassages(IndexOver):
    """Implements `PassageIndex` over another one. `tend` makes graphs; until it has, all vectors are compared."""

    def __init__(self, store: PassageIndex, folder: Path, options: NearOptions = SHIPPED) -> None:
        super().__init__(store)
        self._folder, self._options = folder, options
        self._graphs: dict[str, Graph] = {}
        self._looked: set[str] = set()
        self._erased = 0

    # -------------------------------------------------------------------------------------------- searching

    async def nearest(self, vector: Vector, where: Where, limit: int, among: Among = EVERY) -> Sequence[Hit]:
        graph = self._graph(where.model)
        exactly = among != EVERY or where.as_of is not None or where.documents is not None
        if graph is None or exactly or graph.mark.dimensions != len(vector):
            return await self._store.nearest(vector, where, limit, among)
        count = max(self._options.candidates, limit)
        numbers = await asyncio.to_thread(graph.candidates, unit(vector), count)
        found = await self._store.nearest(
            vector, where, limit, Among(numbers=numbers, beyond=graph.mark.last)
        )
        # Candidates are the nearest of all. When most of them may not be read, those that may lie further away.
        if 2 * len(found) < min(limit, graph.mark.count):
            return await self._store.nearest(vector, where, limit)
        return found

    def _graph(self, model: str) -> Graph | None:
        if model not in self._looked:
            self._looked.add(model)
            graph = load(path_of(self._folder, model)) if model else None
            if graph is not None and graph.mark.model == model:
                self._graphs[model] = graph
        return self._graphs.get(model)

    async def tend(self) -> Sequence[str]:
        """Make the graphs that are missing or were outgrown, one after the other; returns the models whose were made."""
        made = []
        for one in (await self._store.measure()).models:
            if one.passages < self._options.least:
                continue
            graph = self._graph(one.model)
            changed = one.passages if graph is None else abs(one.passages - graph.mark.count)
            if graph is None or changed > self._options.growth * graph.mark.count:
                await self._build(one.model, one.dimensions)
                made.append(one.model)
        return made

    async def _build(self, model: str, dimensions: int) -> None:
        erased = self._erased
        path = path_of(self._folder, model)
        graph = await build(path, model, dimensions, self._pages(model))
        if graph is None or erased != self._erased:
            # What was erased meanwhile may be in it.
            remove(path)
            self._graphs.pop(model, None)
        else:
            self._graphs[model] = graph

    async def _pages(self, model: str) -> AsyncIterator[Sequence[StoredVector]]:
        after = 0
        while page := await self._store.stored(model, after, PAGE):
            after = page[-1].number
            yield page

    # -------------------------------------------------------------------------------------------- erasing

    async def erase(self, document_id: str) -> None:
        await super().erase(document_id)
        self.forget()

    def forget(self) -> None:
        """Remove the graphs: a vector tells of its text, and none of what was erased may stay. They are made anew."""
        self._erased += 1
        self._graphs.clear()
        self._looked.clear()
        for path in self._folder.glob("vectors-*.usearch"):
            remove(path)
