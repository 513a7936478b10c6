"""The read side: sagas in a list, and one with its whole way."""

from __future__ import annotations

from autobot.contexts.sagas.domain import subject_of
from autobot.contexts.sagas.ports import StoredSagas
from autobot.contracts import sagas
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document, Query
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.shelf import failure_in


class SagaQueries:
    """One method a query."""

    def __init__(self, store: EventStore, stored: StoredSagas) -> None:
        self._store, self._stored = store, stored

    async def page(self, query: sagas.ListSagas, context: CallContext) -> sagas.SagaPage:
        """Return a page, the newest first."""
        place = decode_cursor(query.cursor, 2)
        wanted = Query(
            table=facts.SAGAS,
            group=query.group,
            after=None if place is None else (place[0], place[1]),
            limit=query.limit,
            order="descending",
        )
        found = await self._store.query(wanted)
        more = len(found) == query.limit
        return sagas.SagaPage(
            items=tuple(map(_row, found)),
            next_cursor=encode_cursor(found[-1].sort, found[-1].key) if more else None,
        )

    async def get(self, query: sagas.GetSaga, context: CallContext) -> sagas.SagaDetail:
        """Return one with its whole way."""
        saga = await self._stored.load(query.saga_id)
        return saga.detail(self._stored.today(saga))


def _row(found: Document) -> sagas.SagaView:
    document = dict(found.document)
    return sagas.SagaView(
        id=found.key,
        definition=document["definition"],
        state=document["state"],
        subject=subject_of(document["input"]),
        started_at=document["started_at"],
        ended_at=document["ended_at"],
        error=failure_in(document),
    )
