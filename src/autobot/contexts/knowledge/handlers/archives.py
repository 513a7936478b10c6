"""Commands on archives: take a collection along, take one in, and how that went."""

from __future__ import annotations

from dataclasses import replace

from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.domain.collection import stream_of as collection_stream
from autobot.contexts.knowledge.handlers.parts import Parts, operator_for
from autobot.contexts.knowledge.ports.archiving import Exporter
from autobot.contexts.knowledge.ports.blobs import Blobs, store
from autobot.contexts.knowledge.ports.documents import ORIGINALS, Library, Write, put_collection
from autobot.contexts.knowledge.ports.imports import IMPORTS, Import, Imports, own_collection, stream_of
from autobot.contexts.knowledge.ports.machine import MachineFiles
from autobot.contracts.knowledge import archives as contract
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext, Principal, principal_data
from autobot.kernel.core.errors import NOT_YOURS, Conflict, InvalidInput, NotFound
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import ANY, Delete, Erase, Put


class ArchiveHandlers:
    """One method a command."""

    def __init__(
        self,
        library: Library,
        imports: Imports,
        blobs: Blobs,
        exporter: Exporter,
        files: MachineFiles,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._library, self._imports = library, imports
        self._blobs, self._exporter, self._files = blobs, exporter, files
        self._clock, self._ids = clock, ids

    # ------------------------------------------------------------------------------------------------- going

    async def export(
        self, command: contract.ExportCollection, context: CallContext
    ) -> Decision[contract.Exported]:
        """Note who takes a collection along."""
        found = (await self._library.collection(command.id)).collection
        found.require_readable(context.principal)
        held = await self._library.documents_in(found.id)
        answer = contract.Exported(id=found.id, name=found.name, documents=held)
        return Decision(answer=answer, object=command.id, reason="export")

    async def save(
        self, command: contract.SaveCollection, context: CallContext
    ) -> Decision[contract.Exported]:
        """Write one to a file of this machine."""
        found = (await self._library.collection(command.id)).collection
        if not found.exists:
            raise NotFound("There is no such collection.")
        held = await self._library.documents_in(found.id)
        size = await self._files.write(command.target, self._exporter.whole(found))
        answer = contract.Exported(id=found.id, name=found.name, documents=held, bytes=size)
        return Decision(answer=answer, object=command.id, reason="export to a file")

    # ------------------------------------------------------------------------------------------------ coming

    async def take(
        self, command: contract.ImportArchive, context: CallContext
    ) -> Decision[contract.ImportView]:
        """Take an archive in for the caller."""
        if command.collection is not None:
            stored = await self._library.collection(command.collection)
            stored.collection.require_writable(context.principal)
        return self._asked(context.principal, command.blob, command.size, command.collection)

    async def load(
        self, command: contract.LoadArchive, context: CallContext
    ) -> Decision[contract.ImportView]:
        """Take an archive in from a file of this machine, for a user."""
        if command.collection is not None:
            stored = await self._library.collection(command.collection)
            if not stored.collection.exists:
                raise NotFound("There is no such collection.")
        blob = self._ids.new()
        kept = await store(self._blobs, blob, self._files.read(command.source), contract.ARCHIVE_MAX)
        if not kept.size:
            await self._blobs.remove(blob)
            raise InvalidInput("The file is empty.")
        return self._asked(operator_for(command.user_id), blob, kept.size, command.collection)

    def _asked(
        self, principal: Principal, blob: str, size: int, collection: str | None
    ) -> Decision[contract.ImportView]:
        made = Import(
            id=self._ids.new(),
            owner=principal.user_id,
            blob=blob,
            size=size,
            collection=collection or "",
            created_at=rfc3339(self._clock.now()),
        )
        fact = contract.ImportRequested(
            id=made.id,
            collection=made.collection,
            principal=principal_data(principal),
            blob=blob,
            size=size,
        )
        return Decision(
            answer=made.view(),
            emits=(Emit(stream=stream_of(made.id), expected=ANY, events=(fact,)),),
            # So nobody takes it for an upload in vain.
            writes=(made.put(), Put(table=ORIGINALS, key=blob, document={"import": made.id})),
            object=made.id,
            reason="import",
        )

    async def cancel(
        self, command: contract.CancelImport, context: CallContext
    ) -> Decision[contract.ImportView]:
        """Want one no more. What came in already is taken back by its run; before that it is over at once."""
        there = await self._there(command.id)
        there.require(context.principal)
        if there.state in ("cancelling", "cancelled"):
            return Decision(answer=there.view(), object=there.id)
        if there.ended:
            raise Conflict("This import has ended.", hint="Delete its documents one by one.")
        if there.state == "checking":
            return self._cancelled(there)
        now = replace(there, state="cancelling")
        return Decision(answer=now.view(), writes=(now.put(),), object=there.id)

    def _cancelled(self, there: Import) -> Decision[contract.ImportView]:
        now = replace(
            there, state="cancelled", done=0, added=0, existing=0, ended_at=rfc3339(self._clock.now())
        )
        fact = contract.ImportCancelled(id=there.id, collection=there.collection, blob=there.blob)
        return self._over(now, fact)

    # ----------------------------------------------------------------------------------- said by who imports

    async def checked(
        self, command: contract.RecordImportChecked, context: CallContext
    ) -> Decision[contract.ImportView]:
        """The archive is whole: there is a collection for it from now on."""
        there = await self._there(command.id)
        if there.state != "checking":
            return Decision(answer=there.view(), object=there.id)
        place = there.collection or own_collection(command.origin, there.owner)
        now = replace(
            there, state="importing", collection=place, name=command.name, documents=command.documents
        )
        emits, writes = await self._place(place, command.name, there.owner)
        now = replace(now, made=bool(emits))
        return Decision(answer=now.view(), emits=emits, writes=(now.put(), *writes), object=there.id)

    async def _place(self, place: str, name: str, owner: str) -> tuple[tuple[Emit, ...], tuple[Write, ...]]:
        stored = await self._library.collection(place)
        if stored.collection.exists:
            return (), ()
        made = Collection(id=place, name=name, owner=owner, created_at=self._clock.now())
        emit = Emit(stream=collection_stream(place), expected=ANY, events=made.create())
        return (emit,), (put_collection(made, stored.row),)

    async def ended(
        self, command: contract.RecordImportEnded, context: CallContext
    ) -> Decision[contract.ImportView]:
        """It is over; nothing of the archive is kept."""
        there = await self._there(command.id)
        if there.ended:
            return Decision(answer=there.view(), object=there.id)
        if command.cancelled:
            return self._cancelled(there)
        now = replace(
            there,
            state="completed" if command.error is None else "failed",
            error=command.error,
            added=command.added,
            existing=command.existing,
            ended_at=rfc3339(self._clock.now()),
        )
        fact = contract.ImportEnded(
            id=there.id,
            collection=there.collection,
            added=command.added,
            existing=command.existing,
            error=command.error,
            blob=there.blob,
        )
        return self._over(now, fact)

    def _over(
        self, now: Import, fact: contract.ImportEnded | contract.ImportCancelled
    ) -> Decision[contract.ImportView]:
        return Decision(
            answer=now.view(),
            emits=(Emit(stream=stream_of(now.id), expected=ANY, events=(fact,)),),
            writes=(now.put(), Delete(table=ORIGINALS, key=now.blob)),
            object=now.id,
        )

    async def _there(self, import_id: str) -> Import:
        found = await self._imports.get(import_id)
        if found is None:
            raise NotFound(NOT_YOURS)
        return found


def forgotten(one: Import) -> Parts:
    """Return what lets go of an import with who asked for it: one that is under way sees that and ends."""
    stream = stream_of(one.id)
    writes = (Delete(table=IMPORTS, key=one.id), Delete(table=ORIGINALS, key=one.blob))
    ended: tuple[Emit, ...] = ()
    if not one.ended:
        fact = contract.ImportEnded(
            id=one.id,
            collection=one.collection,
            added=one.added,
            existing=one.existing,
            error=None,
            blob=one.blob,
        )
        ended = (Emit(stream=stream, expected=ANY, events=(fact,)),)
    return (
        ended,
        writes,
        (Erase(stream=stream, types=(contract.ImportRequested.TYPE,), reason="user removed"),),
    )
