"""Commands on collections."""

from __future__ import annotations

from typing import Any

from autobot.contexts.knowledge.domain.collection import Collection, own_of, stream_of
from autobot.contexts.knowledge.handlers.parts import Parts, joined
from autobot.contexts.knowledge.handlers.question_sets import set_removed
from autobot.contexts.knowledge.ports.documents import (
    COLLECTIONS,
    Library,
    StoredCollection,
    put_collection,
)
from autobot.contexts.knowledge.ports.question_sets import QuestionSets
from autobot.contexts.knowledge.ports.views import collection_view
from autobot.contracts.knowledge import collections as contract
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import ANY, Delete, Erase


class CollectionHandlers:
    """One method a command."""

    def __init__(self, library: Library, sets: QuestionSets, clock: Clock, ids: IdSource) -> None:
        self._library, self._sets, self._clock, self._ids = library, sets, clock, ids

    async def create(
        self, command: contract.CreateCollection, context: CallContext
    ) -> Decision[contract.CollectionView]:
        """Make one; who asks owns it."""
        made = Collection(
            id=self._ids.new(),
            name=command.name,
            owner=context.principal.user_id,
            readers=command.readers,
            writers=command.writers,
            everybody=command.everybody,
            created_at=self._clock.now(),
        )
        return _decided(made, 0, made.create(), context, 0)

    async def change(
        self, command: contract.ChangeCollection, context: CallContext
    ) -> Decision[contract.CollectionView]:
        """Change what its owner wants changed. Search asks for permissions each time, so they hold at once."""
        stored = await self._library.collection(command.id)
        before = stored.collection
        before.require_managed(context.principal)
        if before.id == own_of(before.owner) and command.owner is not None:
            raise Conflict("Everybody has one collection of their own; this one cannot be given away.")
        after = before.change(command)
        held = await self._library.documents_in(before.id)
        return _decided(after, stored.row, after.changed(before), context, held)

    async def delete(
        self, command: contract.DeleteCollection, context: CallContext
    ) -> Decision[contract.Gone]:
        """Remove one that is empty, with its question sets; what the log says of them is blanked."""
        stored = await self._library.collection(command.id)
        stored.collection.require_managed(context.principal)
        held = await self._library.documents_in(command.id)
        if held:
            raise Conflict(
                f"The collection {stored.collection.name} has {held} documents.", hint="Delete those first."
            )
        sets = await self._sets.of_collection(command.id)
        emits, writes, erase = joined((*map(set_removed, sets), removed(stored)))
        return Decision(answer=contract.Gone(), emits=emits, writes=writes, erase=erase, object=command.id)


def _decided(
    collection: Collection, row: int, facts: tuple[Any, ...], context: CallContext, held: int
) -> Decision[contract.CollectionView]:
    view = collection_view(collection, context.principal, held)
    if not facts:
        return Decision(answer=view, object=collection.id)
    return Decision(
        answer=view,
        emits=(Emit(stream=stream_of(collection.id), expected=ANY, events=facts),),
        writes=(put_collection(collection, row),),
        object=collection.id,
    )


def removed(stored: StoredCollection) -> Parts:
    """Return what removes a collection; what the log says of it is blanked."""
    collection = stored.collection
    stream = stream_of(collection.id)
    fact = contract.CollectionDeleted(id=collection.id)
    said = (contract.CollectionCreated.TYPE, contract.CollectionChanged.TYPE)
    return (
        (Emit(stream=stream, expected=ANY, events=(fact,)),),
        # Written once more before it goes: so a change of the row meanwhile is noticed.
        (put_collection(collection, stored.row), Delete(table=COLLECTIONS, key=collection.id)),
        (Erase(stream=stream, types=said, reason="collection deleted"),),
    )


def released(stored: StoredCollection) -> Parts:
    """Return what lets a collection with others' documents go on without an owner: an administrator cares for it."""
    after = stored.collection.without_owner()
    emit = Emit(stream=stream_of(after.id), expected=ANY, events=after.changed(stored.collection))
    return (emit,), (put_collection(after, stored.row),), ()
