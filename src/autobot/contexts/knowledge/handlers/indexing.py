"""Commands of those who index: what they fetched, indexed, or could not."""

from __future__ import annotations

from typing import Any

from autobot.contexts.knowledge.handlers.documents import decided
from autobot.contexts.knowledge.ports.documents import (
    FILES,
    QUEUE,
    Library,
    StoredDocument,
    Write,
    claim_on,
    file_key,
    put_claimed,
)
from autobot.contracts.knowledge import indexing as contract
from autobot.kernel.commands.decision import Decision
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AlreadyExists
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import Put

Said = contract.RecordFetched | contract.RecordIndexed | contract.RecordFailed


class IndexingHandlers:
    """One method a command. Doing one again changes nothing."""

    def __init__(self, library: Library, clock: Clock, ids: IdSource) -> None:
        self._library, self._clock, self._ids = library, clock, ids

    async def fetched(
        self, command: contract.RecordFetched, context: CallContext
    ) -> Decision[contract.Recorded]:
        """What lay at the address came. Raises AlreadyExists when the collection has this very file."""
        stored = await self._library.document(command.id)
        facts = stored.document.fetched(command) if stored.document.exists else ()
        held = await self._held(command)
        if held is None:
            return _anothers(stored)
        if not facts:
            wanted = stored.document.original is not None
            return Decision(answer=contract.Recorded(wanted=wanted), object=command.id)
        key = file_key(stored.document.collection, command.original.file.sha256)
        known, row = await self._library.of_file(stored.document.collection, command.original.file.sha256)
        if known not in ("", command.id):
            raise AlreadyExists(f"The same file is in this collection already, as document {known}.")
        has = Put(table=FILES, key=key, document={"document": command.id}, expected=row)
        return self._recorded(stored, facts, (*held, has))

    async def indexed(
        self, command: contract.RecordIndexed, context: CallContext
    ) -> Decision[contract.Recorded]:
        """A version is in the index."""
        stored = await self._library.document(command.id)
        held = await self._held(command)
        if held is None:
            return _anothers(stored)
        facts = stored.document.indexed(command) if stored.document.exists else ()
        return self._recorded(stored, facts, held)

    async def failed(
        self, command: contract.RecordFailed, context: CallContext
    ) -> Decision[contract.Recorded]:
        """A version cannot be indexed."""
        stored = await self._library.document(command.id)
        held = await self._held(command)
        if held is None:
            return _anothers(stored)
        facts = stored.document.failed(command) if stored.document.exists else ()
        return self._recorded(stored, facts, held)

    async def _held(self, command: Said) -> tuple[Write, ...] | None:
        """Return what makes a commit depend on the claim by which a command is said; None when that is another's now."""
        if not command.claim:
            return ()
        row = await self._library.in_queue(command.id)
        if row is None:
            # Nobody waits for it: it is done, or gone.
            return ()
        return (put_claimed(row, command.claim),) if claim_on(row) == command.claim else None

    def _recorded(
        self, stored: StoredDocument, facts: tuple[Any, ...], writes: tuple[Write, ...]
    ) -> Decision[contract.Recorded]:
        answer = contract.Recorded(wanted=stored.document.exists)
        if not facts:
            return Decision(answer=answer, object=stored.document.id)
        made = decided(stored, facts, self._clock, self._ids, writes)
        # First the claim, so that it is held against the row before that goes.
        held = tuple(one for one in writes if one.table == QUEUE)
        rest = tuple(one for one in made.writes if one not in held)
        return Decision(answer=answer, emits=made.emits, writes=(*held, *rest), object=made.object)


def _anothers(stored: StoredDocument) -> Decision[contract.Recorded]:
    answer = contract.Recorded(wanted=stored.document.exists, yours=False)
    return Decision(answer=answer, object=stored.document.id)
