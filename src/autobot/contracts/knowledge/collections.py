"""Collections: who may read and write the documents in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Len

from autobot.contracts.knowledge.words import Everybody, Id, Limit, Name, People, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionCreated:
    """A place for documents was made. `readers` and `writers` are user ids; who writes reads, too."""

    TYPE: ClassVar[str] = "autobot.knowledge.collection_created.v1"
    id: str
    name: str
    owner: str
    readers: tuple[str, ...]
    writers: tuple[str, ...]
    everybody: Everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionChanged:
    """Its name or its permissions are others now: these."""

    TYPE: ClassVar[str] = "autobot.knowledge.collection_changed.v1"
    id: str
    name: str
    owner: str
    readers: tuple[str, ...]
    writers: tuple[str, ...]
    everybody: Everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionDeleted:
    """It is gone; it was empty."""

    TYPE: ClassVar[str] = "autobot.knowledge.collection_deleted.v1"
    id: str


EVENTS = (CollectionCreated, CollectionChanged, CollectionDeleted)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCollection:
    """Make a collection of one's own."""

    name: Name
    readers: People = ()
    writers: People = ()
    everybody: Everybody = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCollection:
    """Change what is given; its owner may, and an administrator when its owner is gone.

    A new `owner` is told once: who gives it away may not take it back.
    """

    id: Id
    name: Name | None = None
    readers: People | None = None
    writers: People | None = None
    everybody: Everybody | None = None
    owner: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCollection:
    """Remove a collection that has no documents."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCollection:
    """One collection that the caller may read."""

    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCollections:
    """The collections that the caller may read, by name."""

    limit: Limit = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionView:
    """A collection as one who may read it sees it. `documents` is how many it has; `owner` is empty when it has none."""

    id: str
    name: str
    owner: str
    readers: tuple[str, ...]
    writers: tuple[str, ...]
    everybody: Everybody
    may_write: bool
    may_manage: bool
    documents: int
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionPage:
    """A page of them."""

    items: tuple[CollectionView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFolders:
    """The watched folders and how each is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedFile:
    """A file of a watched folder that is no document, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderView:
    """A watched folder. `since` is when its state began.

    `missing`: it cannot be looked into, or is empty in another place than before, and its documents stay. `watched in
    part`: it has more files than are watched, or folders that cannot be looked into; documents of files that are not seen
    stay. `passed` are the first files that were not taken in.
    """

    folder: str
    collection: str
    state: str
    files: int
    since: str
    passed: tuple[PassedFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderPage:
    """All of them; there are few."""

    items: tuple[FolderView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The answer of commands that leave nothing to show."""
