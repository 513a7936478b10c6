"""Documents: what is said of them in the log, asked of them, and answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.knowledge.words import (
    FILE_MAX,
    FILENAME_MAX,
    PLACE_MAX,
    TITLE_MAX,
    BlobId,
    Hash,
    Id,
    Limit,
    Source,
    State,
    Status,
    Tag,
    Tags,
    Title,
)
from autobot.kernel.core.failure import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMark:
    """What a file is known by: its size in bytes, its SHA-256 as hex.

    `filename` and `media_type` are what was said of it when it came; nothing trusts that.
    """

    size: Annotated[int, Ge(1), Le(FILE_MAX)]
    sha256: Hash
    filename: Annotated[str, Len(0, FILENAME_MAX)] = ""
    media_type: Annotated[str, Len(0, 200)] = ""


def file_title(filename: str) -> str:
    """Return what a document is called by its file's name."""
    return (filename.rpartition(".")[0] or filename or "Untitled")[:TITLE_MAX]


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The bytes that a document was made of: where they lie (`blob`), and what they are."""

    blob: BlobId
    file: FileMark


# ------------------------------------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReceived:
    """A document came, or a new version of one. `original` is None while its `url` was not fetched yet.

    `place` is the path below a watched folder, empty for what came otherwise.
    """

    TYPE: ClassVar[str] = "autobot.knowledge.document_received.v1"
    document_id: str
    version: int
    collection: str
    owner: str
    title: str
    tags: tuple[str, ...]
    source: Source
    url: str
    original: Original | None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFetched:
    """What lies at its address came; `url` is where redirects led."""

    TYPE: ClassVar[str] = "autobot.knowledge.document_fetched.v1"
    document_id: str
    version: int
    url: str
    original: Original


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentIndexed:
    """A version can be found from now on, in place of the one before.

    `model` made its vectors; it is empty when there are none and words alone find it.
    """

    TYPE: ClassVar[str] = "autobot.knowledge.document_indexed.v1"
    document_id: str
    version: int
    passages: int
    characters: int
    media_type: str
    model: str
    dimensions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFailed:
    """A version could not be read or indexed; the one before stays in force."""

    TYPE: ClassVar[str] = "autobot.knowledge.document_failed.v1"
    document_id: str
    version: int
    error: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexingCancelled:
    """Somebody wanted a version not to be indexed any more."""

    TYPE: ClassVar[str] = "autobot.knowledge.indexing_cancelled.v1"
    document_id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexingRequested:
    """A version is to be indexed again: after a failure, anew as a version of its own, or to get vectors."""

    TYPE: ClassVar[str] = "autobot.knowledge.indexing_requested.v1"
    document_id: str
    version: int
    why: Literal["retry", "reindex"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChanged:
    """Its title, its tags, its collection or its place are others now: these. What it says is the same, so it is no new version.

    `own`: the title is what the file calls itself. An empty `place` is the one that it had.
    """

    TYPE: ClassVar[str] = "autobot.knowledge.document_changed.v1"
    document_id: str
    collection: str
    title: str
    tags: tuple[str, ...]
    own: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDeleted:
    """It is gone. With `keeps_past`, searches as of before still find it; else nothing of it is left."""

    TYPE: ClassVar[str] = "autobot.knowledge.document_deleted.v1"
    document_id: str
    collection: str
    blobs: tuple[str, ...]
    keeps_past: bool


EVENTS = (
    DocumentReceived,
    DocumentFetched,
    DocumentIndexed,
    DocumentFailed,
    IndexingCancelled,
    IndexingRequested,
    DocumentChanged,
    DocumentDeleted,
)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDocument:
    """Take a document in, or with `id` a new version of one.

    `file` lies as `blob` in the store of originals already; without one there is a `url` to fetch. The same file
    under another `blob` is the same request. Without a `collection` it goes into the caller's own. `brought_by` is the
    import that adds it, `place` its path below a watched folder.
    """

    title: Title
    source: Source = "upload"
    place: Annotated[str, Len(0, PLACE_MAX)] = ""
    file: FileMark | None = None
    blob: BlobId | None = None
    url: Annotated[str, Len(0, 2000)] = ""
    collection: Id | None = None
    tags: Tags = ()
    id: Id | None = None
    brought_by: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDocument:
    """Give a document another title, other tags or another collection; what is not given stays.

    Who moves it must be allowed to write in both collections.
    """

    id: Id
    title: Title | None = None
    tags: Tags | None = None
    collection: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexDocument:
    """Read and index a document anew, as a version of its own."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDocument:
    """Try a version again that failed or was cancelled."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelDocument:
    """Leave the newest version unindexed; the one before stays in force."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteDocument:
    """Remove a document. With `keep_past`, searches as of before still find it."""

    id: Id
    keep_past: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseDocuments:
    """Erase what a user brought who is gone, at most `limit` documents; then let go of the user's collections."""

    user_id: Annotated[str, Len(1, 64)]
    limit: Limit = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsErased:
    """The answer of EraseDocuments: how many, and whether there are more."""

    erased: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer of AddDocument. `existing`: the same file is in that collection already, under this id.

    `kept` is the blob that the document has: one that was uploaded in vain may be dropped.
    """

    id: str
    version: int
    existing: bool
    kept: str


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDocument:
    """One document."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitDocument:
    """One document when nothing is done with it any more, or as it is after `seconds`."""

    id: Id
    seconds: Annotated[float, Ge(0), Le(300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDocuments:
    """Documents that the caller may read, the newest first; of a collection, with a tag, with words in the title."""

    collection: Id | None = None
    state: State | None = None
    tag: Tag | None = None
    text: Annotated[str, Len(1, 200)] | None = None
    limit: Limit = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetOriginal:
    """Where the bytes of a document lie."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the newest version is. `done` of `total` in `unit`; `position` counts those before it in the queue.

    `by` is the process that works on it, where there are several.
    """

    status: Status
    done: int = 0
    total: int = 0
    unit: str = ""
    position: int | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A document. `version` is the newest one, `ready_version` the one that searches find, None while there is none.

    `words_only`: it has no vectors, because no model was there; it gets them when there is one. `place` is where it lies below
    a watched folder.
    """

    id: str
    collection: str
    title: str
    version: int
    ready_version: int | None
    status: Status
    progress: Progress
    words_only: bool
    passages: int
    characters: int
    model: str
    tags: tuple[str, ...]
    source: Source
    url: str
    place: str
    filename: str
    media_type: str
    size: int
    sha256: str
    owner: str
    may_write: bool
    error: Failure | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPage:
    """A page of documents."""

    items: tuple[DocumentView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalView:
    """Where an original lies, and the name to save it under."""

    blob: str
    size: int
    sha256: str
    filename: str
    media_type: str
