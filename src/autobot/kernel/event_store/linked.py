"""The event store behind a row of the matrix (the specification's Domain Services → Repositories)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.erasures import counted
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import (
    AuditRecord,
    Committed,
    Document,
    Filter,
    Handled,
    Query,
    Recorded,
    SearchHit,
    Snapshot,
    StoredAnswer,
    Transaction,
)
from autobot.kernel.links.ports import Link
from autobot.kernel.resilience.operation import Effect, Operation

COMMIT: Final = Operation(name="commit", effect=Effect.IDEMPOTENT)
READ: Final = Operation(name="read", effect=Effect.FREE)


class LinkedEventStore:
    """Implements `EventStore` by calls on a link; `context` is the process's own.

    A commit carries the correlation id of what it makes durable, so its hop is found under that id.
    """

    def __init__(self, link: Link, store: EventStore, context: CallContext) -> None:
        self._link, self._store, self._context = link, store, context
        self.on_erase: list[Callable[[], None]] = []
        """Called after each commit that erased, before it is answered: whoever keeps copies drops them."""

    def _context_of(self, transaction: Transaction) -> CallContext:
        if transaction.appends and transaction.appends[0].events:
            correlation_id = transaction.appends[0].events[0].correlation_id
        elif transaction.audit:
            correlation_id = transaction.audit[0].correlation_id
        else:
            return self._context
        return replace(self._context, correlation_id=correlation_id)

    async def commit(self, transaction: Transaction) -> Committed:
        """Make `transaction` durable."""
        transaction = counted(transaction)
        try:
            done: Committed = await self._link.call(COMMIT, transaction, self._context_of(transaction))
        finally:
            # Also after a failure that leaves open whether the commit was made.
            if transaction.erase:
                for hear in self.on_erase:
                    hear()
        return done

    async def _read(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return await self._link.call(READ, (name, args, kwargs), self._context)

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        """Return events of a stream."""
        found: Sequence[Recorded] = await self._read("read_stream", stream, after=after, limit=limit)
        return found

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        """Return events of the log."""
        found: Sequence[Recorded] = await self._read(
            "read_all", after=after, limit=limit, where=where, backwards=backwards
        )
        return found

    def subscribe(self, *, after: int) -> AsyncIterator[Sequence[Recorded]]:
        """Follow the log. A subscription is not a call: it lives as long as its consumer."""
        return self._store.subscribe(after=after)

    async def head(self) -> int:
        """Return the last position."""
        return await self._store.head()

    async def position_at(self, moment: datetime) -> int:
        """Return the last position at a time."""
        position: int = await self._read("position_at", moment)
        return position

    async def answer(self, scope: str, key: str, now: datetime) -> StoredAnswer | None:
        """Return a stored answer."""
        found: StoredAnswer | None = await self._read("answer", scope, key, now)
        return found

    async def checkpoint(self, consumer: str) -> int:
        """Return where a consumer stands."""
        position: int = await self._read("checkpoint", consumer)
        return position

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        """Return what the inbox holds of them."""
        found: Set[Handled] = await self._read("handled", entries)
        return found

    async def get(self, table: str, key: str) -> Document | None:
        """Return one document."""
        found: Document | None = await self._read("get", table, key)
        return found

    async def query(self, query: Query) -> Sequence[Document]:
        """Return a page of documents."""
        found: Sequence[Document] = await self._read("query", query)
        return found

    async def count(self, query: Query) -> int:
        """Return how many documents a query means."""
        found: int = await self._read("count", query)
        return found

    async def groups(self, table: str) -> Sequence[str]:
        """Return the groups of a table."""
        found: Sequence[str] = await self._read("groups", table)
        return found

    async def search(self, query: Query) -> Sequence[SearchHit]:
        """Return full-text hits."""
        found: Sequence[SearchHit] = await self._read("search", query)
        return found

    async def snapshot(self, stream: str, schema: str) -> Snapshot | None:
        """Return the newest snapshot."""
        found: Snapshot | None = await self._read("snapshot", stream, schema)
        return found

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditRecord]:
        """Return audit records."""
        found: Sequence[AuditRecord] = await self._read("audit", after=after, limit=limit)
        return found

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()


def store_service(
    store: EventStore,
) -> Mapping[str, Callable[[Any, CallContext], Coroutine[Any, Any, Any]]]:
    """Return the handlers behind the row, by operation name."""

    async def commit(payload: Any, context: CallContext) -> Committed:
        return await store.commit(payload)

    async def read(payload: Any, context: CallContext) -> Any:
        name, args, kwargs = payload
        return await getattr(store, name)(*args, **kwargs)

    return {COMMIT.name: commit, READ.name: read}
