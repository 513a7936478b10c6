"""Collections as those see them who may."""

from __future__ import annotations

from typing import Any

import msgspec

from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.views import collection_view
from autobot.contracts.knowledge import collections as contract
from autobot.contracts.knowledge import documents
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.projection import Projection


class CollectionQueries:
    """One method a query."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def get(self, query: contract.GetCollection, context: CallContext) -> contract.CollectionView:
        """Return a collection."""
        found = (await self._library.collection(query.id)).collection
        found.require_readable(context.principal)
        held = await self._library.documents_in(found.id)
        return collection_view(found, context.principal, held)

    async def list(self, query: contract.ListCollections, context: CallContext) -> contract.CollectionPage:
        """Return a page, by name."""
        place = decode_cursor(query.cursor, 2)
        found = [
            one
            for one in await self._library.readable(context.principal)
            if place is None or (one.name.casefold(), one.id) > place
        ]
        page = found[: query.limit]
        items = [
            collection_view(one, context.principal, await self._library.documents_in(one.id)) for one in page
        ]
        more = len(found) > len(page)
        return contract.CollectionPage(
            items=tuple(items),
            next_cursor=encode_cursor(page[-1].name.casefold(), page[-1].id) if more else None,
        )

    async def folders(self, query: contract.ListFolders, context: CallContext) -> contract.FolderPage:
        """Return the watched folders."""
        found = await self._library.folders()
        return contract.FolderPage(items=tuple(msgspec.convert(one, contract.FolderView) for one in found))


def collections_then(codec: EventCodec) -> Projection:
    """Return the read model of collections: whose they are and who may, without names, which are somebody's text."""
    types = tuple(one.TYPE for one in contract.EVENTS)
    return latest("collections", types, codec.unwrap, prefix="collection-", change=_collection_then)


def _collection_then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case contract.CollectionCreated() | contract.CollectionChanged():
            return {
                "owner": event.owner,
                "readers": list(event.readers),
                "writers": list(event.writers),
                "everybody": event.everybody,
            }
        case contract.CollectionDeleted():
            return None
    return before


def documents_then(codec: EventCodec) -> Projection:
    """Return the read model of documents: which version was in force, and what had become of the newest."""
    types = tuple(one.TYPE for one in documents.EVENTS)
    return latest("documents", types, codec.unwrap, prefix="document-", change=_document_then)


def _document_then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case documents.DocumentReceived():
            place = {"collection": event.collection, "owner": event.owner}
            return {**before, **place, "version": event.version, "state": "queued"}
        case documents.DocumentChanged():
            return {**before, "collection": event.collection}
        case documents.IndexingRequested():
            return {**before, "version": event.version, "state": "queued"}
        case documents.DocumentIndexed():
            found = {"ready_version": event.version, "passages": event.passages, "model": event.model}
            return {**before, **found, "state": "ready"}
        case documents.DocumentFailed():
            return {**before, "state": "failed", "error": event.error.code}
        case documents.IndexingCancelled():
            return {**before, "state": "cancelled"}
        case documents.DocumentDeleted():
            return None
    return before
