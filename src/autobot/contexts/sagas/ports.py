"""What the sagas context needs: the stored sagas and their definitions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from autobot.contexts.sagas.domain import Plan, Saga, fold
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.run import Definition

Kinds = Callable[[], Mapping[str, Definition]]
"""Returns the definitions that this version carries out, by name."""


CaughtUp = Callable[[], Awaitable[None]]
"""Returns when what was committed until now has set off what it sets off. Raises Stale when that takes long."""


class StoredSagas:
    """Sagas as the engine wrote them."""

    def __init__(self, store: EventStore, codec: EventCodec, kinds: Kinds, caught_up: CaughtUp) -> None:
        self._store, self._codec, self._kinds, self._caught_up = store, codec, kinds, caught_up

    async def load(self, saga_id: str) -> Saga:
        """Fold one from its stream. Raises NotFound, and Stale."""
        await self.document(saga_id)
        recorded = await self._store.read_stream(facts.stream_of(saga_id), limit=1_000_000)
        return fold(saga_id, [(self._codec.unwrap(one), one.message.time) for one in recorded])

    async def document(self, saga_id: str) -> Document:
        """Return the document that lists show. Raises NotFound, and Stale while it may be one that was just asked for."""
        found = await self._store.get(facts.SAGAS, saga_id)
        if found is None:
            await self._caught_up()
            found = await self._store.get(facts.SAGAS, saga_id)
        if found is None:
            raise NotFound("There is no such saga.")
        return found

    def today(self, saga: Saga) -> Plan:
        """Return the steps of its definition as this version has it, empty when it has none of that name."""
        kind = self._kinds().get(saga.definition)
        return () if kind is None else kind.plan
