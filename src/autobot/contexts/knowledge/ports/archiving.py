"""Writes a collection as an archive, piece by piece: however large it is, one piece is in memory at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from autobot.contexts.knowledge.domain.archive import (
    END,
    FINISH,
    FORMAT,
    HEAD,
    VERSION,
    WITHOUT,
    Asked,
    Described,
    End,
    Head,
    QuestionSetSaid,
    Version,
    document_name,
    header,
    original_name,
    padding,
    said,
    set_name,
    version_name,
)
from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.domain.document import Document, stream_of
from autobot.contexts.knowledge.domain.question_set import QuestionSet
from autobot.contexts.knowledge.ports.blobs import Blobs, pieces
from autobot.contexts.knowledge.ports.documents import DOCUMENTS, Library
from autobot.contexts.knowledge.ports.question_sets import QuestionSets
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge.archives import VERSIONS_MAX
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Query

PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A version before, and where its bytes lie."""

    said: Version
    blob: str


class Exporter:
    """Makes archives."""

    def __init__(self, store: EventStore, codec: EventCodec, blobs: Blobs, clock: Clock) -> None:
        self._store, self._codec, self._blobs, self._clock = store, codec, blobs, clock
        self._library, self._sets = Library(store), QuestionSets(store)

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
                without=WITHOUT,
            ),
        )[1]
        digest, number = sha256(), 0
        async for document in self._documents(collection.id):
            number += 1
            earlier, newest = await self._earlier(document)
            described = _described(document, newest, tuple(one.said for one in earlier))
            raw, entry = said(document_name(number), described)
            digest.update(raw)
            yield entry
            for place, one in enumerate(earlier, start=1):
                async for piece in self._bytes(version_name(number, place), one.blob, one.said.size):
                    yield piece
            if document.original is not None:
                name = original_name(number)
                async for piece in self._bytes(name, document.original.blob, described.size):
                    yield piece
        sets = sorted(await self._sets.of_collection(collection.id), key=lambda one: one.set.id)
        for place, stored in enumerate(sets, start=1):
            raw, entry = said(set_name(place), _set_said(stored.set))
            digest.update(raw)
            yield entry
        end = End(documents=number, question_sets=len(sets), sha256=digest.hexdigest())
        yield said(END, end)[1] + FINISH

    async def _bytes(self, name: str, blob: str, size: int) -> AsyncIterator[bytes]:
        """Yield an entry with the bytes that lie as `blob`."""
        yield header(name, size)
        sent = 0
        async for piece in pieces(self._blobs, blob):
            sent += len(piece)
            yield piece
        if sent != size:
            raise NotFound("A document was deleted while the collection was written.")
        yield padding(size)

    async def _earlier(self, document: Document) -> tuple[Sequence[Kept], int]:
        """Return the versions before that have bytes of their own, and the number of the newest one with such.

        The oldest first; the newest of them when there are many.
        """
        if document.original is None or len(document.blobs) < 2:
            return (), document.version
        found: list[Kept] = []
        then, newest = Document(id=document.id), document.version
        for recorded in await self._store.read_stream(stream_of(document.id)):
            fact = self._codec.unwrap(recorded)
            then = then.after(fact, recorded.message.time)
            if not isinstance(fact, contract.DocumentReceived | contract.DocumentFetched):
                continue
            if fact.original is not None and fact.original.blob == document.original.blob:
                newest = fact.version
            elif fact.original is not None:
                said_of = _version(then, fact.version, fact.original, rfc3339(recorded.message.time))
                found.append(Kept(said=said_of, blob=fact.original.blob))
        kept = [one for one in found if await self._blobs.stat(one.blob) is not None]
        return kept[-VERSIONS_MAX:], newest

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


def _version(document: Document, number: int, original: contract.Original, at: str) -> Version:
    return Version(
        title=document.title,
        tags=document.tags,
        source=document.source,
        url=document.url,
        filename=original.file.filename,
        media_type=original.file.media_type,
        size=original.file.size,
        sha256=original.file.sha256,
        version=number,
        created_at=at,
    )


def _described(document: Document, number: int, earlier: tuple[Version, ...]) -> Described:
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
        version=number,
        created_at=document.created,
        updated_at=document.updated,
        id=document.id,
        earlier=earlier,
    )


def _set_said(kept: QuestionSet) -> QuestionSetSaid:
    asked = tuple(Asked(query=one.query, relevant=dict(one.relevant)) for one in kept.questions)
    return QuestionSetSaid(id=kept.id, name=kept.name, questions=asked)
