"""The life of a document. Pure: from state and wish to facts, and from fact to state.

    queued → ready | failed | cancelled        failed, cancelled → queued by *retry*
    ready  → queued, as the next version, by another upload or *reindex*; the version before stays in force till then

A version that was cancelled or failed is found ready all the same when the index had it already: what is in the index
is what holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from autobot.contexts.knowledge.domain.naming import named_by_place, own_title, titled
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge import indexing
from autobot.contracts.knowledge.words import Source, State
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.errors import NOT_YOURS, Conflict, NotFound
from autobot.kernel.core.failure import Failure


def stream_of(document_id: str) -> str:
    """Return the stream of a document."""
    return f"document-{document_id}"


def text_blob(document_id: str, version: int) -> str:
    """Return the name under which the text that was read from a version lies beside the originals."""
    return f"{document_id}.{version}.text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """State of one. `version` 0: it never came. `ready_version` 0: no version can be found yet. `own`: the title is what
    its file calls itself.

    `ready` holds what the index has; `blobs` every original of its versions, `original` that of the newest.
    """

    id: str
    collection: str = ""
    owner: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    own: bool = False
    source: Source = "upload"
    url: str = ""
    place: str = ""
    version: int = 0
    state: State = "queued"
    original: contract.Original | None = None
    blobs: tuple[str, ...] = ()
    error: Failure | None = None
    ready_version: int = 0
    passages: int = 0
    characters: int = 0
    media_type: str = ""
    model: str = ""
    dimensions: int = 0
    texts: tuple[int, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def exists(self) -> bool:
        """Whether it came, and is not gone."""
        return self.version > 0

    @property
    def created(self) -> str:
        """When it came, RFC 3339."""
        return rfc3339(self.created_at) if self.created_at else ""

    @property
    def updated(self) -> str:
        """When something was last said of it, RFC 3339."""
        return rfc3339(self.updated_at) if self.updated_at else ""

    @property
    def words_only(self) -> bool:
        """Whether it can be found by its words, and not by meaning."""
        return self.ready_version > 0 and not self.model

    @property
    def held(self) -> tuple[str, ...]:
        """Everything that may lie beside the log for it: originals, and texts that were read from them."""
        return (*self.blobs, *(text_blob(self.id, one) for one in range(1, self.version + 1)))

    def require(self) -> None:
        """Raise NotFound unless it is there."""
        if not self.exists:
            raise NotFound(NOT_YOURS)

    # ---------------------------------------------------------------------------------------------- deciding

    def receive(self, wish: contract.AddDocument, collection: str, owner: str) -> tuple[Any, ...]:
        """A first or a further version. The file that the newest version has already is no fact, unless it lies elsewhere now.

        A further version keeps the tags where none are given, and one of a watched file the title that somebody gave it.
        """
        if self.exists and self._same(wish):
            return self._moved(wish)
        original = None
        if wish.file is not None and wish.blob is not None:
            original = contract.Original(blob=wish.blob, file=wish.file)
        return (
            contract.DocumentReceived(
                document_id=self.id,
                version=self.version + 1,
                collection=collection,
                owner=self.owner or owner,
                title=self.title if self._keeps_title(wish) else titled(wish.title),
                tags=tuple(dict.fromkeys(wish.tags)) or self.tags,
                source=wish.source,
                url=wish.url,
                original=original,
                place=wish.place,
            ),
        )

    def _keeps_title(self, wish: contract.AddDocument) -> bool:
        return self.exists and wish.source == "folder" and not self._by_place

    def _moved(self, wish: contract.AddDocument) -> tuple[Any, ...]:
        """Its file has another place below a watched folder."""
        if self.source != "folder" or wish.place in ("", self.place):
            return ()
        title = titled(wish.title) if self._by_place else self.title
        return (
            contract.DocumentChanged(
                document_id=self.id,
                collection=self.collection,
                title=title,
                tags=self.tags,
                own=self.own and title == self.title,
                place=wish.place,
            ),
        )

    @property
    def _by_place(self) -> bool:
        return named_by_place(self.title, self.source, self.original)

    def _same(self, wish: contract.AddDocument) -> bool:
        same = (
            wish.file is not None
            and self.original is not None
            and wish.file.sha256 == self.original.file.sha256
        )
        return same and self.state in ("queued", "ready") and tuple(wish.tags) in ((), self.tags)

    def fetched(self, record: indexing.RecordFetched) -> tuple[Any, ...]:
        """What lay at its address came. A repeat, and what nobody waits for any more, is no fact."""
        if record.version != self.version or self.original is not None or self.state != "queued":
            return ()
        return (
            contract.DocumentFetched(
                document_id=self.id, version=record.version, url=record.url, original=record.original
            ),
        )

    def called(self, title: str, version: int) -> Document:
        """Return it as it is called once a version is read that calls itself `title`.

        What somebody called it stays, and so does what it was called when that version was read before.
        """
        own = own_title(title) if version > self.ready_version else ""
        if own in ("", self.title) or not (self.own or self._by_place):
            return self
        return replace(self, title=own)

    def indexed(self, record: indexing.RecordIndexed) -> tuple[Any, ...]:
        """A version is in the index, under its own title where nobody gave one. An older one than what is there is no news."""
        has = (self.ready_version, self.model, self.dimensions)
        known = has == (record.version, record.model, record.dimensions)
        if record.version < self.ready_version or record.version > self.version or known:
            return ()
        named = self.called(record.title, record.version)
        change = contract.DocumentChanged(
            document_id=self.id, collection=self.collection, title=named.title, tags=self.tags, own=True
        )
        return (
            *((change,) if named is not self else ()),
            contract.DocumentIndexed(
                document_id=self.id,
                version=record.version,
                passages=record.passages,
                characters=record.characters,
                media_type=record.media_type,
                model=record.model,
                dimensions=record.dimensions,
            ),
        )

    def failed(self, record: indexing.RecordFailed) -> tuple[Any, ...]:
        """The newest version cannot be indexed."""
        if record.version != self.version or self.state != "queued":
            return ()
        return (contract.DocumentFailed(document_id=self.id, version=record.version, error=record.error),)

    def cancel(self) -> tuple[Any, ...]:
        """Leave the newest version. Raises Conflict when nothing is being done."""
        self.require()
        if self.state == "cancelled":
            return ()
        if self.state != "queued":
            raise Conflict("This document is not being indexed.")
        return (contract.IndexingCancelled(document_id=self.id, version=self.version),)

    def retry(self) -> tuple[Any, ...]:
        """Try the newest version again. Raises Conflict when it is ready."""
        self.require()
        if self.state == "queued":
            return ()
        if self.state == "ready":
            raise Conflict("This document is ready.", hint="Reindex reads it anew.")
        return (contract.IndexingRequested(document_id=self.id, version=self.version, why="retry"),)

    def reindex(self) -> tuple[Any, ...]:
        """Read it anew, as a version of its own."""
        self.require()
        if self.state == "queued":
            return ()
        return (contract.IndexingRequested(document_id=self.id, version=self.version + 1, why="reindex"),)

    def change(self, wish: contract.ChangeDocument) -> tuple[Any, ...]:
        """Give it another title, other tags, another place. What it has already is no fact."""
        self.require()
        tags = self.tags if wish.tags is None else tuple(dict.fromkeys(wish.tags))
        title = titled(wish.title) if wish.title else self.title
        now = (wish.collection or self.collection, title, tags)
        if now == (self.collection, self.title, self.tags):
            return ()
        return (contract.DocumentChanged(document_id=self.id, collection=now[0], title=now[1], tags=now[2]),)

    def delete(self, *, keep_past: bool) -> tuple[Any, ...]:
        """Let go of it."""
        self.require()
        return (
            contract.DocumentDeleted(
                document_id=self.id, collection=self.collection, blobs=self.held, keeps_past=keep_past
            ),
        )

    # ----------------------------------------------------------------------------------------------- folding

    def after(self, event: Any, at: datetime) -> Document:
        """Return the state after a fact that was made at a time."""
        changed = self._after(event)
        return self if changed is self else replace(changed, updated_at=at, created_at=self.created_at or at)

    def _after(self, event: Any) -> Document:
        match event:
            case contract.DocumentReceived():
                return self._received(event)
            case contract.DocumentFetched():
                blobs = (*self.blobs, event.original.blob)
                return replace(self, url=event.url, original=event.original, blobs=blobs)
            case contract.DocumentIndexed():
                return self._indexed(event)
            case contract.DocumentFailed():
                return replace(self, state="failed", error=event.error)
            case contract.IndexingCancelled():
                return replace(self, state="cancelled", error=None)
            case contract.IndexingRequested():
                return replace(self, state="queued", version=event.version, error=None)
            case contract.DocumentChanged():
                return self._changed(event)
            case contract.DocumentDeleted():
                return Document(id=self.id)
        return self

    def _received(self, event: contract.DocumentReceived) -> Document:
        blobs = self.blobs if event.original is None else (*self.blobs, event.original.blob)
        return replace(
            self,
            collection=event.collection,
            owner=event.owner,
            title=event.title,
            own=self.own and event.source == "folder" and event.title == self.title,
            tags=event.tags,
            source=event.source,
            url=event.url,
            place=event.place or self.place,
            version=event.version,
            state="queued",
            original=event.original,
            blobs=blobs,
            error=None,
        )

    def _changed(self, event: contract.DocumentChanged) -> Document:
        return replace(
            self,
            collection=event.collection,
            title=event.title,
            own=event.own or (self.own and event.title == self.title),
            tags=event.tags,
            place=event.place or self.place,
        )

    def _indexed(self, event: contract.DocumentIndexed) -> Document:
        newest = event.version == self.version
        return replace(
            self,
            state="ready" if newest else self.state,
            error=None if newest else self.error,
            ready_version=event.version,
            passages=event.passages,
            characters=event.characters,
            media_type=event.media_type,
            model=event.model,
            dimensions=event.dimensions,
            texts=tuple(sorted({*self.texts, event.version})),
        )
