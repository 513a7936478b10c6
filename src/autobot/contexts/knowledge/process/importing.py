"""An import as a durable run: first the whole archive is looked through, then what is in it becomes documents.

Nothing of an archive that breaks a rule anywhere is taken in. The one step that takes in may be repeated: a document is
added under a key of its own, and a file that the collection has already is recognised, so whatever ends the process in
the middle, the next one goes on without doubles. Versions of a document come one after the other, each when the one
before was read, so that each can be looked at and found as of then. Question sets come last, when it is known where the
documents are that they grade; what they grade and is not there is left out. Who wants an import no more gets back what was: documents that it
brought are deleted, and so is the collection that was made for it, unless somebody else put something there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from autobot.contexts.knowledge.domain import archive
from autobot.contexts.knowledge.ports.blobs import Blobs, store
from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.imports import BROUGHT, Import, Imports
from autobot.contexts.knowledge.ports.unarchiving import Archive, Bytes, Member
from autobot.contracts.knowledge import archives as contract
from autobot.contracts.knowledge import collections, documents, question_sets
from autobot.contracts.knowledge.words import ENDED
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, principal_of
from autobot.kernel.core.errors import AutoBotError, Interrupted, InvalidInput, NotFound, WrongExpectedVersion
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Recorded, Transaction
from autobot.kernel.sagas.acting import Accept, Begin, as_service, starter
from autobot.kernel.sagas.run import REFUSED, Ended, Outcome, PlainRun, Run

NAME: Final = "import of documents"
BUDGET_S: Final = 86_400.0
"""Seconds that an import may take: a day."""
TELL_S: Final = 0.5
"""How often it is written how far an import is, at most."""
READ_S: Final = 60.0
"""How long the next version of a document waits for the one before to be read, in seconds: then it comes all the same."""
LOOK_S: Final = 1.0
"""How often it is looked meanwhile whether the import is wanted still."""


class ImportRun(PlainRun):
    """The definition that the run engine executes."""

    name, budget = NAME, BUDGET_S
    resumes = True

    def __init__(self, *, bus: Dispatcher, store: EventStore, blobs: Blobs, clock: Clock) -> None:
        self._bus, self._store, self._blobs, self._clock = bus, store, blobs, clock
        self._imports, self._library = Imports(store), Library(store)

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
            for one, is_set in brought:
                undo = question_sets.DeleteQuestionSet(collection=there.collection, id=one)
                wish = undo if is_set else documents.DeleteDocument(id=one)
                await self._undone(wish, service, run.key(f"back:{one}"))
            await self._forget(brought)
        if there.made:
            gone = collections.DeleteCollection(id=there.collection)
            await self._undone(gone, service, run.key("back"))
        return Outcome(state="stopped")

    async def _undone(self, command: object, service: CallContext, key: str) -> None:
        with suppress(*REFUSED):
            await self._bus.dispatch(command, service, key=key)

    async def _forget(self, brought: Sequence[tuple[str, bool]]) -> None:
        writes = tuple(Delete(table=BROUGHT, key=one) for one, _ in brought)
        await patiently(lambda: self._store.commit(Transaction(writes=writes)))

    async def _there(self, run: Run) -> Import:
        found = await patiently(lambda: self._imports.get(run.id))
        if found is None:
            raise Interrupted("What this import was asked for is gone: its user was removed.")
        return found

    async def _check(self, run: Run) -> bool:
        read, places = Archive(self._blobs, (await self._there(run)).blob), archive.Places()
        head = await read.head()
        count = 0
        async for member in read.members():
            if not await self._wanted(run):
                return False
            if not isinstance(member, Member):
                archive.set_of(member.raw, member.number, places)
                continue
            for version in member.versions:
                async for _ in read.pieces(member.number, version):
                    pass
            count += 1
            self._note(
                places, member, member.described.id, tuple(one.said.version for one in member.versions)
            )
        checked = contract.RecordImportChecked(id=run.id, origin=head.id, name=head.name, documents=count)
        service = as_service(run.context, "knowledge", run.owner)
        await self._bus.dispatch(checked, service, key=run.key_for("checked", checked))
        return await self._wanted(run)

    def _note(self, places: archive.Places, member: Member, here: str, versions: Sequence[int]) -> None:
        """Say where a document is. One without an id is graded by no set. Raises InvalidInput for an id that is there twice."""
        there = member.described.id
        if not there:
            return
        if places.get(there) is not None:
            raise InvalidInput(f"The archive has two documents called {there[:64]}.")
        theirs = (one.said.version for one in member.versions)
        places.put(there, here, tuple(zip(theirs, versions, strict=True)))

    async def _wanted(self, run: Run) -> bool:
        """Say whether nobody cancelled it."""
        return (await self._there(run)).state in ("checking", "importing")

    async def _take_in(self, run: Run) -> bool:
        there, places = await self._there(run), archive.Places()
        read, told = Archive(self._blobs, there.blob), self._clock.monotonic()
        now = replace(there, done=0, added=0, existing=0, question_sets=0)
        async for member in read.members():
            if not await self._wanted(run):
                return False
            try:
                if isinstance(member, Member):
                    existing = await self._add(run, read, member, there.collection, places)
                    now = replace(
                        now,
                        done=now.done + 1,
                        added=now.added + (not existing),
                        existing=now.existing + existing,
                    )
                else:
                    said = archive.set_of(member.raw, member.number, places)
                    wish = said.command(there.collection, run.id, places)
                    came = await self._bus.dispatch(wish, run.context, key=run.key(f"set:{member.number}"))
                    now = replace(now, question_sets=now.question_sets + (not came.value.existing))
            except AutoBotError:
                await self._tell(run, now)
                raise
            if self._clock.monotonic() - told > TELL_S:
                told = self._clock.monotonic()
                await self._tell(run, now)
        await self._tell(run, now)
        return True

    async def _add(
        self, run: Run, read: Archive, member: Member, collection: str, places: archive.Places
    ) -> bool:
        """Add a document as the one who asked; say whether the collection had its file already."""
        if len(member.versions) > 1:
            known, _ = await self._library.of_file(collection, member.described.sha256)
            there = (await self._library.document(known)).document if known else None
            if there is not None and there.exists and not await self._imports.has_brought(run.id, known):
                # Its newest version is what its file is here; of those before nothing is known.
                numbers = [0] * (len(member.versions) - 1) + [there.ready_version or there.version]
                self._note(places, member, known, numbers)
                return True
        here, numbers, existing = "", list[int](), False
        for place, version in enumerate(member.versions):
            if here and not await self._was_read(run, here):
                return existing
            accepted = await self._version(run, read, member, place, version, collection, here)
            if not here and accepted.existing and version.said is not member.described:
                # That file is another document here, which stays as it is.
                numbers.append(0)
                continue
            if not here:
                here, existing = accepted.id, accepted.existing
            numbers.append(accepted.version)
        self._note(places, member, here, numbers)
        return existing

    async def _was_read(self, run: Run, document: str) -> bool:
        """Wait until a document was read, or long enough for it; say whether its next version is wanted still."""
        until = self._clock.monotonic() + READ_S
        while await self._wanted(run):
            try:
                view = await self._bus.ask(documents.AwaitDocument(id=document, seconds=LOOK_S), run.context)
            except NotFound:
                # Somebody deleted it meanwhile: the rest of it is not wanted either.
                return False
            if view.status in ENDED or self._clock.monotonic() >= until:
                return True
        return False

    async def _version(
        self, run: Run, read: Archive, member: Member, place: int, version: Bytes, collection: str, of: str
    ) -> documents.Accepted:
        """Add a version, the first as a new document; its number in the name of its bytes makes a repeat harmless."""
        name = f"{member.number}" if version.said is member.described else f"{member.number}.{place}"
        blob = f"{run.id}-{name}"
        wish = version.said.command(blob, collection, run.id, of or None)
        if wish.file is not None:
            await store(self._blobs, blob, read.pieces(member.number, version), version.said.size)
        try:
            answer = await self._bus.dispatch(wish, run.context, key=run.key(f"document:{name}"))
        except REFUSED:
            # After another error it may be a document's by now; what is nobody's is swept.
            await self._blobs.remove(blob)
            raise
        accepted: documents.Accepted = answer.value
        if wish.file is not None and accepted.kept != blob:
            await self._blobs.remove(blob)
        return accepted

    async def _tell(self, run: Run, now: Import) -> None:
        """Write how far it is."""
        there = await self._there(run)
        row = replace(
            there, done=now.done, added=now.added, existing=now.existing, question_sets=now.question_sets
        )
        try:
            await patiently(lambda: self._store.commit(Transaction(writes=(row.put(),))))
        except WrongExpectedVersion:
            # Another process carries this import on, or it is over.
            return

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Record how it ended, which lets go of the archive; one whose user was removed is recorded already."""
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
        # Only now: nobody can cancel it any more, so that nothing has to be taken back.
        while brought := await patiently(lambda: self._imports.brought(run.id)):
            await self._forget(brought)
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
