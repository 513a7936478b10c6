"""The background work on documents: fetch, parse, chunk, embed, and put into the index.

What there is to do stands in the queue, which is part of each document's own state: a document leaves it by the fact
of how it ended, and by nothing else. So whatever ends a process in the middle, the next one begins that document anew.
Doing it again changes nothing: the index takes the same version once, and a fact that is known is no fact.

    work      the oldest first, a few at a time: they end ready or failed
    vectors   ready by their words alone, because no model was there, or with another one's vectors: asked every now and then
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from autobot.contexts.knowledge.domain.document import Document
from autobot.contexts.knowledge.domain.naming import name_in_address, own_title
from autobot.contexts.knowledge.ports.blobs import Blobs, once, pieces, store
from autobot.contexts.knowledge.ports.documents import INDEXING, VECTORS, WORK, Library, labels_of
from autobot.contexts.knowledge.ports.embedding import JudgedEmbedder
from autobot.contexts.knowledge.ports.fetching import Fetcher, Wanted
from autobot.contexts.knowledge.ports.index import IndexedVersion, PassageIndex, Vectors
from autobot.contexts.knowledge.ports.parsing import Parsed, Parser, Unread, keep_parsed, parsed_of
from autobot.contexts.knowledge.process.cutting import passages_of
from autobot.contexts.knowledge.process.embedding import PAUSES, vectors_of
from autobot.contexts.knowledge.process.outdated import STEADY_S, Outdated
from autobot.contexts.knowledge.process.sharing import Shares
from autobot.contexts.knowledge.process.telling import Steps, Tell, nobody
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge import indexing
from autobot.contracts.knowledge.passages import Passage, said
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    AutoBotError,
    DataCorrupt,
    HopFailed,
    InvalidInput,
    NotFound,
    Rejected,
)
from autobot.kernel.core.failure import failure_of
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.patience import AWAY, patiently, set_within
from autobot.kernel.event_store.ports import EventStore, StoreClosed

AT_ONCE: Final = 2
"""Documents that are worked on at a time in one process."""
LOOK_S: Final = 1.0
"""How often the queue is looked at when nobody tells of something new, in seconds."""
VECTORS_S: Final = 30.0
"""How often a model that was away is asked for vectors that are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What indexing works with.

    `context` makes the context of work on behalf of nobody who waits; `tell` gives word of progress to who listens.
    """

    store: EventStore
    bus: Dispatcher
    blobs: Blobs
    parser: Parser
    fetcher: Fetcher
    index: PassageIndex
    embedder: JudgedEmbedder
    clock: Clock
    ids: IdSource
    context: Callable[[], CallContext]
    tell: Tell = nobody


class Indexer:
    """Works through the queue: alone, or with `shares` together with other processes. Used from one event loop."""

    def __init__(
        self,
        means: Means,
        shares: Shares | None = None,
        *,
        at_once: int = AT_ONCE,
        vectors_s: float = VECTORS_S,
        steady_s: float = STEADY_S,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._shares = shares
        self._outdated = Outdated(means.store, means.ids, means.embedder, steady_s)
        self._means, self._at_once, self._vectors_s, self._pauses = means, at_once, vectors_s, pauses
        self._library = Library(means.store)
        self._steps = Steps(means.store, INDEXING if shares is None else shares.owner, means.tell)
        self._stirred = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, float] = {}
        self._unable: set[str] = set()

    def stir(self) -> None:
        """Look at the queue now."""
        self._stirred.set()

    def heard(self, fact: Any) -> None:
        """Take in a fact about a document: work that nobody wants any more ends, new work begins."""
        if isinstance(fact, contract.IndexingCancelled | contract.DocumentDeleted):
            task = self._tasks.get(fact.document_id)
            if task is not None:
                task.cancel()
        elif isinstance(fact, contract.DocumentReceived | contract.IndexingRequested):
            self.stir()

    async def run(self) -> None:
        """Work until the store closes."""
        await (self._run() if self._shares is None else self._shares.run(self._run))

    async def _run(self) -> None:
        with suppress(StoreClosed):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._steps.tell(), name="progress of indexing")
                group.create_task(self._catching_up(), name="vectors that are missing")
                while True:
                    self._stirred.clear()
                    for one in await self._next(self._at_once - len(self._tasks)):
                        self._tasks[one] = group.create_task(self._work(one), name=f"document {one}")
                    await set_within(self._stirred, LOOK_S)

    async def _next(self, free: int) -> Sequence[str]:
        now = self._means.clock.monotonic()
        self._again = {one: at for one, at in self._again.items() if at > now}
        passed = {*self._tasks, *self._again}
        return await patiently(lambda: self._taken(WORK, free, passed)) if free > 0 else ()

    async def _taken(self, group: str, count: int, passed: Collection[str]) -> Sequence[str]:
        """Return the documents of the queue that come next and are nobody else's, with our claim on them."""
        shares, found = self._shares, list[str]()
        if shares is not None:
            await shares.look()
        async for row in self._library.waiting(group):
            if row.key not in passed and (shares is None or await shares.take(row)):
                found.append(row.key)
                if len(found) == count:
                    break
        return found

    # --------------------------------------------------------------------------------------------- one document

    async def _work(self, document_id: str) -> None:
        try:
            document = (await patiently(lambda: self._library.document(document_id))).document
            if document.exists and document.state == "queued":
                await self._index(document)
        except _TakenOver:
            # Another process took this one for dead, and does it.
            return
        except StoreClosed:
            raise
        except AWAY:
            # The way to the store or to a part of this installation is broken, which says nothing about the document.
            self._again[document_id] = self._means.clock.monotonic() + LOOK_S * 5
        finally:
            self._steps.over(document_id)
            self._tasks.pop(document_id, None)
            self.stir()

    async def _index(self, document: Document) -> None:
        context = self._means.context()
        self._unable.discard(document.id)
        try:
            document = await self._with_original(document, context)
            if document.original is None:
                return
            parsed = await self._parsed(document, context)
            document = document.called(parsed.title, document.version)
            self._steps.at(document, "chunking")
            passages = await asyncio.to_thread(
                passages_of, document.id, document.version, document.title, parsed
            )
            vectors, model = await self._embedded(document, passages, context)
            await self._put(document, parsed, passages, vectors, model)
        except DataCorrupt as error:
            await self._failed(document, error, context)
        except (_TakenOver, *AWAY):
            raise
        except AutoBotError as error:
            await self._failed(document, error, context)
        except Exception as error:  # noqa: BLE001 - whatever a document does, the next one is read
            await self._failed(document, error, context)

    async def _failed(self, document: Document, error: Exception, context: CallContext) -> None:
        failure = failure_of(error, context.correlation_id)
        record = indexing.RecordFailed(id=document.id, version=document.version, error=failure)
        await self._say(record)

    async def _say(self, record: Any) -> indexing.Recorded:
        if self._shares is not None:
            record = replace(record, claim=self._shares.claim)
        answer = await patiently(lambda: self._means.bus.dispatch(record, self._means.context()))
        recorded: indexing.Recorded = answer.value
        if not recorded.yours:
            raise _TakenOver
        return recorded

    async def _with_original(self, document: Document, context: CallContext) -> Document:
        """Return the document with its original, fetched when it is an address still."""
        if document.original is not None or not document.url:
            return document
        self._steps.at(document, "fetching")
        means = self._means
        try:
            wanted = Wanted(url=document.url, max_bytes=FETCH_MAX)
            fetched = await means.fetcher.fetch(wanted, context)
        except (HopFailed, Rejected) as error:
            # It is the address that does not answer, not this installation: a person tries again.
            raise _Elsewhere(error.detail, hint=error.hint) from error
        if not fetched.body.strip():
            raise InvalidInput("There is nothing at this address.")
        blob = await store(means.blobs, means.ids.new(), once(fetched.body), FETCH_MAX)
        name = name_in_address(fetched.url)
        file = contract.FileMark(
            size=blob.size, sha256=blob.sha256, filename=name, media_type=fetched.media_type[:200]
        )
        original = contract.Original(blob=blob.id, file=file)
        record = indexing.RecordFetched(
            id=document.id, version=document.version, url=fetched.url[:2000], original=original
        )
        try:
            await self._say(record)
        except BaseException:
            await means.blobs.remove(blob.id)
            raise
        now = (await self._library.document(document.id)).document
        if now.original is None or now.original.blob != blob.id:
            await means.blobs.remove(blob.id)
        return now if now.state == "queued" else Document(id=document.id)

    async def _parsed(self, document: Document, context: CallContext) -> Parsed:
        """Return what the original says: as it was read before this process began, or read now."""
        self._steps.at(document, "parsing")
        try:
            return await parsed_of(self._means.blobs, document.id, document.version)
        except NotFound:
            pass
        original = document.original
        assert original is not None
        unread = Unread(
            filename=original.file.filename,
            media_type=original.file.media_type,
            size=original.file.size,
            pieces=lambda: pieces(self._means.blobs, original.blob),
            web=document.source == "url",
            pasted=document.source == "text",
        )
        parsed = await self._means.parser.parse(unread, context)
        if not parsed.text.strip():
            scanned = "A scanned document has to be read by OCR first." if parsed.pages else None
            raise InvalidInput("There is no text in it.", hint=scanned)
        await keep_parsed(self._means.blobs, document.id, document.version, parsed)
        return parsed

    async def _embedded(
        self, document: Document, passages: Sequence[Passage], context: CallContext
    ) -> tuple[Vectors | None, str]:
        """Return the vectors and what made them; none while no model is there."""
        return await vectors_of(
            [said(one) for one in passages],
            self._means.embedder,
            context,
            lambda at: self._steps.at(document, "embedding", at, len(passages), "passages"),
            self._pauses,
        )

    async def _put(
        self,
        document: Document,
        parsed: Parsed,
        passages: Sequence[Passage],
        vectors: Vectors | None,
        model: str,
    ) -> None:
        position = await patiently(self._means.store.head)
        now = await self._now(document, parsed)
        if now.version != document.version or now.state not in ("queued", "ready"):
            return
        index = self._means.index
        if now.title != document.title:
            passages = [replace(one, title=now.title) for one in passages]
        version = IndexedVersion(
            document_id=now.id,
            version=now.version,
            collection=now.collection,
            title=now.title,
            position=position,
            owner=now.owner,
            tags=now.tags,
            model=model,
        )
        # A version that is there already gets its labels first, so that those of before become its past.
        await index.label(labels_of(now, position))
        await index.put(version, passages, vectors)
        await self._labelled(document, parsed)
        record = indexing.RecordIndexed(
            id=document.id,
            version=document.version,
            passages=len(passages),
            characters=len(parsed.text),
            media_type=parsed.media_type,
            model=model,
            dimensions=len(vectors[0]) if vectors else 0,
            title=own_title(parsed.title),
        )
        if not (await self._say(record)).wanted:
            await self._means.index.erase(document.id)

    async def _now(self, document: Document, parsed: Parsed) -> Document:
        """Return what is known of a document now, as it is called once this version of it is in the index."""
        now = (await patiently(lambda: self._library.document(document.id))).document
        return now.called(parsed.title, document.version)

    async def _labelled(self, document: Document, parsed: Parsed) -> None:
        """Say in the index what was changed of a document while it was put there."""
        position = await patiently(self._means.store.head)
        now = await self._now(document, parsed)
        if now.exists:
            await self._means.index.label(labels_of(now, position))

    # ------------------------------------------------------------------------------------------------- vectors

    async def _catching_up(self) -> None:
        """Give vectors to documents that have none, whenever a model is there and nothing else waits."""
        while True:
            await asyncio.sleep(self._vectors_s)
            await patiently(self._outdated.look)
            while not await patiently(self._busy):
                due = await patiently(partial(self._taken, VECTORS, 1, self._unable))
                if not due or not await self._with_vectors(due[0]):
                    break

    async def _busy(self) -> bool:
        return await anext(aiter(self._library.waiting(WORK)), None) is not None

    async def _with_vectors(self, document_id: str) -> bool:
        """Return False when no model is there now: the next document would fare no better."""
        document = (await patiently(lambda: self._library.document(document_id))).document
        context = self._means.context()
        try:
            passages = await self._means.index.of_document(document_id, document.ready_version)
            parsed = await parsed_of(self._means.blobs, document_id, document.ready_version)
            vectors, model = await self._embedded(document, passages, context)
            if vectors is None:
                return False
            await self._put(document, parsed, passages, vectors, model)
        except _TakenOver:
            return True
        except AutoBotError as error:
            if isinstance(error, AWAY) and not isinstance(error, DataCorrupt):
                return False
            # What was kept of it is lost or damaged: it stays found by its words until it is indexed anew.
            self._unable.add(document_id)
        finally:
            self._steps.over(document_id)
        return True


FETCH_MAX: Final = 32 * 1024 * 1024
"""Bytes that are taken from an address."""


class _Elsewhere(AutoBotError):
    """An address that somebody gave does not answer as it should."""

    code = "upstream-error"


class _TakenOver(Exception):
    """The claim on a document is another's now: what is done here counts no more."""
