"""Documents as people see them: with their state now, and how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.domain.document import Document
from autobot.contexts.knowledge.ports.documents import DOCUMENTS, Library
from autobot.contexts.knowledge.ports.views import document_view, progress_of
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge.words import ENDED
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import Conflict
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Query

PAGE = 200
LOOK_S = 0.2
"""How often somebody who waits for a document looks at it, in seconds."""
MARGIN_S = 0.5
"""Seconds before a caller's deadline at which they are told how it is."""


class DocumentQueries:
    """One method a query."""

    def __init__(self, store: EventStore, library: Library, clock: Clock) -> None:
        self._store, self._library, self._clock = store, library, clock

    async def get(self, query: contract.GetDocument, context: CallContext) -> contract.DocumentView:
        """Return a document."""
        document, collection = await self._library.readable_document(query.id, context.principal)
        return await self._view(document, collection, context, await self._library.under_way())

    async def wait(self, query: contract.AwaitDocument, context: CallContext) -> contract.DocumentView:
        """Return a document when it is ready, failed or cancelled, or as it is when the time is up."""
        until = self._clock.monotonic() + query.seconds
        if context.deadline is not None:
            until = min(until, context.deadline - MARGIN_S)
        while True:
            # Whoever indexes may be another process, so the store is what tells.
            view = await self.get(contract.GetDocument(id=query.id), context)
            left = until - self._clock.monotonic()
            if view.status in ENDED or left <= 0:
                return view
            await asyncio.sleep(min(LOOK_S, left))

    async def list(self, query: contract.ListDocuments, context: CallContext) -> contract.DocumentPage:
        """Return a page, the newest first."""
        collections = await self._asked(query.collection, context.principal)
        place = decode_cursor(query.cursor, 2)
        after = None if place is None else (place[0], place[1])
        found = await self._page(query, tuple(collections), after)
        more = len(found) > query.limit
        shown, under_way = found[: query.limit], await self._library.under_way()
        items = [await self._view(one, collections[one.collection], context, under_way) for one in shown]
        last = shown[-1] if more else None
        return contract.DocumentPage(
            items=tuple(items), next_cursor=encode_cursor(last.created, last.id) if last else None
        )

    async def _asked(self, wanted: str | None, who: Principal) -> Mapping[str, Collection]:
        if wanted is None:
            return {one.id: one for one in await self._library.readable(who)}
        found = (await self._library.collection(wanted)).collection
        found.require_readable(who)
        return {found.id: found}

    async def _page(
        self, query: contract.ListDocuments, collections: Sequence[str], after: tuple[str, str] | None
    ) -> Sequence[Document]:
        """Return the newest documents of these collections below a place, one more than the page has."""
        found: list[Document] = []
        for one in collections:
            found += await self._newest(query, one, after)
        found.sort(key=lambda one: (one.created, one.id), reverse=True)
        return found[: query.limit + 1]

    async def _newest(
        self, query: contract.ListDocuments, collection: str, after: tuple[str, str] | None
    ) -> Sequence[Document]:
        wanted = Query(
            table=DOCUMENTS, group=collection, text=query.text, after=after, limit=PAGE, order="descending"
        )
        found: list[Document] = []
        while True:
            rows = await self._store.query(wanted)
            for row in rows:
                document = msgspec.convert(row.document, Document)
                if query.state not in (None, document.state) or query.tag not in (None, *document.tags):
                    continue
                found.append(document)
                if len(found) > query.limit:
                    return found
            if len(rows) < PAGE:
                return found
            wanted = replace(wanted, after=(rows[-1].sort, rows[-1].key))

    async def _view(
        self, document: Document, collection: Collection, context: CallContext, under_way: Mapping[str, Any]
    ) -> contract.DocumentView:
        place = None
        if document.state == "queued" and document.id not in under_way:
            place = await self._library.place(document.id)
        progress = progress_of(document, under_way, place)
        return document_view(document, progress, may_write=collection.writable(context.principal))

    # ------------------------------------------------------------------------------------------------ content

    async def original(self, query: contract.GetOriginal, context: CallContext) -> contract.OriginalView:
        """Return where the newest original lies."""
        document, _ = await self._library.readable_document(query.id, context.principal)
        if document.original is None:
            raise Conflict("What lies at the address of this document was not fetched yet.")
        file = document.original.file
        return contract.OriginalView(
            blob=document.original.blob,
            size=file.size,
            sha256=file.sha256,
            filename=file.filename or document.title,
            media_type=file.media_type,
        )
