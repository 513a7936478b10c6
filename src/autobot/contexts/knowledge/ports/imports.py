"""Imports of archives: how far each is.

knowledge.imports   by id; owner: who asked, sort: when
knowledge.brought   by document or question set: a new one that an import brought, until that is over; group: the import
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

from autobot.contracts.knowledge.archives import ImportState, ImportView
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import NOT_YOURS, NotFound
from autobot.kernel.core.failure import Failure
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Query

IMPORTS: Final = "knowledge.imports"
BROUGHT: Final = "knowledge.brought"
PAGE: Final = 100
"""Documents that are taken back, or forgotten, at once."""


def stream_of(import_id: str) -> str:
    """Return the stream of an import."""
    return f"import-{import_id}"


def own_collection(origin: str, owner: str) -> str:
    """Return the id of the collection of its own that an archive goes to: one for each origin and person.

    It says nothing of the origin's id, so that no archive can name a collection that is somebody's here.
    """
    mark = blake2b(f"{origin}\x00{owner}".encode(), digest_size=16)
    return f"in-{mark.hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """State of one, with the version of its row; `blob` is where its archive lies, `made` says that its collection was
    made for it."""

    id: str
    owner: str
    blob: str
    size: int
    collection: str
    created_at: str
    state: ImportState = "checking"
    made: bool = False
    name: str = ""
    documents: int = 0
    done: int = 0
    added: int = 0
    existing: int = 0
    question_sets: int = 0
    error: Failure | None = None
    ended_at: str | None = None
    row: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.state in ("completed", "failed", "cancelled")

    def require(self, who: Principal) -> None:
        """Raise NotFound unless `who` asked for it; the command line sees every one."""
        if self.owner != who.user_id and who.kind != "service":
            raise NotFound(NOT_YOURS)

    def view(self) -> ImportView:
        """Return it as clients see it."""
        return ImportView(
            id=self.id,
            state=self.state,
            collection=self.collection,
            name=self.name,
            documents=self.documents,
            done=self.done,
            added=self.added,
            existing=self.existing,
            question_sets=self.question_sets,
            size=self.size,
            error=self.error,
            created_at=self.created_at,
            ended_at=self.ended_at,
        )

    def put(self) -> Put:
        """Write it, unless it changed meanwhile."""
        document = msgspec.to_builtins(self)
        del document["row"]
        return Put(
            table=IMPORTS,
            key=self.id,
            document=document,
            owner=self.owner,
            sort=self.created_at,
            expected=self.row,
        )


class Imports:
    """Typed reads of imports."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def get(self, import_id: str) -> Import | None:
        """Return one; None when it is not there."""
        row = await self._store.get(IMPORTS, import_id)
        return None if row is None else _import(row.document, row.version)

    async def of(self, owner: str, limit: int) -> Sequence[Import]:
        """Return somebody's, the newest first."""
        found = await self._store.query(Query(table=IMPORTS, owner=owner, limit=limit, order="descending"))
        return [_import(row.document, row.version) for row in found]

    async def brought(self, import_id: str) -> Sequence[tuple[str, bool]]:
        """Return some of what an import brought, by id and whether it is a question set; none when there is no more."""
        found = await self._store.query(Query(table=BROUGHT, group=import_id, limit=PAGE))
        return [(row.key, bool(row.document.get("set"))) for row in found]

    async def has_brought(self, import_id: str, document_id: str) -> bool:
        """Say whether an import that goes on brought a document."""
        row = await self._store.get(BROUGHT, document_id)
        return row is not None and row.group == import_id


def put_brought(brought: str, import_id: str, *, is_set: bool = False) -> Put:
    """Note that an import brought a document, or a question set."""
    return Put(table=BROUGHT, key=brought, document={"set": True} if is_set else {}, group=import_id)


def own_set(origin: str, collection: str) -> str:
    """Return the id of the set that one of an archive becomes: one for each origin and collection."""
    mark = blake2b(f"{origin}\x00{collection}".encode(), digest_size=16)
    return f"in-{mark.hexdigest()}"


def _import(document: object, version: int) -> Import:
    return msgspec.convert({**document, "row": version}, Import)  # type: ignore[dict-item]
