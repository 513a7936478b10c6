"""Commands of people on documents: add, retry, reindex, cancel, delete, erase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from autobot.contexts.knowledge.domain.collection import Collection, own_of
from autobot.contexts.knowledge.domain.collection import stream_of as collection_stream
from autobot.contexts.knowledge.domain.document import Document, stream_of
from autobot.contexts.knowledge.handlers.archives import forgotten
from autobot.contexts.knowledge.handlers.collections import released, removed
from autobot.contexts.knowledge.handlers.parts import Parts, joined
from autobot.contexts.knowledge.handlers.question_sets import set_removed, words_removed
from autobot.contexts.knowledge.ports.documents import (
    DOCUMENTS,
    FILES,
    MANY,
    ORIGINALS,
    QUEUE,
    RETIRED,
    VECTORS,
    WORK,
    Library,
    StoredDocument,
    Write,
    file_key,
    put_collection,
    put_document,
    put_retired,
    put_waiting,
)
from autobot.contexts.knowledge.ports.imports import Imports, put_brought
from autobot.contexts.knowledge.ports.queries import QUERIES, Queries
from autobot.contexts.knowledge.ports.question_sets import QuestionSets
from autobot.contexts.knowledge.ports.views import document_view, progress_of
from autobot.contracts.knowledge import collections
from autobot.contracts.knowledge import documents as contract
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AlreadyExists, FieldError, InvalidInput, NotFound
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import ANY, Delete, Erase, Put


class DocumentHandlers:
    """One method a command."""

    def __init__(
        self,
        library: Library,
        sets: QuestionSets,
        queries: Queries,
        imports: Imports,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._library, self._sets, self._queries, self._imports = library, sets, queries, imports
        self._clock, self._ids = clock, ids

    # ------------------------------------------------------------------------------------------------ coming

    async def add(self, command: contract.AddDocument, context: CallContext) -> Decision[contract.Accepted]:
        """Take it in, unless the collection has this very file: then its document is the answer."""
        if (command.file is None) != (command.blob is None) or (command.file is None and not command.url):
            broken = FieldError(detail="a file with its blob, or an address", pointer="#/file")
            raise InvalidInput("A document needs a file or an address.", errors=(broken,))
        stored = await self._there(command, context)
        collection, made = await self._into(stored.document, command.collection, context)
        known, row = "", 0
        if command.file is not None:
            known, row = await self._library.of_file(collection.id, command.file.sha256)
            if known and command.id is None:
                found = (await self._library.document(known)).document
                if found.exists and found.state in ("queued", "ready"):
                    return _accepted(found, existing=True)
                stored = StoredDocument(document=found, row=(await self._library.document(known)).row)
        facts = stored.document.receive(command, collection.id, context.principal.user_id)
        if not any(isinstance(one, contract.DocumentReceived) for one in facts):
            same = _accepted(stored.document, existing=True)
            moved = self._decided(stored, facts)
            return replace(same, emits=moved.emits, writes=moved.writes)
        writes = self._of_file(stored.document, command, collection.id, row)
        if command.brought_by is not None and not stored.document.exists:
            writes = (*writes, put_brought(stored.document.id, command.brought_by))
        decision = self._decided(stored, facts, writes)
        return Decision(
            answer=contract.Accepted(
                id=stored.document.id,
                version=stored.document.version + 1,
                existing=False,
                kept=command.blob or "",
            ),
            emits=(*made[0], *decision.emits),
            writes=(*made[1], *decision.writes),
            object=stored.document.id,
        )

    async def _there(self, command: contract.AddDocument, context: CallContext) -> StoredDocument:
        """Return the document that gets a new version, or a new one."""
        if command.id is None:
            return StoredDocument(document=Document(id=self._ids.new()))
        stored = await self._library.document(command.id)
        await self._require(stored.document, context)
        return stored

    async def _into(
        self, document: Document, wanted: str | None, context: CallContext
    ) -> tuple[Collection, tuple[tuple[Emit, ...], tuple[Write, ...]]]:
        """Return the collection that a document goes to, with what makes it when it is the caller's own first one."""
        own = own_of(context.principal.user_id)
        place = document.collection or wanted or own
        stored = await self._library.collection(place)
        if stored.collection.exists or place != own:
            stored.collection.require_writable(context.principal)
            return stored.collection, ((), ())
        made = Collection.own(context.principal.user_id, self._clock.now())
        emit = Emit(stream=collection_stream(place), expected=ANY, events=made.create())
        return made, ((emit,), (put_collection(made, 0),))

    def _of_file(
        self, before: Document, command: contract.AddDocument, collection: str, row: int
    ) -> tuple[Write, ...]:
        """Return what says which document has which file of a collection."""
        writes: list[Write] = []
        if before.original is not None:
            writes.append(Delete(table=FILES, key=file_key(collection, before.original.file.sha256)))
        if command.file is not None:
            key = file_key(collection, command.file.sha256)
            writes.append(Put(table=FILES, key=key, document={"document": before.id}, expected=row))
        return tuple(writes)

    # ----------------------------------------------------------------------------------------------- changing

    async def retry(
        self, command: contract.RetryDocument, context: CallContext
    ) -> Decision[contract.DocumentView]:
        """Try again what failed."""
        stored = await self._of(command.id, context)
        return self._decided(stored, stored.document.retry())

    async def reindex(
        self, command: contract.ReindexDocument, context: CallContext
    ) -> Decision[contract.DocumentView]:
        """Read it anew."""
        stored = await self._of(command.id, context)
        return self._decided(stored, stored.document.reindex())

    async def cancel(
        self, command: contract.CancelDocument, context: CallContext
    ) -> Decision[contract.DocumentView]:
        """Leave it."""
        stored = await self._of(command.id, context)
        return self._decided(stored, stored.document.cancel())

    async def change(
        self, command: contract.ChangeDocument, context: CallContext
    ) -> Decision[contract.DocumentView]:
        """Give it other labels, or another place. Raises AlreadyExists when that place has this very file."""
        stored = await self._of(command.id, context)
        before = stored.document
        facts = before.change(command)
        after = before
        for fact in facts:
            after = after.after(fact, self._clock.now())
        view = document_view(after, progress_of(after, {}, None), may_write=True)
        if not facts:
            return Decision(answer=view, object=after.id)
        writes: tuple[Write, ...] = (put_document(after, stored.row),)
        if after.collection != before.collection:
            place = (await self._library.collection(after.collection)).collection
            place.require_writable(context.principal)
            writes += await self._moved(before, after.collection)
        emit = Emit(stream=stream_of(after.id), expected=ANY, events=facts)
        return Decision(answer=view, emits=(emit,), writes=writes, object=after.id)

    async def _moved(self, document: Document, collection: str) -> tuple[Write, ...]:
        """Return what says that a collection has a document's file in place of the one that it was in."""
        if document.original is None:
            return ()
        sha256 = document.original.file.sha256
        known, row = await self._library.of_file(collection, sha256)
        if known not in ("", document.id):
            raise AlreadyExists(f"The same file is in that collection already, as document {known}.")
        has = Put(
            table=FILES, key=file_key(collection, sha256), document={"document": document.id}, expected=row
        )
        return (Delete(table=FILES, key=file_key(document.collection, sha256)), has)

    async def delete(
        self, command: contract.DeleteDocument, context: CallContext
    ) -> Decision[collections.Gone]:
        """Let go of it. What follows the log takes it out of the index and removes its files."""
        stored = await self._of(command.id, context)
        emits, writes, erase = gone(stored.document, keep_past=command.keep_past)
        return Decision(answer=collections.Gone(), emits=emits, writes=writes, erase=erase, object=command.id)

    async def erase(
        self, command: contract.EraseDocuments, context: CallContext
    ) -> Decision[contract.DocumentsErased]:
        """Erase what somebody brought who is gone, and what they searched for.

        Their empty collections go, others stay without an owner.
        """
        here, retired = await self._library.brought_by(command.user_id, command.limit)
        found = [*here, *retired]
        searched = await self._queries.ids_of(command.user_id, command.limit)
        more = command.limit in (len(found), len(searched))
        rest = [] if more else await self._places_left(command.user_id, here)
        emits, writes, erase = joined((*(gone(one, keep_past=False) for one in found), *rest))
        return Decision(
            answer=contract.DocumentsErased(erased=len(found), more=more),
            emits=emits,
            writes=(*writes, *(Delete(table=QUERIES, key=one) for one in searched)),
            erase=erase,
            object=command.user_id,
            reason="user removed",
        )

    async def _places_left(self, user_id: str, going: Sequence[Document]) -> list[Parts]:
        """Return what becomes of somebody's collections and of their words in question sets, once their documents go."""
        parts: list[Parts] = []
        removed_sets: set[str] = set()
        for stored in await self._library.owned_by(user_id):
            place = stored.collection.id
            left = await self._library.documents_in(place) - sum(
                1 for one in going if one.collection == place
            )
            if not left:
                sets = await self._sets.of_collection(place)
                removed_sets |= {one.set.id for one in sets}
                parts += map(set_removed, sets)
            parts.append(released(stored) if left else removed(stored))
        words = await self._sets.with_words_of(user_id)
        parts += [words_removed(one, user_id) for one in words if one.set.id not in removed_sets]
        return [*parts, *map(forgotten, await self._imports.of(user_id, MANY))]

    # ------------------------------------------------------------------------------------------------ common

    async def _of(self, document_id: str, context: CallContext) -> StoredDocument:
        stored = await self._library.document(document_id)
        await self._require(stored.document, context)
        return stored

    async def _require(self, document: Document, context: CallContext) -> None:
        document.require()
        stored = await self._library.collection(document.collection)
        stored.collection.require_writable(context.principal)

    def _decided(
        self, stored: StoredDocument, facts: tuple[Any, ...], writes: tuple[Write, ...] = ()
    ) -> Decision[contract.DocumentView]:
        return decided(stored, facts, self._clock, self._ids, writes)


def decided(
    stored: StoredDocument,
    facts: tuple[Any, ...],
    clock: Clock,
    ids: IdSource,
    writes: tuple[Write, ...] = (),
) -> Decision[contract.DocumentView]:
    """Return the decision that these facts hold of a document: with its row, and its place in the queue or none."""
    after = stored.document
    for fact in facts:
        after = after.after(fact, clock.now())
    view = document_view(after, progress_of(after, {}, None), may_write=True)
    if not facts:
        return Decision(answer=view, object=after.id)
    new = tuple(
        Put(table=ORIGINALS, key=blob, document={"document": after.id})
        for blob in after.blobs
        if blob not in stored.document.blobs
    )
    return Decision(
        answer=view,
        emits=(Emit(stream=stream_of(after.id), expected=ANY, events=facts),),
        writes=(put_document(after, stored.row), *_place(stored.document, after, ids), *new, *writes),
        object=after.id,
    )


def _place(before: Document, after: Document, ids: IdSource) -> tuple[Write, ...]:
    """Return what gives a document its place in the queue, or none; one that waits already keeps its own."""
    if after.state == "queued":
        waits = before.state == "queued" and before.version == after.version
        return () if waits else (put_waiting(after, WORK, ids.new()),)
    if after.words_only and after.state == "ready":
        return (put_waiting(after, VECTORS, ids.new()),)
    return (Delete(table=QUEUE, key=after.id),)


def gone(document: Document, *, keep_past: bool) -> Parts:
    """Return what lets go of a document: its facts are blanked too, as titles are somebody's text.

    With `keep_past` its row is put aside, so that it can still be erased with whoever brought it.
    """
    stream = stream_of(document.id)
    facts = document.delete(keep_past=keep_past)
    writes: list[Write] = [Delete(table=table, key=document.id) for table in (DOCUMENTS, QUEUE)]
    if document.original is not None:
        writes.append(Delete(table=FILES, key=file_key(document.collection, document.original.file.sha256)))
    emits = (Emit(stream=stream, expected=ANY, events=facts),)
    if keep_past:
        return emits, (*writes, put_retired(document)), ()
    writes.append(Delete(table=RETIRED, key=document.id))
    writes += [Delete(table=ORIGINALS, key=blob) for blob in document.blobs]
    said = tuple(one.TYPE for one in contract.EVENTS if one is not contract.DocumentDeleted)
    return emits, tuple(writes), (Erase(stream=stream, types=said, reason="document deleted"),)


def _accepted(document: Document, *, existing: bool) -> Decision[contract.Accepted]:
    if not document.exists:
        raise NotFound("This document is not there.")
    kept = document.original.blob if document.original is not None else ""
    answer = contract.Accepted(id=document.id, version=document.version, existing=existing, kept=kept)
    return Decision(answer=answer, object=document.id)
