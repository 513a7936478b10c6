"""The log of queries as people see it, and searching with that log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from autobot.contexts.knowledge.domain.query import LoggedSearch
from autobot.contexts.knowledge.ports.queries import Queries
from autobot.contexts.knowledge.read_model.searching import SearchQueries
from autobot.contracts import chat
from autobot.contracts.knowledge import queries as contract
from autobot.contracts.knowledge.search import SearchAnswer, SearchKnowledge
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Filter

Heard = Callable[[SearchKnowledge, SearchAnswer, CallContext], None]
REPLIES: Final = 5
"""Replies of one cause that are looked at."""


class LoggedSearches:
    """Searches, and tells of each."""

    def __init__(self, searches: SearchQueries, heard: Heard) -> None:
        self._searches, self._heard = searches, heard

    async def search(self, query: SearchKnowledge, context: CallContext) -> SearchAnswer:
        """Answer a search, as `SearchQueries` does. One that is refused is not told of."""
        answer = await self._searches.search(query, context)
        self._heard(query, answer, context)
        return answer


class LogQueries:
    """One method a query."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        self._store, self._codec, self._queries = store, codec, Queries(store)

    async def own(self, query: contract.ListQueries, context: CallContext) -> contract.QueryPage:
        """Return one's own, the newest first."""
        return await self._page(context.principal.user_id, query)

    async def everybodys(self, query: contract.ListQueriesOfAll, context: CallContext) -> contract.QueryPage:
        """Return everybody's, the newest first."""
        return await self._page(None, query)

    async def _page(
        self, owner: str | None, query: contract.ListQueries | contract.ListQueriesOfAll
    ) -> contract.QueryPage:
        after = decode_cursor(query.cursor, 2)
        place = None if after is None else (after[0], after[1])
        found = await self._queries.page(owner, query.which, place, query.limit + 1)
        page = found[: query.limit]
        more = len(found) > len(page)
        return contract.QueryPage(
            items=tuple([_shown(one, await self._cited(one)) for one in page]),
            next_cursor=encode_cursor(page[-1].at, page[-1].id) if more else None,
        )

    async def _cited(self, search: LoggedSearch) -> bool | None:
        """Return whether the reply that this search was made for cites what it found; None when there is no such reply."""
        where = Filter(types=(chat.ReplyRecorded.TYPE,), correlation_id=search.correlation_id)
        replies = [self._codec.unwrap(one) for one in await self._store.read_all(limit=REPLIES, where=where)]
        sources = [
            cited.source
            for one in replies
            if isinstance(one, chat.ReplyRecorded)
            for cited in one.reply.citations
        ]
        if not any(isinstance(one, chat.ReplyRecorded) for one in replies):
            return None
        return any(document in source for document in search.documents for source in sources)


def _shown(search: LoggedSearch, cited: bool | None) -> contract.LoggedQuery:
    return contract.LoggedQuery(
        id=search.id,
        at=search.at,
        query=search.query,
        user_id=search.user_id,
        username=search.username,
        collection=search.collection,
        mode=search.mode,
        group=search.group,
        limit=search.limit,
        rerank=search.rerank,
        outcome=search.outcome,
        found=search.found,
        by_words=search.by_words,
        best_score=search.best_score,
        nearest=search.nearest,
        model=search.model,
        degraded=search.degraded,
        took=search.took,
        cited=cited,
    )
