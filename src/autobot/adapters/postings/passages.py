"""An index of passages that finds by words through lists of its own, over one that stores them (decision 0063).

What is stored stays the truth: the lists say which passages fit best, and the store which of these may be searched.
What came after the file was made is listed in memory. Lists that are missing, old or lost cost time and no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autobot.adapters.postings.lists import NAME, Lists, NewestWords, load, remove
from autobot.adapters.postings.scoring import Holding, Wanted, best, rarity, weights_of
from autobot.contexts.knowledge.ports.index import Hit, PassageIndex, StoredWords, Where
from autobot.contexts.knowledge.ports.index_over import IndexOver
from autobot.contexts.knowledge.ports.listed import PAGE, Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Options of the lists. Raises ValueError outside the ranges.

    `least`: passages from which on there are lists (1-10,000,000). `growth`: share of new or gone passages from which
    on they are made anew (0.01-1).
    """

    least: int = 5_000
    growth: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.least <= 10_000_000:
            raise ValueError("least is 1 to 10000000")
        if not 0.01 <= self.growth <= 1:
            raise ValueError("growth is 0.01 to 1")


SHIPPED: Final = ListOptions()


class _Held(Listed[StoredWords]):
    """The lists of all passages: most of them in the file, the rest in memory."""

    newest: NewestWords

    def __init__(self, lists: Lists) -> None:
        super().__init__(len(lists), NewestWords(lists.last))
        self.lists = lists
        self._against = (0.0, np.zeros(0))

    async def page(self, store: PassageIndex, after: int, limit: int) -> Sequence[StoredWords]:
        return await store.words(after, limit)

    def search(self, words: Sequence[str], most: int) -> tuple[list[tuple[int, float]], bool]:
        """Return numbers and scores of the best `most` passages, and all as good as the last; and whether that is all."""
        mean = (self.lists.total + self.newest.total) / max(len(self), 1) or 1.0
        parts: tuple[Lists | NewestWords, ...] = (self.lists, self.newest)
        held = [[part.holding(word) for part in parts] for word in words]
        rarities = [
            rarity(len(self), sum(len(one.places) for one in pair if one is not None)) for pair in held
        ]
        numbers, scores = [], []
        for at, part in enumerate(parts):
            wanted = [
                Wanted(rare, holding)
                for rare, pair in zip(rarities, held, strict=True)
                if (holding := pair[at]) is not None
            ]
            if wanted:
                met = best(wanted, self._weights(part, mean), most)
                numbers.append(part.numbers[met.places])
                scores.append(met.scores)
        if not numbers:
            return [], True
        all_numbers, all_scores = np.concatenate(numbers), np.concatenate(scores)
        whole = len(all_scores) < most
        if not whole:
            enough = all_scores >= np.partition(all_scores, -most)[-most]
            all_numbers, all_scores = all_numbers[enough], all_scores[enough]
        return list(zip(all_numbers.tolist(), all_scores.tolist(), strict=True)), whole

    def _weights(self, part: Lists | NewestWords, mean: float) -> NDArray[np.float64]:
        """Return how lengths weigh; of the file's passages it is kept while the mean is the same."""
        if part is self.newest:
            return weights_of(part.lengths, mean)
        known, against = self._against
        if known != mean:
            against = weights_of(part.lengths, mean)
            self._against = (mean, against)
        return against


class WordPassages(IndexOver):
    """Implements `PassageIndex` over another one. `tend` makes the lists; until it has, the store finds by words."""

    def __init__(self, store: PassageIndex, folder: Path, options: ListOptions = SHIPPED) -> None:
        super().__init__(store)
        self._path, self._options = folder / NAME, options
        self._held: _Held | None = None
        self._looked = False
        self._erased = 0

    # -------------------------------------------------------------------------------------------- searching

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        held = await self._ready()
        words = None if held is None else await self._store.asked(text)
        if held is not None and words is not None:
            hits = await held.found(self._store, partial(held.search, words), where, limit)
            if hits is not None:
                return hits
        return await self._store.lexical(text, where, limit)

    async def _ready(self) -> _Held | None:
        if not self._looked:
            self._looked, erased = True, self._erased
            lists = await asyncio.to_thread(load, self._path)
            if lists is not None and await self._agrees(lists) and erased == self._erased:
                self._held = _Held(lists)
        return self._held

    async def _agrees(self, lists: Lists) -> bool:
        """Return whether lists are of what is stored: the store may be another one than they were made of."""
        for place in {0, len(lists) // 2, len(lists) - 1}:
            number = int(lists.numbers[place])
            (one,) = await self._store.words(number - 1, 1) or (None,)
            if one is None or one.number != number or one.length != lists.lengths[place]:
                return False
            if not all(_lists(lists.holding(word), place) for word in one.counts):
                return False
        return True

    # ---------------------------------------------------------------------------------------------- tending

    async def tend(self) -> bool:
        """Make the lists when they are missing or were outgrown; returns whether they were made."""
        stored = (await self._store.measure()).stored
        if stored < self._options.least:
            self._let_go()
            return False
        if await self._serves(stored):
            return False
        await self._build()
        return True

    async def _serves(self, stored: int) -> bool:
        """Return whether there are lists that so many passages have not outgrown; they hold what came since."""
        held, growth = await self._ready(), self._options.growth
        if held is None or held.over:
            return False
        await held.keep_up(self._store, lambda: held.outgrown(stored, growth))
        return not held.outgrown(stored, growth)

    def _let_go(self) -> None:
        """Hold no longer what lies in no file any more: its pages are the disk's until then."""
        if self._held is not None and self._held.over:
            self._held = None

    async def _build(self) -> None:
        erased, made = self._erased, NewestWords(0)
        async for page in self._pages():
            await asyncio.to_thread(made.add, page)
        if not len(made):
            return
        try:
            lists = await asyncio.to_thread(made.write, self._path)
        except OSError:
            self._let_go()
            raise
        if erased != self._erased:
            # What was erased meanwhile may be in it.
            self.forget()
        else:
            self._held = _Held(lists)

    async def _pages(self) -> AsyncIterator[Sequence[StoredWords]]:
        after = 0
        while page := await self._store.words(after, PAGE):
            after = page[-1].number
            yield page

    # ---------------------------------------------------------------------------------------------- erasing

    async def erase(self, document_id: str) -> None:
        await super().erase(document_id)
        self.forget()

    def forget(self) -> None:
        """Remove the lists: none of the words that were erased may stay. They are made anew.

        Until then what is mapped of them is searched, and then let go.
        """
        self._erased += 1
        if self._held is not None:
            self._held.over = True
        self._looked = False
        remove(self._path)


def _lists(holding: Holding | None, place: int) -> bool:
    if holding is None:
        return False
    at = int(np.searchsorted(holding.places, place))
    return at < len(holding.places) and int(holding.places[at]) == place
