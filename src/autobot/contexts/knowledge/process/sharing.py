"""Several processes on one queue: which of them works on a document, and how all others are refused.

A process has one lease, renewed for all its documents: a row that says who it is, and a token that every taking and every
ending moves by one. A claim names the process and its token, and stands in the document's own row of the queue; so it goes
with the fact of how the document ended, and taking it is one commit. It is good while the token stands. What a process
says of a document depends on its claim, so one that was cut off says nothing more, whatever it believes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from autobot.contexts.knowledge.ports.documents import INDEXING, QUEUE, claim_on, put_claimed
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, WrongExpectedVersion
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.event_store.transaction import Delete, Document, Transaction
from autobot.kernel.messaging.leases import TTL_S, Lease, Others, end, rows_about, while_held

INDEXERS: Final = "indexers"
"""What the leases of processes are about."""


class Shares:
    """One process's part in the work. `owner` is its name: the same after a restart, and nobody else's."""

    def __init__(self, store: EventStore, clock: Clock, owner: str, *, ttl_s: float = TTL_S) -> None:
        self._store, self._clock, self.owner = store, clock, owner
        self._lease = Lease(store, clock, f"indexer:{owner}", owner, about=INDEXERS, ttl_s=ttl_s)
        self._others = Others(store, clock, INDEXERS, owner, ttl_s=ttl_s)
        self._good: frozenset[str] = frozenset()

    @property
    def claim(self) -> str:
        """What its claims say."""
        return _claim(self.owner, self._lease.token)

    async def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do `work` whenever this process has its lease, until the store closes; then leave its documents to others."""
        try:
            await while_held(self._lease, self._clock, work)
        finally:
            with suppress(AutoBotError, StoreClosed):
                await asyncio.shield(self._leave())

    async def _leave(self) -> None:
        for row in await rows_about(self._store, INDEXERS):
            mine = row.key == self._lease.name
            if mine and await self._store.checkpoint(self._lease.fence.consumer) == self._lease.token:
                await end(self._store, row)

    async def look(self) -> None:
        """See whose claims are good now, and take those of processes that are silent from them."""
        async for holder in self._others.gone():
            # How far it was is nobody's business any more.
            await self._store.commit(Transaction(writes=(Delete(table=INDEXING, key=holder),)))
        good = set()
        for row in await rows_about(self._store, INDEXERS):
            holder = str(row.document["holder"])
            if not row.document.get("ended"):
                good.add(_claim(holder, await self._store.checkpoint(f"lease:{row.key}")))
        self._good = frozenset(good)

    async def take(self, row: Document) -> bool:
        """Claim a document of the queue that is nobody's; say whether it is this process's now."""
        claim = claim_on(row)
        if claim == self.claim:
            return True
        if claim in self._good:
            return False
        try:
            write = put_claimed(row, self.claim)
            await self._store.commit(Transaction(checkpoints=(self._lease.fence,), writes=(write,)))
        except WrongExpectedVersion:
            # It may be this very commit, whose answer was lost on its way here.
            now = await self._store.get(QUEUE, row.key)
            return now is not None and claim_on(now) == self.claim
        return True


def _claim(holder: str, token: int) -> str:
    return f"{holder}:{token}"
