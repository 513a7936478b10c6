"""Writes a collection as an archive, piece by piece: however large it is, one piece is in memory at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Final

from autobot.contexts.knowledge.domain.archive import (
    END,
    FINISH,
    FORMAT,
    HEAD,
    VERSION,
    Described,
    End,
    Head,
    document_name,
    header,
    original_name,
    padding,
    said,
)
from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.domain.document import Document
from autobot.contexts.knowledge.ports.blobs import Blobs, pieces
from autobot.contexts.knowledge.ports.documents import DOCUMENTS, Library
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Query

PAGE: Final = 100


class Exporter:
    """Makes archives."""

    def __init__(self, store: EventStore, blobs: Blobs, clock: Clock) -> None:
        self._store, self._blobs, self._clock = store, blobs, clock
        self._library = Library(store)

    async def of(self, collection_id: str, context: CallContext) -> AsyncIterator[bytes]:
        """Yield the archive of a collection that the caller may read. Raises NotFound before the first piece."""
        collection = (await self._library.collection(collection_id)).collection
        collection.require_readable(context.principal)
        async for piece in self.whole(collection):
            yield piece

    async def whole(self, collection: Collection) -> AsyncIterator[bytes]:
        """Yield the archive of a collection, whoever asks.

        A document that is deleted before its turn is left out. Raises NotFound when the bytes of one go while they are
        written: then the archive is cut off, and nobody takes it in.
        """
        counted = await self._library.documents_in(collection.id)
        yield said(
            HEAD,
            Head(
                format=FORMAT,
                version=VERSION,
                id=collection.id,
                name=collection.name,
                documents=counted,
                written_at=rfc3339(self._clock.now()),
            ),
        )[1]
        digest, number = sha256(), 0
        async for document in self._documents(collection.id):
            number += 1
            raw, entry = said(document_name(number), _described(document))
            digest.update(raw)
            yield entry
            if document.original is None:
                continue
            size, sent = document.original.file.size, 0
            yield header(original_name(number), size)
            async for piece in pieces(self._blobs, document.original.blob):
                sent += len(piece)
                yield piece
            if sent != size:
                raise NotFound("A document was deleted while the collection was written.")
            yield padding(size)
        yield said(END, End(documents=number, sha256=digest.hexdigest()))[1] + FINISH

    async def _documents(self, collection: str) -> AsyncIterator[Document]:
        after: tuple[str, str] | None = None
        while page := await self._store.query(
            Query(table=DOCUMENTS, group=collection, after=after, limit=PAGE)
        ):
            for row in page:
                document = (await self._library.document(row.key)).document
                here = document.exists and document.collection == collection
                if here and await self._can_be_taken(document):
                    yield document
            after = page[-1].sort, page[-1].key

    async def _can_be_taken(self, document: Document) -> bool:
        """Say whether its bytes are there, or its address is all that there is of it."""
        if document.original is None:
            return bool(document.url)
        return await self._blobs.stat(document.original.blob) is not None


def _described(document: Document) -> Described:
    file = None if document.original is None else document.original.file
    return Described(
        title=document.title,
        tags=document.tags,
        source=document.source,
        url=document.url,
        filename="" if file is None else file.filename,
        media_type="" if file is None else file.media_type,
        size=0 if file is None else file.size,
        sha256="" if file is None else file.sha256,
        version=document.version,
        created_at=document.created,
        updated_at=document.updated,
    )
