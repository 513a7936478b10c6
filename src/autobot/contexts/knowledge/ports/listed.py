"""Finding by a structure beside the store that names passages by number, of which the store says what may be searched."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from autobot.contexts.knowledge.ports.index import Hit, PassageIndex, Where
from autobot.contracts.knowledge.passages import passage_id

DEEPER: Final = 4
"""How many times more passages are looked at when too few of the best may be searched."""
TRIES: Final = 4
"""Times that a search is begun again because passages came while it ran, or too few may be searched."""
BEHIND: Final = 200
"""New passages that a search lists itself; when more came, it is answered by the store."""

ON_LOOP: Final = 200_000
"""Passages up to which looking (about a millisecond) is not worth another thread."""


class Listed(ABC):
    """A question asked of a structure that knows all passages up to a number."""

    def __init__(self, store: PassageIndex) -> None:
        self._store = store

    @property
    @abstractmethod
    def last(self) -> int:
        """The number up to which it knows them."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many passages it knows."""

    @abstractmethod
    def best(self, most: int) -> tuple[Sequence[tuple[int, float]], bool]:
        """Return numbers and scores of the best `most` passages at least, in any order; and whether there are no others.

        Called on another thread when there are many.
        """

    @abstractmethod
    async def follow(self, last: int, most: int) -> bool:
        """List what came up to `last`. Returns False when it is more than `most` passages: these are listed, no more."""

    async def found(self, where: Where, limit: int) -> Sequence[Hit] | None:
        """Return the best passages that may be searched, as of one moment; None when the store itself must be asked.

        That is when more comes than can be followed, or when hardly any of the best may be searched.
        """
        most = limit
        for _ in range(TRIES):
            if self.size > ON_LOOP:
                best, whole = await asyncio.to_thread(self.best, most)
            else:
                best, whole = self.best(most)
            standing = await self._store.standing([number for number, _ in best], where)
            if standing.last > self.last:
                # A passage that stands no more may have made room for one that is not listed yet.
                if not await self.follow(standing.last, BEHIND):
                    return None
                continue
            places = standing.places
            hits = [(-score, places[number]) for number, score in best if number in places]
            if whole or len(hits) >= limit:
                # Best first, and those of one score by their places.
                return [Hit(passage_id(*place), place[0], -below) for below, place in sorted(hits)[:limit]]
            most *= DEEPER
        return None
