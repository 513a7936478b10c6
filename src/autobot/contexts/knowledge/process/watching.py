"""Watched folders: each file is a document, a changed file its next version, a file that is gone no document any more.

A folder that is not there is a state, not a deletion: its documents stay until it is back. What is known of a file is
written with nothing else, so after a crash a file is looked at again; the same bytes are the same version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from autobot.contexts.knowledge.ports.blobs import Blobs, store
from autobot.contexts.knowledge.ports.documents import COLLECTIONS, FOLDERS, WATCHED
from autobot.contexts.knowledge.ports.folders import Folders, SeenFile
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge.words import FILE_MAX
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, NotFound
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.patience import AWAY, patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Put, Query, Transaction

LOOK_S: Final = 10.0
"""How often folders are looked at, in seconds."""
FILES_MAX: Final = 10_000
"""Files of one folder."""
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
        self._half: dict[str, str] = {}

    async def run(self) -> None:
        """Look again and again, until the store closes."""
        while True:
            await patiently(self.look)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look at every folder once."""
        wanted = [one.rpartition("=")[::2] for one in await self._wanted()]
        named = {_key(folder.rstrip("/") or "/", "") for folder, _ in wanted}
        for row in await self._store.query(Query(table=FOLDERS, limit=PAGE)):
            if row.key not in named:
                # Nobody wants it watched any more; what it brought stays.
                await self._store.commit(Transaction(writes=(Delete(table=FOLDERS, key=row.key),)))
        for folder, collection in wanted:
            await self._look(folder.rstrip("/") or "/", collection)

    async def _look(self, folder: str, collection: str) -> None:
        found = await self._folders.look(folder, FILES_MAX)
        if found is None:
            await self._tell(folder, collection, "missing", 0)
            return
        if await self._store.get(COLLECTIONS, collection) is None:
            await self._tell(folder, collection, "without a collection", 0)
            return
        known = await self._known(folder)
        for file in found:
            before = known.pop(file.path, None)
            if before is None or before["mark"] != file.mark:
                await self._take(folder, collection, file, before)
        for path, before in known.items():
            await self._let_go(folder, path, before)
        await self._tell(folder, collection, "watched", len(found))

    async def _take(
        self, folder: str, collection: str, file: SeenFile, before: Mapping[str, Any] | None
    ) -> None:
        """Make a version of a file, once it has been the same for two looks: it may be written just now."""
        key = _key(folder, file.path)
        if self._half.get(key) != file.mark:
            self._half[key] = file.mark
            return
        document, why = (before or {}).get("document", ""), ""
        try:
            document = await self._added(folder, collection, file, document)
        except AWAY:
            # There is no room, or no way to the store: that says nothing about the file.
            raise
        except AutoBotError as error:
            why = error.detail
        self._half.pop(key, None)
        row = {"path": file.path, "mark": file.mark, "document": document, "why": why}
        write = Put(table=WATCHED, key=key, document=row, owner=_key(folder, ""), sort=file.path)
        await self._store.commit(Transaction(writes=(write,)))

    async def _added(self, folder: str, collection: str, file: SeenFile, document: str) -> str:
        """Add a file, or its next version; returns the document that has it."""
        name = self._ids.new()
        blob = await store(self._blobs, name, self._folders.read(folder, file.path), FILE_MAX)
        mark = contract.FileMark(
            size=blob.size, sha256=blob.sha256, filename=file.path.rpartition("/")[2][-255:]
        )
        command = contract.AddDocument(
            title=file.path[-300:],
            source="folder",
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

    async def _let_go(self, folder: str, path: str, before: Mapping[str, Any]) -> None:
        if before["document"]:
            try:
                await self._bus.dispatch(contract.DeleteDocument(id=before["document"]), self._context())
            except NotFound:
                pass
        gone = Delete(table=WATCHED, key=_key(folder, path))
        await self._store.commit(Transaction(writes=(gone,)))

    async def _known(self, folder: str) -> dict[str, Mapping[str, Any]]:
        known: dict[str, Mapping[str, Any]] = {}
        after: tuple[str, str] | None = None
        while page := await self._store.query(
            Query(table=WATCHED, owner=_key(folder, ""), after=after, limit=PAGE)
        ):
            known |= {one.document["path"]: one.document for one in page}
            after = page[-1].sort, page[-1].key
        return known

    async def _tell(self, folder: str, collection: str, state: str, files: int) -> None:
        """Write how a folder is, when that changed."""
        before = await self._store.get(FOLDERS, _key(folder, ""))
        now = {"folder": folder, "collection": collection, "state": state, "files": files}
        if before is not None and all(before.document[name] == value for name, value in now.items()):
            return
        row = {**now, "since": rfc3339(self._clock.now())}
        write = Put(table=FOLDERS, key=_key(folder, ""), document=row, sort=folder)
        await self._store.commit(Transaction(writes=(write,)))


def _key(folder: str, path: str) -> str:
    return blake2b(f"{folder}\x00{path}".encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
