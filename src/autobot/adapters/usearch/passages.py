"""An index of passages that finds near vectors by a graph, over one that compares them all (decisions 0050 and 0076).

What is stored stays the truth: the graph says which passages are nearest, and the store which of these may be searched.
What came after the graph was made is held in memory and compared whole. So a graph that is missing, old or lost costs
time and no answer. Processes over one store share graphs: one makes it, the others take it (decision 0079).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from autobot.adapters.usearch.graph import (
    FORM,
    PRECISION,
    Graph,
    Mark,
    build,
    load,
    path_of,
    remove,
    require_room,
    write,
)
from autobot.adapters.usearch.newest import NewestVectors
from autobot.adapters.usearch.sharing import Making, begin, newest, take
from autobot.contexts.knowledge.ports.graphs import Graphs
from autobot.contexts.knowledge.ports.index import (
    Hit,
    ModelPassages,
    PassageIndex,
    StoredVector,
    StoredWords,
    Vector,
    Where,
    unit,
)
from autobot.contexts.knowledge.ports.index_over import IndexOver
from autobot.contexts.knowledge.ports.listed import PAGE, Listed
from autobot.kernel.core.errors import Preparing

SAMPLES: Final = 3
AGAIN_S: Final = 15.0
"""When to ask again while a graph is made: that of 100,000 vectors takes a minute."""
TooMany: TypeAlias = Callable[[Where, int], Awaitable[bool]]
"""Says whether so many vectors of a length may be searched that the store is not asked to compare them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearOptions:
    """Options of the graph. Raises ValueError outside the ranges.

    `least`: vectors from which on a model has a graph (1-10,000,000). `growth`: share of new or gone vectors from which
    on it is made anew (0.01-1). `newest`: vectors that are held in memory after it (1-1,000,000); with more it is made
    anew, too.
    """

    least: int = 5_000
    growth: float = 0.1
    newest: int = 20_000

    def __post_init__(self) -> None:
        if not 1 <= self.least <= 10_000_000:
            raise ValueError("least is 1 to 10000000")
        if not 0.01 <= self.growth <= 1:
            raise ValueError("growth is 0.01 to 1")
        if not 1 <= self.newest <= 1_000_000:
            raise ValueError("newest is 1 to 1000000")


SHIPPED: Final = NearOptions()


class _Held(Listed[StoredVector]):
    """All vectors of a model: most of them in the graph, the rest in memory."""

    newest: NewestVectors

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph.mark.count, NewestVectors(graph.mark.last, graph.mark.dimensions))
        self.graph = graph

    async def page(self, store: PassageIndex, after: int, limit: int) -> Sequence[StoredVector]:
        return await store.stored(self.graph.mark.model, after, limit)

    def nearest(self, vector: Any, most: int) -> tuple[list[tuple[int, float]], bool]:
        """Return numbers and cosines of the nearest `most`, and whether that is all."""
        whole = most >= len(self)
        parts = (self.graph.nearest(vector, most), self.newest.compared(vector))
        numbers, cosines = (np.concatenate(one) for one in zip(*parts, strict=True))
        if len(numbers) > most:
            best = np.argpartition(cosines, -most)[-most:]
            numbers, cosines = numbers[best], cosines[best]
        return list(zip(numbers.tolist(), cosines.tolist(), strict=True)), whole


class NearPassages(IndexOver):
    """Implements `PassageIndex` over another one. `tend` makes graphs; until it has, all vectors are compared.

    Where they are `too_many` for that, a search that a graph will answer raises Preparing instead. Where `graphs` are
    shared, a graph counts as long as it is the one that is shared.
    """

    def __init__(
        self,
        store: PassageIndex,
        folder: Path,
        options: NearOptions = SHIPPED,
        too_many: TooMany | None = None,
        graphs: Graphs | None = None,
    ) -> None:
        super().__init__(store)
        self._folder, self._options, self._too_many, self._graphs = folder, options, too_many, graphs
        self.waits = False
        """Whether the last tending found that another process makes a graph which this one needs."""
        self._making: dict[str, tuple[int, int]] = {}
        self._refused: dict[str, str] = {}
        self._held: dict[str, _Held] = {}
        self._looked: set[str] = set()
        self._erased = 0

    # -------------------------------------------------------------------------------------------- searching

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        held = await self._ready(where.model)
        exactly = where.as_of is not None or where.documents is not None
        if held is not None and not exactly and held.graph.mark.dimensions == len(vector):
            best = partial(held.nearest, np.asarray(unit(vector), dtype=np.float32))
            hits = await held.found(self._store, best, where, limit)
            if hits is not None:
                return hits
        if not exactly and (held is None or await held.behind(self._store)):
            await self._spare(where, len(vector))
        return await self._store.nearest(vector, where, limit)

    async def _spare(self, where: Where, dimensions: int) -> None:
        """Raise Preparing rather than let the store compare more vectors than somebody would wait for."""
        if self._too_many is None or not await self._too_many(where, dimensions):
            return
        told = self._making.get(where.model)
        if told is None and self._graphs is not None:
            told = await self._graphs.progress(where.model, FORM)
        done, of = told or (0, 0)
        # More may have come than were counted when it was begun.
        far = f": {done:,}{f' of {of:,}' if done < of else ''} are ready" if done else ""
        raise Preparing(
            f"The vectors of so many passages are being prepared for search{far}.",
            retry_after=AGAIN_S,
            hint="After many documents came, or a start, this takes a minute or more. Search by words"
            " answers meanwhile, and so do hybrid searches.",
        )

    async def _ready(self, model: str) -> _Held | None:
        if model and model not in self._looked:
            self._looked.add(model)
            erased = self._erased
            graph = await asyncio.to_thread(load, path_of(self._folder, model))
            good = graph is not None and await self._is_shared(graph) and await self._agrees(graph, model)
            if graph is not None and good and erased == self._erased:
                self._held.setdefault(model, _Held(graph))
        return self._held.get(model)

    async def _is_shared(self, graph: Graph) -> bool:
        """Return whether a graph is the one that is shared, or none are: else what it holds may have been erased since."""
        kept = await newest(self._graphs, graph.mark.model)
        return self._graphs is None or (kept is not None and kept.id == graph.mark.shared)

    async def _agrees(self, graph: Graph, model: str) -> bool:
        """Return whether a graph is of what is stored: the store may be another one than it was made of."""
        there = await self._samples(map(int, graph.mark.samples))
        # Some may be gone since.
        same = all(graph.mark.samples[number] == told for number, told in there.items())
        return graph.mark.model == model and bool(there) and same

    async def _samples(self, numbers: Iterable[int]) -> dict[str, str]:
        """Return what some passages hold, by number. Their words are told of, as those of the past are still there."""
        told = {}
        for number in numbers:
            (one,) = await self._store.words(number - 1, 1) or (None,)
            if one is not None and one.number == number:
                told[str(number)] = _digest(one)
        return told

    # -------------------------------------------------------------------------------------------- tending

    async def tend(self) -> Sequence[str]:
        """Make the graphs that are missing or were outgrown, one after the other; returns the models whose were made.

        What another process made is taken, and what it makes now is left to it. Raises OSError when there is no room.
        """
        made = []
        self.waits = False
        wanted = [one for one in (await self._store.measure()).models if one.passages >= self._options.least]
        for model in {*self._held} - {one.model for one in wanted}:
            self._let_go(model)
        for one in wanted:
            if await self._serves(one):
                continue
            making = await begin(self._graphs, one.model)
            if making is None:
                self.waits = True
                continue
            try:
                # Another may have shared one between the look and the claim.
                if self._graphs is None or not await self._serves(one):
                    await self._build(one, making)
                    made.append(one.model)
            finally:
                await making.release()
        return made

    async def _serves(self, one: ModelPassages) -> bool:
        """Return whether there is a graph that is not outgrown, this process's or a shared one; it holds what came since."""
        held = await self._newest(one.model)
        if held is not None:
            await held.keep_up(self._store, partial(self._outgrown, held, one.passages))
        return held is not None and not held.over and not self._outgrown(held, one.passages)

    async def _newest(self, model: str) -> _Held | None:
        """Return the graph of a model; where graphs are shared, the one that is shared now, taken if it is not here yet."""
        held = await self._ready(model)
        if self._graphs is None or (held is not None and await self._is_shared(held.graph)):
            return held
        kept, path, erased = await newest(self._graphs, model), path_of(self._folder, model), self._erased
        graph = None
        if kept is not None and self._refused.get(model) != kept.id:
            graph = await take(self._graphs, kept, path)
            if graph is None or not await self._agrees(graph, model):
                self._refused[model], graph = kept.id, None
        self._hold(model, graph if erased == self._erased else None)
        return self._held.get(model)

    def _hold(self, model: str, graph: Graph | None) -> None:
        """Search a graph from now on; without one, what is searched now lies in no file any more."""
        if graph is not None:
            self._held[model] = _Held(graph)
            return
        remove(path_of(self._folder, model))
        if model in self._held:
            self._held[model].over = True

    def _let_go(self, model: str) -> None:
        """Hold no longer what lies in no file any more: its pages are the disk's until then."""
        if model in self._held and self._held[model].over:
            del self._held[model]

    def _outgrown(self, held: _Held, passages: int) -> bool:
        options = self._options
        return held.outgrown(passages, options.growth) or len(held.newest) > options.newest

    async def _build(self, one: ModelPassages, making: Making) -> None:
        erased, model = self._erased, one.model
        try:
            await asyncio.to_thread(require_room, self._folder, one.passages, one.dimensions)
        except OSError:
            self._let_go(model)
            raise
        path = path_of(self._folder, model)
        try:
            index, numbers = await build(one.dimensions, self._pages(one, making))
        finally:
            self._making.pop(model, None)
        samples = (
            {numbers[len(numbers) * one // SAMPLES] for one in range(SAMPLES)} if numbers else set[int]()
        )
        mark = Mark(
            model=model,
            dimensions=one.dimensions,
            last=max(numbers, default=0),
            count=len(numbers),
            precision=PRECISION,
            samples=await self._samples(samples),
            shared=making.id,
        )
        usable = bool(numbers) and not making.over
        graph = await asyncio.to_thread(write, index, path, mark) if usable else None
        good = graph is not None and await making.give(path)
        # What was erased meanwhile may be in it.
        self._hold(model, graph if good and erased == self._erased else None)

    async def _pages(self, one: ModelPassages, making: Making) -> AsyncIterator[Sequence[StoredVector]]:
        """Yield all vectors of a model while they are of use, and tell how many of how many went by."""
        after, done = 0, 0
        while not making.over and (page := await self._store.stored(one.model, after, PAGE)):
            after = page[-1].number
            yield page
            done += len(page)
            self._making[one.model] = (done, max(done, one.passages))
            await making.reached(*self._making[one.model])

    # -------------------------------------------------------------------------------------------- erasing

    async def erase(self, document_id: str) -> None:
        await super().erase(document_id)
        self.forget()

    def forget(self) -> None:
        """Remove the graphs: a vector tells of its text, and none of what was erased may stay. They are made anew.

        Until then what is mapped of them is searched, and then let go.
        """
        self._erased += 1
        for held in self._held.values():
            held.over = True
        self._looked.clear()
        for path in self._folder.glob("vectors-*.usearch"):
            remove(path)


def _digest(words: StoredWords) -> str:
    told = repr((words.length, sorted(words.counts.items())))
    return blake2b(told.encode(), digest_size=16).hexdigest()
