"""The stored log of queries.

knowledge.queries   by id; owner: who asked, group: `poor` or `good`, sort: when it was asked
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from autobot.contexts.knowledge.domain.query import LoggedSearch
from autobot.contracts.knowledge.queries import WhichQueries
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Query

QUERIES: Final = "knowledge.queries"
POOR, GOOD = "poor", "good"


class Queries:
    """Typed reads of it."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def page(
        self, owner: str | None, which: WhichQueries, after: tuple[str, str] | None, limit: int
    ) -> Sequence[LoggedSearch]:
        """Return searches of one or of all, the newest first; `after` is (at, id) of the last one seen."""
        wanted = Query(
            table=QUERIES,
            owner=owner,
            group=POOR if which == "poor" else None,
            after=after,
            limit=limit,
            order="descending",
        )
        return [msgspec.convert(one.document, LoggedSearch) for one in await self._store.query(wanted)]

    async def ids_of(self, owner: str, limit: int) -> Sequence[str]:
        """Return the ids of somebody's searches, the oldest first."""
        found = await self._store.query(Query(table=QUERIES, owner=owner, limit=limit))
        return [one.key for one in found]

    async def oldest(self, limit: int) -> Sequence[tuple[str, str]]:
        """Return the oldest searches, each by id and when it was asked."""
        return [(one.key, one.sort) for one in await self._store.query(Query(table=QUERIES, limit=limit))]

    async def count(self) -> int:
        """Return how many there are."""
        return await self._store.count(Query(table=QUERIES))


def put_query(search: LoggedSearch) -> Put:
    """Write one."""
    return Put(
        table=QUERIES,
        key=search.id,
        document=msgspec.to_builtins(search),
        owner=search.user_id,
        group=POOR if search.poor else GOOD,
        sort=search.at,
    )
