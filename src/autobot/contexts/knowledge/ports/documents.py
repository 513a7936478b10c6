"""The context's stored state: collections, documents, the queue of those that are to be indexed.

Tables, with what their rows are found by:

    knowledge.collections   by id; owner: its owner, sort: its name
    knowledge.documents     by id; group: its collection, owner: who brought it, sort: when it came
    knowledge.queue         by id of the document; group: `work`, or `vectors` for those that only lack these; who works
                            on it has a claim on it (`claim`)
    knowledge.retired       by id: deleted ones that searches as of before still find; owner: who brought it
    knowledge.files         by collection and SHA-256: the document that has this file
    knowledge.originals     by blob: the document that has these bytes
    knowledge.watched       by file of a watched folder: as it was seen last, and its document; owner: its folder
    knowledge.folders       by watched folder: how it is
    knowledge.indexing      by process: how far those are that it works on now
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.domain.document import Document
from autobot.contexts.knowledge.ports.index import Labels
from autobot.kernel.core.context import Principal
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Put, Query
from autobot.kernel.event_store.transaction import Document as Row

COLLECTIONS: Final = "knowledge.collections"
DOCUMENTS: Final = "knowledge.documents"
QUEUE: Final = "knowledge.queue"
FILES: Final = "knowledge.files"
RETIRED: Final = "knowledge.retired"
ORIGINALS: Final = "knowledge.originals"
WATCHED: Final = "knowledge.watched"
FOLDERS: Final = "knowledge.folders"
INDEXING: Final = "knowledge.indexing"
WORK, VECTORS = "work", "vectors"
MANY: Final = 1000
"""Collections that are looked through at most for those that somebody may read."""

PAGE: Final = 100
LATER: Final = "~"
"""Comes after every id."""
Write = Put | Delete


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A document with the version of its row."""

    document: Document
    row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCollection:
    """A collection with the version of its row."""

    collection: Collection
    row: int = 0


class Library:
    """Typed reads of the context's state."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def document(self, document_id: str) -> StoredDocument:
        """Return a document; one that never came has version 0."""
        row = await self._store.get(DOCUMENTS, document_id)
        if row is None:
            return StoredDocument(document=Document(id=document_id))
        return StoredDocument(document=msgspec.convert(row.document, Document), row=row.version)

    async def labels(self, document_id: str, position: int) -> Labels | None:
        """Return what the index is to say of a document from a position on; None when it is gone."""
        document = (await self.document(document_id)).document
        return labels_of(document, position) if document.exists else None

    async def collection(self, collection_id: str) -> StoredCollection:
        """Return a collection; one that was never made does not exist."""
        row = await self._store.get(COLLECTIONS, collection_id)
        if row is None:
            return StoredCollection(collection=Collection(id=collection_id))
        return StoredCollection(collection=msgspec.convert(row.document, Collection), row=row.version)

    async def collections(self) -> Sequence[Collection]:
        """Return every collection, by name."""
        found = await self._store.query(Query(table=COLLECTIONS, limit=MANY))
        return [msgspec.convert(one.document, Collection) for one in found]

    async def readable(self, who: Principal) -> Sequence[Collection]:
        """Return the collections that `who` may read, by name."""
        return [one for one in await self.collections() if one.readable(who) or one.managed(who)]

    async def readable_document(self, document_id: str, who: Principal) -> tuple[Document, Collection]:
        """Return a document with its collection. Raises NotFound when it is gone or `who` may not read it."""
        document = (await self.document(document_id)).document
        document.require()
        collection = (await self.collection(document.collection)).collection
        collection.require_readable(who)
        return document, collection

    async def of_file(self, collection: str, sha256: str) -> tuple[str, int]:
        """Return the document of a collection that has a file, and the version of that row; empty and 0 for none."""
        row = await self._store.get(FILES, file_key(collection, sha256))
        return ("", 0) if row is None else (str(row.document["document"]), row.version)

    async def documents_in(self, collection: str) -> int:
        """Return how many documents a collection has."""
        return await self._store.count(Query(table=DOCUMENTS, group=collection))

    async def brought_by(self, user_id: str, limit: int) -> tuple[Sequence[Document], Sequence[Document]]:
        """Return documents that a user brought: those that are there, and deleted ones that the past still has."""
        here = await self._store.query(Query(table=DOCUMENTS, owner=user_id, limit=limit))
        left = limit - len(here)
        gone = await self._store.query(Query(table=RETIRED, owner=user_id, limit=left)) if left else ()
        return (
            [msgspec.convert(one.document, Document) for one in here],
            [msgspec.convert(one.document, Document) for one in gone],
        )

    async def owned_by(self, user_id: str) -> Sequence[StoredCollection]:
        """Return the collections of a user."""
        found = await self._store.query(Query(table=COLLECTIONS, owner=user_id, limit=MANY))
        return [
            StoredCollection(collection=msgspec.convert(one.document, Collection), row=one.version)
            for one in found
        ]

    async def place(self, document_id: str) -> int | None:
        """Return how many documents come before one in the queue; None when it is not in it."""
        row = await self._store.get(QUEUE, document_id)
        if row is None or row.group != WORK:
            return None
        before = Query(table=QUEUE, group=WORK, after=(row.sort, row.key), order="descending")
        return await self._store.count(before)

    async def waiting(self, group: str) -> AsyncIterator[Row]:
        """Yield the rows of the queue, those that come next first."""
        after: tuple[str, str] | None = None
        while page := await self._store.query(Query(table=QUEUE, group=group, after=after, limit=PAGE)):
            for row in page:
                yield row
            after = page[-1].sort, page[-1].key

    async def in_queue(self, document_id: str) -> Row | None:
        """Return the row of the queue that a document has."""
        return await self._store.get(QUEUE, document_id)

    async def folders(self) -> Sequence[Mapping[str, Any]]:
        """Return how the watched folders are."""
        return [one.document for one in await self._store.query(Query(table=FOLDERS, limit=MANY))]

    async def under_way(self) -> dict[str, Any]:
        """Return how far those are that are worked on, by document, and who works on them (`by`)."""
        found = await self._store.query(Query(table=INDEXING, limit=MANY))
        return {
            document: {**step, "by": "" if row.key == INDEXING else row.key}
            for row in found
            for document, step in row.document.items()
        }


def labels_of(document: Document, position: int) -> Labels:
    """Return what the index is to say of a document from a position on."""
    return Labels(
        document_id=document.id,
        collection=document.collection,
        title=document.title,
        position=position,
        tags=document.tags,
    )


def file_key(collection: str, sha256: str) -> str:
    """Return where the document stands that has a file."""
    return f"{collection}:{sha256}"


def put_collection(collection: Collection, row: int) -> Put:
    """Write a collection, unless it changed meanwhile."""
    return Put(
        table=COLLECTIONS,
        key=collection.id,
        document=msgspec.to_builtins(collection),
        owner=collection.owner,
        sort=collection.name.casefold(),
        expected=row,
    )


def put_document(document: Document, row: int) -> Put:
    """Write a document, unless it changed meanwhile. Its title can be searched."""
    return Put(
        table=DOCUMENTS,
        key=document.id,
        document=msgspec.to_builtins(document),
        owner=document.owner,
        group=document.collection,
        sort=document.created,
        text=document.title,
        expected=row,
    )


def put_retired(document: Document) -> Put:
    """Put a deleted document aside."""
    return Put(table=RETIRED, key=document.id, document=msgspec.to_builtins(document), owner=document.owner)


def put_waiting(document: Document, group: str, sort: str, expected: int | None = None) -> Put:
    """Put a document into the queue, behind those with a lower `sort`; with `expected` 0 only if it is not there.

    Files of watched folders come after all that somebody brought, and waits for: there may be thousands of them.
    """
    row = {"version": document.version}
    if document.source == "folder":
        sort = LATER + sort
    return Put(table=QUEUE, key=document.id, document=row, group=group, sort=sort, expected=expected)


def claim_on(row: Row) -> str:
    """Return whose claim a row of the queue has; empty when it has none."""
    return str(row.document.get("claim", ""))


def put_claimed(row: Row, claim: str) -> Put:
    """Let somebody have a claim on a document of the queue, unless its row changed meanwhile."""
    document = {**row.document, "claim": claim}
    return Put(
        table=QUEUE, key=row.key, document=document, group=row.group, sort=row.sort, expected=row.version
    )
