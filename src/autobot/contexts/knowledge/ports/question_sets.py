"""The stored state of question sets.

knowledge.question_sets   by id; group: its collection, owner: who made it, sort: its name
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from autobot.contexts.knowledge.domain.question_set import QuestionSet
from autobot.contexts.knowledge.ports.measurements import Measurements
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document, Put, Query

QUESTION_SETS: Final = "knowledge.question_sets"
PAGE: Final = 20
"""Sets that are read at once where all are looked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSet:
    """A set with the version of its row, and the ids of what was measured by it."""

    set: QuestionSet
    row: int = 0
    measured: tuple[str, ...] = ()


class QuestionSets:
    """Typed reads of them."""

    def __init__(self, store: EventStore) -> None:
        self._store, self._measurements = store, Measurements(store)

    async def one(self, set_id: str) -> StoredSet:
        """Return a set; one that was never made has revision 0."""
        row = await self._store.get(QUESTION_SETS, set_id)
        if row is None:
            return StoredSet(set=QuestionSet(id=set_id))
        return StoredSet(set=msgspec.convert(row.document, QuestionSet), row=row.version)

    async def page(self, collection: str, after: tuple[str, str] | None, limit: int) -> Sequence[QuestionSet]:
        """Return a collection's sets, by name; `after` is (name in lower case, id) of the last one seen."""
        wanted = Query(table=QUESTION_SETS, group=collection, after=after, limit=limit)
        return [msgspec.convert(one.document, QuestionSet) for one in await self._store.query(wanted)]

    async def count(self, collection: str) -> int:
        """Return how many sets a collection has."""
        return await self._store.count(Query(table=QUESTION_SETS, group=collection))

    async def of_collection(self, collection: str) -> Sequence[StoredSet]:
        """Return all sets of a collection, with what was measured by them; their number is bounded."""
        found = await self._store.query(Query(table=QUESTION_SETS, group=collection, limit=1000))
        return [await self._whole(one) for one in found]

    async def whole(self, set_id: str) -> StoredSet:
        """Return a set with what was measured by it."""
        row = await self._store.get(QUESTION_SETS, set_id)
        return StoredSet(set=QuestionSet(id=set_id)) if row is None else await self._whole(row)

    async def with_words_of(self, user_id: str) -> Sequence[StoredSet]:
        """Return the sets that a user made or wrote a question of. All sets are looked through for that."""
        found: list[StoredSet] = []
        after: tuple[str, str] | None = None
        while True:
            wanted = Query(table=QUESTION_SETS, after=after, limit=PAGE)
            page = await self._store.query(wanted)
            for one in page:
                kept = msgspec.convert(one.document, QuestionSet)
                if kept.owner == user_id or any(asked.by == user_id for asked in kept.questions):
                    found.append(await self._whole(one))
            if len(page) < PAGE:
                return found
            after = (page[-1].sort, page[-1].key)

    async def _whole(self, row: Document) -> StoredSet:
        measured = await self._measurements.of_set(row.key)
        return StoredSet(
            set=msgspec.convert(row.document, QuestionSet),
            row=row.version,
            measured=tuple(one.id for one in measured),
        )


def put_set(kept: QuestionSet, row: int) -> Put:
    """Write a set, unless it changed meanwhile."""
    return Put(
        table=QUESTION_SETS,
        key=kept.id,
        document=msgspec.to_builtins(kept),
        owner=kept.owner,
        group=kept.collection,
        sort=kept.name.casefold(),
        expected=row,
    )
