"""An import as a durable run: first the whole archive is looked through, then what is in it becomes documents.

Nothing of an archive that breaks a rule anywhere is taken in. The one step that takes in may be repeated: a document is
added under a key of its own, and a file that the collection has already is recognised, so whatever ends the process in
the middle, the next one goes on without doubles. Who wants an import no more gets back what was: documents that it
brought are deleted, and so is the collection that was made for it, unless somebody else put something there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Final

from autobot.contexts.knowledge.domain import archive
from autobot.contexts.knowledge.ports.blobs import PIECE, Blobs, store
from autobot.contexts.knowledge.ports.imports import BROUGHT, Import, Imports
from autobot.contracts.knowledge import archives as contract
from autobot.contracts.knowledge import collections, documents
from autobot.contracts.knowledge.words import FILE_MAX
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, principal_of
from autobot.kernel.core.errors import AutoBotError, Interrupted, InvalidInput, WrongExpectedVersion
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Recorded, Transaction
from autobot.kernel.sagas.acting import Accept, Begin, as_service, starter
from autobot.kernel.sagas.run import REFUSED, Ended, Outcome, PlainRun, Run

NAME: Final = "import of documents"
BUDGET_S: Final = 86_400.0
TELL_S: Final = 0.5
"""How often it is written how far an import is, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A document of an archive: its number from 1, what is said of it, and where its bytes begin."""

    number: int
    described: archive.Described
    offset: int


class Archive:
    """An archive that lies among the originals. Everything is read again each time, and held against what is said of it."""

    def __init__(self, blobs: Blobs, blob: str) -> None:
        self._blobs, self._blob = blobs, blob

    async def head(self) -> archive.Head:
        """Return what it says of itself. Raises InvalidInput."""
        raw, _ = await self._said(archive.HEAD, 0)
        return archive.head_of(raw)

    async def members(self) -> AsyncIterator[Member]:
        """Yield its documents in order. Raises InvalidInput where it is not what it must be, up to its last byte."""
        _, offset = await self._said(archive.HEAD, 0)
        digest, number = sha256(), 0
        while not await self._is_end(offset):
            number += 1
            if number > contract.DOCUMENTS_MAX:
                raise InvalidInput(f"An archive has at most {contract.DOCUMENTS_MAX} documents.")
            raw, offset = await self._said(archive.document_name(number), offset)
            digest.update(raw)
            described = archive.described_of(raw, number)
            if not described.size:
                yield Member(number=number, described=described, offset=0)
                continue
            entry = archive.entry_of(
                await self._read(offset, archive.BLOCK), archive.original_name(number), FILE_MAX
            )
            if entry.size != described.size:
                raise InvalidInput(f"Document {number} of the archive has another size than it says.")
            yield Member(number=number, described=described, offset=offset + archive.BLOCK)
            offset += archive.BLOCK + entry.blocks
        raw, offset = await self._said(archive.END, offset)
        end = archive.end_of(raw)
        if (end.documents, end.sha256) != (number, digest.hexdigest()):
            raise InvalidInput("The archive has other documents than its end says.")
        if await self._read(offset, len(archive.FINISH) + 1) != archive.FINISH:
            raise InvalidInput("The archive does not end where it must.")

    async def pieces(self, member: Member) -> AsyncIterator[bytes]:
        """Yield the bytes of a document. Raises InvalidInput when they are cut off, or not those that are said."""
        if not member.described.size:
            return
        digest, at = sha256(), 0
        while at < member.described.size:
            piece = await self._read(member.offset + at, min(PIECE, member.described.size - at))
            if not piece:
                raise InvalidInput("The archive is cut off.")
            digest.update(piece)
            at += len(piece)
            yield piece
        if digest.hexdigest() != member.described.sha256:
            raise InvalidInput(
                f"The bytes of document {member.number} of the archive are not those that it says."
            )

    async def _is_end(self, offset: int) -> bool:
        block = await self._read(offset, archive.BLOCK)
        return block[:100].rstrip(b"\0") == archive.END.encode()

    async def _said(self, name: str, offset: int) -> tuple[bytes, int]:
        """Return what an entry says, and where the next one begins."""
        entry = archive.entry_of(await self._read(offset, archive.BLOCK), name, archive.SAID_MAX)
        raw = await self._read(offset + archive.BLOCK, entry.size)
        if len(raw) < entry.size:
            raise InvalidInput("The archive is cut off.")
        return raw, offset + archive.BLOCK + entry.blocks

    async def _read(self, offset: int, length: int) -> bytes:
        """Return bytes of it: fewer at its end alone."""
        found = b""
        while len(found) < length:
            piece = await self._blobs.read(self._blob, offset + len(found), length - len(found))
            if not piece:
                break
            found += piece
        return found


class ImportRun(PlainRun):
    """The definition that the run engine executes."""

    resumes = True

    def __init__(self, *, bus: Dispatcher, store: EventStore, blobs: Blobs, clock: Clock) -> None:
        self._bus, self._store, self._blobs, self._clock = bus, store, blobs, clock
        self._imports = Imports(store)

    @property
    def name(self) -> str:
        """The definition's stable name."""
        return NAME

    @property
    def budget(self) -> float:
        """Seconds that an import may take: a day."""
        return BUDGET_S

    async def execute(self, run: Run) -> None:
        """Look through, then take in."""
        if await run.step("check", "read", partial(self._check, run), bool, resumable=True):
            await run.step("take in", "write", partial(self._take_in, run), bool, resumable=True)

    async def unwind(self, run: Run, outcome: Outcome) -> Outcome:
        """Take back what came in when somebody wants it no more; other ends keep it."""
        there = await patiently(lambda: self._imports.get(run.id))
        if there is None or (outcome.state != "stopped" and there.state not in ("cancelling", "cancelled")):
            return outcome
        service = as_service(run.context, "knowledge", run.owner)
        while brought := await patiently(lambda: self._imports.brought(run.id)):
            for one in brought:
                await self._undone(documents.DeleteDocument(id=one), service, run.key(f"back:{one}"))
            await self._forget(brought)
        if there.made:
            gone = collections.DeleteCollection(id=there.collection)
            await self._undone(gone, service, run.key("back"))
        return Outcome(state="stopped")

    async def _undone(self, command: object, service: CallContext, key: str) -> None:
        with suppress(*REFUSED):
            await self._bus.dispatch(command, service, key=key)

    async def _forget(self, brought: Sequence[str]) -> None:
        writes = tuple(Delete(table=BROUGHT, key=one) for one in brought)
        await patiently(lambda: self._store.commit(Transaction(writes=writes)))

    async def _there(self, run: Run) -> Import:
        found = await patiently(lambda: self._imports.get(run.id))
        if found is None:
            raise Interrupted("What this import was asked for is gone: its user was removed.")
        return found

    async def _check(self, run: Run) -> bool:
        read = Archive(self._blobs, (await self._there(run)).blob)
        head = await read.head()
        count = 0
        async for member in read.members():
            if not await self._wanted(run):
                return False
            async for _ in read.pieces(member):
                pass
            count += 1
        checked = contract.RecordImportChecked(id=run.id, origin=head.id, name=head.name, documents=count)
        service = as_service(run.context, "knowledge", run.owner)
        await self._bus.dispatch(checked, service, key=run.key_for("checked", checked))
        return await self._wanted(run)

    async def _wanted(self, run: Run) -> bool:
        """Say whether nobody cancelled it."""
        return (await self._there(run)).state in ("checking", "importing")

    async def _take_in(self, run: Run) -> bool:
        there = await self._there(run)
        read, told = Archive(self._blobs, there.blob), self._clock.monotonic()
        now = replace(there, done=0, added=0, existing=0)
        async for member in read.members():
            if not await self._wanted(run):
                return False
            try:
                existing = await self._add(run, read, member, there.collection)
            except AutoBotError:
                await self._tell(run, now)
                raise
            now = replace(
                now, done=now.done + 1, added=now.added + (not existing), existing=now.existing + existing
            )
            if self._clock.monotonic() - told > TELL_S:
                told = self._clock.monotonic()
                await self._tell(run, now)
        await self._tell(run, now)
        return True

    async def _add(self, run: Run, read: Archive, member: Member, collection: str) -> bool:
        """Add a document as the one who asked; say whether the collection had its file already."""
        blob = f"{run.id}-{member.number}"
        wish = member.described.command(blob, collection, run.id)
        if wish.file is not None:
            await store(self._blobs, blob, read.pieces(member), member.described.size)
        try:
            answer = await self._bus.dispatch(wish, run.context, key=run.key(f"document:{member.number}"))
        except REFUSED:
            # After another error it may be a document's by now; what is nobody's is swept.
            await self._blobs.remove(blob)
            raise
        accepted: documents.Accepted = answer.value
        if wish.file is not None and accepted.kept != blob:
            await self._blobs.remove(blob)
        return accepted.existing

    async def _tell(self, run: Run, now: Import) -> None:
        """Write how far it is."""
        there = await self._there(run)
        row = replace(there, done=now.done, added=now.added, existing=now.existing)
        try:
            await patiently(lambda: self._store.commit(Transaction(writes=(row.put(),))))
        except WrongExpectedVersion:
            # Another process carries this import on, or it is over.
            return

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Record how it ended, which lets go of the archive; one whose user was removed is recorded already."""
        while brought := await patiently(lambda: self._imports.brought(run.id)):
            await self._forget(brought)
        there = await patiently(lambda: self._imports.get(run.id))
        if there is not None:
            record = contract.RecordImportEnded(
                id=run.id,
                added=there.added,
                existing=there.existing,
                error=outcome.error,
                cancelled=outcome.state == "stopped",
            )
            service = as_service(run.context, "knowledge", run.owner)
            await self._bus.dispatch(record, service, key=run.key_for("end", record))
        return Ended(outcome=outcome)


def _begin(event: object, _: Message) -> Begin | None:
    if not isinstance(event, contract.ImportRequested):
        return None
    principal = principal_of(event.principal)
    return Begin(
        run=event.id,
        principal=principal,
        owner=principal.user_id,
        serial_key=f"{NAME}:{principal.user_id}",
        given={},
    )


def import_starter(codec: EventCodec, accept: Accept) -> Callable[[Recorded], Awaitable[None]]:
    """Return the consumer that starts a run for each ImportRequested."""
    return starter(codec, accept, NAME, _begin)
