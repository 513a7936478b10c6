"""Documents whose vectors are of another model than the one that answers: meaning finds them no more until they get others."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import msgspec

from autobot.contexts.knowledge.domain.document import Document
from autobot.contexts.knowledge.ports.documents import DOCUMENTS, VECTORS, put_waiting
from autobot.contexts.knowledge.ports.embedding import JudgedEmbedder, Space
from autobot.kernel.core.errors import WrongExpectedVersion
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Query, Transaction

STEADY_S: Final = 600.0
"""For how long one model answers before all is embedded anew: one that is only away for a while comes back."""
PAGE: Final = 200


class Outdated:
    """Puts them into the queue for vectors, once for each change of the model."""

    def __init__(self, store: EventStore, ids: IdSource, embedder: JudgedEmbedder, steady_s: float) -> None:
        self._store, self._ids, self._embedder, self._steady_s = store, ids, embedder, steady_s
        self._done: Space | None = None

    async def look(self) -> None:
        """Do it, if another model than the last time has answered for long enough."""
        space = self._embedder.steady(self._steady_s)
        if space is not None and space != self._done:
            await self._queue(space)
        self._done = space

    async def _queue(self, space: Space) -> None:
        after: tuple[str, str] | None = None
        while page := await self._store.query(Query(table=DOCUMENTS, after=after, limit=PAGE)):
            for row in page:
                document = msgspec.convert(row.document, Document)
                made = Space(document.model, document.dimensions)
                if document.state == "ready" and document.model and made != space:
                    # One that waits already keeps its place, and whoever has it in hand his claim.
                    with suppress(WrongExpectedVersion):
                        put = put_waiting(document, VECTORS, self._ids.new(), expected=0)
                        await self._store.commit(Transaction(writes=(put,)))
            after = page[-1].sort, page[-1].key
