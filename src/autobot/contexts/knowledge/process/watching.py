"""Watched folders: each file is a document, a changed file its next version, a file that is gone no document any more.

A file that only has another path, in the same folder that is watched, is the document that it was.

A folder that is not there is a state, not a deletion: its documents stay until it is back. What is known of a file is
written with nothing else, so after a crash a file is looked at again; the same bytes are the same version.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final

from autobot.contexts.knowledge.domain.naming import file_name, place_name
from autobot.contexts.knowledge.ports.blobs import Blobs, store
from autobot.contexts.knowledge.ports.documents import COLLECTIONS, FOLDERS, WATCHED, Library
from autobot.contexts.knowledge.ports.folders import Folders, Seen, SeenFile
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge.words import FILE_MAX, TITLE_MAX
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, InvalidInput, NotFound, TooLarge
from autobot.kernel.core.failure import failure_of
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.patience import AWAY, patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Put, Query, Transaction
from autobot.kernel.event_store.transaction import Document as Row

LOOK_S: Final = 10.0
"""How often folders are looked at, in seconds."""
FILES_MAX: Final = 10_000
"""Files of one folder."""
PASSED_MAX: Final = 20
"""Files of one folder that were not taken in, and are named."""
PAGE: Final = 500


class Watcher:
    """Looks at folders. `wanted` returns them as the settings say: `PATH=COLLECTION`."""

    def __init__(
        self,
        *,
        store: EventStore,
        bus: Dispatcher,
        blobs: Blobs,
        folders: Folders,
        wanted: Callable[[], Awaitable[Sequence[str]]],
        clock: Clock,
        ids: IdSource,
        context: Callable[[], CallContext],
    ) -> None:
        self._store, self._bus, self._blobs, self._folders = store, bus, blobs, folders
        self._wanted, self._clock, self._ids, self._context = wanted, clock, ids, context
        self._library = Library(store)
        self._half: dict[str, str] = {}
        self._holders: Counter[str] | None = None

    async def run(self) -> None:
        """Look again and again, until the store closes."""
        while True:
            await patiently(self.look)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look at every folder once."""
        self._holders = None
        wanted = [one.rpartition("=")[::2] for one in await self._wanted()]
        named = {_key(folder.rstrip("/") or "/", "") for folder, _ in wanted}
        for row in await self._store.query(Query(table=FOLDERS, limit=PAGE)):
            if row.key not in named:
                # Nobody wants it watched any more; what it brought stays.
                await self._store.commit(Transaction(writes=(Delete(table=FOLDERS, key=row.key),)))
        for folder, collection in wanted:
            await self._look(folder.rstrip("/") or "/", collection)

    async def _look(self, folder: str, collection: str) -> None:
        seen = await self._folders.look(folder, FILES_MAX)
        before = await self._store.get(FOLDERS, _key(folder, ""))
        if seen is None or _taken_out(seen, before):
            await self._tell(folder, collection, "missing")
            return
        if await self._store.get(COLLECTIONS, collection) is None:
            await self._tell(folder, collection, "without a collection")
            return
        known, passed = await self._rows(_key(folder, "")), list[Mapping[str, Any]]()
        gone = known.keys() - {_key(folder, one.path) for one in seen.files} if seen.whole else frozenset()
        moved = {known[one]["mark"]: one for one in gone}
        for file in seen.files:
            row = known.pop(_key(folder, file.path), None)
            if row is None and file.mark in moved:
                key = moved.pop(file.mark)
                row = await self._take(folder, collection, file, known.pop(key), moved=key)
            elif row is None or row["mark"] != file.mark:
                row = await self._take(folder, collection, file, row)
            if row is not None and row["why"]:
                passed.append({"path": row["path"], "why": row["why"]})
        if seen.whole:
            for key, row in known.items():
                await self._let_go(key, row)
        state = "watched" if seen.whole else "watched in part"
        await self._tell(
            folder, collection, state, files=len(seen.files), place=seen.place, passed=passed[:PASSED_MAX]
        )

    async def _take(
        self,
        folder: str,
        collection: str,
        file: SeenFile,
        before: Mapping[str, Any] | None,
        *,
        moved: str = "",
    ) -> Mapping[str, Any] | None:
        """Make a version of a file, once it has been the same for two looks: it may be written just now.

        `moved` is the key that it had, where it only has another path now: then it stays the document that it was.
        Returns what is known of it then, None while it is not looked at.
        """
        key = _key(folder, file.path)
        if not moved and self._half.get(key) != file.mark:
            self._half[key] = file.mark
            return before
        document, why = (before or {}).get("document", ""), ""
        if document and await self._shared(document):
            # Another file had the same bytes, and keeps their document.
            document = ""
        try:
            _require_size(file)
            document = await self._added(folder, collection, file, document)
        except AWAY:
            # There is no room, or no way to the store: that says nothing about the file.
            raise
        except _Unread as error:
            # Whether it can be read is nothing that its mark tells: the next look tries again.
            return {**(before or {}), "path": shown(file.path), "why": error.why}
        except AutoBotError as error:
            why = error.detail
        except Exception as error:  # noqa: BLE001 - whatever a file does, the next one is looked at
            why = failure_of(error, self._context().correlation_id).detail
        self._half.pop(key, None)
        row = {"path": shown(file.path), "mark": file.mark, "document": document, "why": why}
        write = Put(table=WATCHED, key=key, document=row, owner=_key(folder, ""), sort=shown(file.path))
        left = (Delete(table=WATCHED, key=moved),) if moved else ()
        await self._store.commit(Transaction(writes=(*left, write)))
        self._count((before or {}).get("document"), document)
        return row

    async def _added(self, folder: str, collection: str, file: SeenFile, document: str) -> str:
        """Add a file, or its next version; returns the document that has it."""
        name, path = self._ids.new(), shown(file.path)
        try:
            blob = await store(self._blobs, name, self._folders.read(folder, file.path), FILE_MAX)
        except NotFound as error:
            raise _Unread(error.detail) from error
        mark = contract.FileMark(
            size=blob.size, sha256=blob.sha256, filename=file_name(path.rpartition("/")[2])
        )
        command = contract.AddDocument(
            title=path[-TITLE_MAX:],
            source="folder",
            place=place_name(path),
            file=mark,
            blob=name,
            collection=collection,
            id=document or None,
        )
        try:
            accepted = (await self._bus.dispatch(command, self._context())).value
        except NotFound:
            await self._blobs.remove(name)
            if not document:
                raise
            # Somebody deleted the document of this file: it comes anew.
            return await self._added(folder, collection, file, "")
        except AutoBotError:
            await self._blobs.remove(name)
            raise
        if accepted.kept != name:
            await self._blobs.remove(name)
        return str(accepted.id)

    async def _let_go(self, key: str, before: Mapping[str, Any]) -> None:
        """Forget a file that is gone, and the document that came with it alone."""
        document = before["document"]
        if document and not await self._shared(document) and await self._came_here(document):
            with suppress(NotFound):
                await self._bus.dispatch(contract.DeleteDocument(id=document), self._context())
        await self._store.commit(Transaction(writes=(Delete(table=WATCHED, key=key),)))
        self._count(document, None)

    async def _came_here(self, document: str) -> bool:
        """Return whether a watched folder brought a document; the same bytes may be somebody's upload."""
        return (await self._library.document(document)).document.source == "folder"

    async def _shared(self, document: str) -> bool:
        """Return whether several files of watched folders have a document: the same bytes are one."""
        if self._holders is None:
            self._holders = Counter(one["document"] for one in (await self._rows(None)).values())
        return self._holders[document] > 1

    def _count(self, before: str | None, after: str | None) -> None:
        if self._holders is not None:
            self._holders.subtract([before] if before else [])
            self._holders.update([after] if after else [])

    async def _rows(self, owner: str | None) -> dict[str, Mapping[str, Any]]:
        """Return what is known of files by key, of one folder or of all."""
        known: dict[str, Mapping[str, Any]] = {}
        after: tuple[str, str] | None = None
        while page := await self._store.query(Query(table=WATCHED, owner=owner, after=after, limit=PAGE)):
            known |= {one.key: one.document for one in page}
            after = page[-1].sort, page[-1].key
        return known

    async def _tell(
        self,
        folder: str,
        collection: str,
        state: str,
        *,
        files: int = 0,
        place: str = "",
        passed: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Write how a folder is, when that changed. A folder that is away keeps its place."""
        row = await self._store.get(FOLDERS, _key(folder, ""))
        before = {} if row is None else row.document
        now = {
            "folder": folder,
            "collection": collection,
            "state": state,
            "files": files,
            "place": place or before.get("place", ""),
            "passed": list(passed),
        }
        if all(before.get(name) == value for name, value in now.items()):
            return
        since = before["since"] if before.get("state") == state else rfc3339(self._clock.now())
        write = Put(table=FOLDERS, key=_key(folder, ""), document={**now, "since": since}, sort=folder)
        await self._store.commit(Transaction(writes=(write,)))


def _require_size(file: SeenFile) -> None:
    """Raise TooLarge or InvalidInput for a file that need not be read to be refused."""
    if file.size > FILE_MAX:
        raise TooLarge(f"It has more than the {FILE_MAX} bytes that are accepted.")
    if not file.size:
        raise InvalidInput("It is empty.")


class _Unread(Exception):
    """A file cannot be read now."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _taken_out(seen: Seen, before: Row | None) -> bool:
    """Return whether a folder is only what is left in the place of one that had files, as below a disk that was taken out."""
    if (
        before is None
        or seen.files
        or (not before.document["files"] and before.document["state"] != "missing")
    ):
        return False
    place = before.document.get("place", "")
    return bool(place) and place != seen.place


def shown(path: str) -> str:
    """Return a path as text that can be stored: bytes of its names that are no UTF-8 are written as `\\xff`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _key(folder: str, path: str) -> str:
    return blake2b(f"{folder}\x00{path}".encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
