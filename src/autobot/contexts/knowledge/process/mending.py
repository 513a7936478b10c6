"""Brings the index and the originals back to what the documents say: after a restore, a loss, or an upload in vain.

The index follows from the log and from the texts beside the originals: which version was found from which position on
is in each document's stream. So an index that was lost is made anew, with its past.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

import msgspec

from autobot.contexts.knowledge.domain.document import Document, stream_of
from autobot.contexts.knowledge.ports.blobs import Blobs
from autobot.contexts.knowledge.ports.documents import (
    DOCUMENTS,
    ORIGINALS,
    RETIRED,
    VECTORS,
    labels_of,
    put_waiting,
)
from autobot.contexts.knowledge.ports.index import IndexedVersion, PassageIndex
from autobot.contexts.knowledge.ports.parsing import parsed_of
from autobot.contexts.knowledge.process.cutting import passages_of
from autobot.contracts.knowledge import documents as contract
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Conflict, DataCorrupt, NotFound
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document as Row
from autobot.kernel.event_store.transaction import Query, Transaction

PAGE: Final = 200
AGE: Final = timedelta(hours=1)
"""How old an upload is that nobody waits for any more."""


class Mender:
    """Looks through all documents once. Doing it again changes nothing."""

    def __init__(
        self,
        store: EventStore,
        codec: EventCodec,
        blobs: Blobs,
        index: PassageIndex,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store, self._codec, self._blobs, self._index = store, codec, blobs, index
        self._clock, self._ids = clock, ids

    async def run(self) -> None:
        """Do it."""
        await self._mend_index()
        await self._sweep()

    async def _mend_index(self) -> None:
        """Index what the documents say is indexed, and the index does not have."""
        after: tuple[str, str] | None = None
        while page := await self._store.query(Query(table=DOCUMENTS, after=after, limit=PAGE)):
            for row in page:
                document = msgspec.convert(row.document, Document)
                if document.ready_version and not await self._index.of_document(
                    document.id, document.ready_version
                ):
                    await self._again(document, row)
            after = page[-1].sort, page[-1].key

    async def _again(self, document: Document, row: Row) -> None:
        """Index every version of a document as from the position at which it was found first, by its words."""
        then, indexed = Document(id=document.id), 0
        for recorded in await self._store.read_stream(stream_of(document.id)):
            fact = self._codec.unwrap(recorded)
            then = then.after(fact, recorded.message.time)
            # Where it lies is no matter of the past: who may read it now may read all of it.
            there = replace(then, collection=document.collection)
            if isinstance(fact, contract.DocumentIndexed) and fact.version > indexed:
                indexed = fact.version
                await self._put(there, fact.version, recorded.position)
            elif isinstance(fact, contract.DocumentChanged):
                await self._index.label(labels_of(there, recorded.position))
        if document.state == "ready":
            wanted = put_waiting(document, VECTORS, self._ids.new())
            await self._store.commit(Transaction(writes=(wanted,)))

    async def _put(self, document: Document, version: int, position: int) -> None:
        try:
            parsed = await parsed_of(self._blobs, document.id, version)
        except (NotFound, DataCorrupt):
            # Without its text there is nothing to index: who reindexes it reads it anew.
            return
        passages = await asyncio.to_thread(passages_of, document.id, version, document.title, parsed)
        of = IndexedVersion(
            document_id=document.id,
            version=version,
            collection=document.collection,
            title=document.title,
            position=position,
            owner=document.owner,
            tags=document.tags,
        )
        # Another process may have indexed a newer one meanwhile.
        with suppress(Conflict):
            await self._index.put(of, passages, None)

    async def _sweep(self) -> None:
        """Remove originals that are nobody's: of an upload whose document was never asked for."""
        before = self._clock.now() - AGE
        await self._blobs.sweep(before)
        after = ""
        while page := await self._blobs.list(after=after, limit=PAGE):
            for blob in page:
                if blob.made < before and not await self._wanted(blob.id):
                    await self._blobs.remove(blob.id)
            after = page[-1].id

    async def _wanted(self, blob: str) -> bool:
        """Say whether a document has a blob, one that only the past still has included."""
        if await self._store.get(ORIGINALS, blob) is not None:
            return True
        document, _, rest = blob.partition(".")
        if not rest.endswith("text"):
            return False
        found = [await self._store.get(table, document) for table in (DOCUMENTS, RETIRED)]
        return any(one is not None for one in found)
