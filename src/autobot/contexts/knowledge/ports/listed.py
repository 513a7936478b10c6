"""Finding by a structure beside the store that names passages by number, of which the store says what may be searched."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

from autobot.contexts.knowledge.ports.index import Hit, PassageIndex, StoredVector, StoredWords, Where
from autobot.contracts.knowledge.passages import passage_id

DEEPER: Final = 4
"""How many times more passages are looked at when too few of the best may be searched."""
TRIES: Final = 4
"""Times that a search is begun again because passages came while it ran, or too few may be searched."""
BEHIND: Final = 200
"""New passages that a search lists itself; when more came, it is answered by the store."""
PAGE: Final = 500
"""Passages that are read in one step when nobody waits."""
ON_LOOP: Final = 200_000
"""Passages up to which looking (about a millisecond) is not worth another thread."""

Stored = TypeVar("Stored", StoredVector, StoredWords)
Best: TypeAlias = Callable[[int], tuple[Sequence[tuple[int, float]], bool]]
"""Returns numbers and scores of the best `most` passages at least, in any order; and whether there are no others. Called
on another thread when there are many passages."""


class Newest(ABC, Generic[Stored]):
    """Passages that came after the greater part of a structure was made, held in memory.

    `last` is the number up to which they are known.
    """

    last: int

    @abstractmethod
    def __len__(self) -> int:
        """Return how many there are."""

    @abstractmethod
    def add(self, page: Sequence[Stored]) -> None:
        """Add passages with higher numbers."""


class Listed(ABC, Generic[Stored]):
    """A structure that knows all passages up to a number: `made` of them in one piece, the `newest` beside it."""

    def __init__(self, made: int, newest: Newest[Stored]) -> None:
        self.made = made
        self.newest: Newest[Stored] = newest
        self.over = False
        """It holds what was erased, and lies in no file any more. It is searched until another one is made, as the store
        says who stands."""

    def __len__(self) -> int:
        return self.made + len(self.newest)

    @abstractmethod
    async def page(self, store: PassageIndex, after: int, limit: int) -> Sequence[Stored]:
        """Return what the store has of passages with a number above `after`, in order of numbers."""

    def outgrown(self, there: int, growth: float) -> bool:
        """Return whether so much changed since it was made that it is worth making anew.

        `there`: passages that it should know now; `growth`: share of new or gone ones. Those that took the place of others
        are new.
        """
        return max(abs(there - self.made), len(self.newest)) > growth * self.made

    async def follow(self, store: PassageIndex, last: int, most: int) -> bool:
        """List what came up to `last`. Returns False when it is more than `most` passages: these are listed, no more."""
        newest = self.newest
        if newest.last >= last:
            return True
        page = await self.page(store, newest.last, most)
        # Another search may have listed them meanwhile.
        newest.add([one for one in page if one.number > newest.last])
        if len(page) == most:
            return False
        newest.last = max(newest.last, last)
        return True

    async def behind(self, store: PassageIndex) -> bool:
        """Say whether passages came that are not listed yet."""
        return (await store.standing((), Where())).last > self.newest.last

    async def keep_up(self, store: PassageIndex, enough: Callable[[], bool]) -> None:
        """List all that is there, or until there is `enough`."""
        last = (await store.standing((), Where())).last
        while not await self.follow(store, last, PAGE) and not enough():
            pass

    async def found(self, store: PassageIndex, best: Best, where: Where, limit: int) -> Sequence[Hit] | None:
        """Return the best passages that may be searched, as of one moment; None when the store itself must be asked.

        That is when more comes than can be followed, or when hardly any of the best may be searched.
        """
        most = limit
        for _ in range(TRIES):
            numbered, whole = await asyncio.to_thread(best, most) if len(self) > ON_LOOP else best(most)
            standing = await store.standing([number for number, _ in numbered], where)
            if standing.last > self.newest.last:
                # A passage that stands no more may have made room for one that is not listed yet.
                if not await self.follow(store, standing.last, BEHIND):
                    return None
                continue
            places = standing.places
            hits = [(-score, places[number]) for number, score in numbered if number in places]
            if whole or len(hits) >= limit:
                # Best first, and those of one score by their places.
                return [Hit(passage_id(*place), place[0], -below) for below, place in sorted(hits)[:limit]]
            most *= DEEPER
        return None
