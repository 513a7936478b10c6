"""Archives: a collection as one file, written here and taken in elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.knowledge.words import BlobId, Id, Limit, Name, Person
from autobot.kernel.core.failure import Failure

ARCHIVE_MAX = 4 * 1024 * 1024 * 1024
"""Bytes of one archive."""
DOCUMENTS_MAX = 100_000
"""Documents of one archive."""
VERSIONS_MAX = 100
"""Versions before of one document that an archive has, the newest of them."""
MEDIA_TYPE = "application/x-tar"

Size = Annotated[int, Ge(1), Le(ARCHIVE_MAX)]
Path = Annotated[str, Len(1, 4096)]
ImportState = Literal["checking", "importing", "cancelling", "completed", "failed", "cancelled"]
"""First all of an archive is looked through, then what is in it is taken in. While `cancelling`, that is taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequested:
    """What is in an archive is to become documents of `collection`, which is made where it is empty. `principal` asked."""

    TYPE: ClassVar[str] = "autobot.knowledge.import_requested.v1"
    id: str
    collection: str
    principal: dict[str, Any]
    blob: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportEnded:
    """How an import ended. Of its documents `added` came anew, and `existing` were in the collection already.

    The archive that lies as `blob` is of no use any more.
    """

    TYPE: ClassVar[str] = "autobot.knowledge.import_ended.v1"
    id: str
    collection: str
    added: int
    existing: int
    error: Failure | None
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCancelled:
    """Somebody wanted an import no more, and what it had brought is gone again. So is the archive that lies as `blob`."""

    TYPE: ClassVar[str] = "autobot.knowledge.import_cancelled.v1"
    id: str
    collection: str
    blob: str


EVENTS = (ImportRequested, ImportEnded, ImportCancelled)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCollection:
    """Say that a collection is taken along as a file; who may read it may. The file itself is streamed."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveCollection:
    """Write a collection, whoever's it is, to a new file of this machine: for those who run it."""

    id: Id
    target: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportArchive:
    """Take in the archive that lies as `blob` beside the originals, into a collection, or one of its own.

    The same archive again goes to the same collection of its own.
    """

    blob: BlobId
    size: Size
    collection: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadArchive:
    """Take in an archive from a file of this machine for a user: for those who run it."""

    source: Path
    user_id: Person
    collection: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelImport:
    """Want an import no more: what it brought is taken back, and then it is over."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordImportChecked:
    """Written by who imports: the archive is whole. `origin` and `name` are those of the collection that it was made of."""

    id: Id
    origin: Annotated[str, Len(1, 64)]
    name: Name
    documents: Annotated[int, Ge(0), Le(DOCUMENTS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordImportEnded:
    """Written by who imports. `cancelled`: what it had brought was taken back."""

    id: Id
    added: Annotated[int, Ge(0)]
    existing: Annotated[int, Ge(0)]
    error: Failure | None = None
    cancelled: bool = False


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class GetImport:
    """One import of the caller's."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class ListImports:
    """The caller's imports, the newest first."""

    limit: Limit = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportView:
    """An import: `done` of `documents` are in, `added` anew and `existing` there already; `question_sets` came anew.

    `collection` is empty until it is known.
    """

    id: str
    state: ImportState
    collection: str
    name: str
    documents: int
    done: int
    added: int
    existing: int
    question_sets: int
    size: int
    error: Failure | None
    created_at: str
    ended_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage:
    """The newest imports."""

    items: tuple[ImportView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The answer of those who take a collection along. `documents` is how many it had then; `bytes` of the file, 0 while it is streamed."""

    id: str
    name: str
    documents: int
    bytes: int = 0
