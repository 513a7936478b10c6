"""Commands of those who index: what they fetched, indexed, or could not."""

from __future__ import annotations

from typing import Any

from autobot.contexts.knowledge.handlers.documents import decided
from autobot.contexts.knowledge.ports.documents import FILES, Library, StoredDocument, Write, file_key
from autobot.contracts.knowledge import indexing as contract
from autobot.kernel.commands.decision import Decision
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AlreadyExists
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import Put


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
        if not facts:
            wanted = stored.document.original is not None
            return Decision(answer=contract.Recorded(wanted=wanted), object=command.id)
        key = file_key(stored.document.collection, command.original.file.sha256)
        known, row = await self._library.of_file(stored.document.collection, command.original.file.sha256)
        if known not in ("", command.id):
            raise AlreadyExists(f"The same file is in this collection already, as document {known}.")
        has = Put(table=FILES, key=key, document={"document": command.id}, expected=row)
        return self._recorded(stored, facts, (has,))

    async def indexed(
        self, command: contract.RecordIndexed, context: CallContext
    ) -> Decision[contract.Recorded]:
        """A version is in the index."""
        stored = await self._library.document(command.id)
        return self._recorded(stored, stored.document.indexed(command) if stored.document.exists else ())

    async def failed(
        self, command: contract.RecordFailed, context: CallContext
    ) -> Decision[contract.Recorded]:
        """A version cannot be indexed."""
        stored = await self._library.document(command.id)
        return self._recorded(stored, stored.document.failed(command) if stored.document.exists else ())

    def _recorded(
        self, stored: StoredDocument, facts: tuple[Any, ...], writes: tuple[Write, ...] = ()
    ) -> Decision[contract.Recorded]:
        answer = contract.Recorded(wanted=stored.document.exists)
        if not facts:
            return Decision(answer=answer, object=stored.document.id)
        made = decided(stored, facts, self._clock, self._ids, writes)
        return Decision(answer=answer, emits=made.emits, writes=made.writes, object=made.object)
