"""The event store's port. One transaction, one log, documents beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence, Set
from datetime import datetime
from typing import Protocol

from autobot.kernel.core.errors import Conflict, Overloaded
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


class AlreadyHandled(Conflict):
    """The consumer's inbox holds this message: its effect has happened, acknowledge and go on."""

    code = "already-handled"


class StoreClosed(Overloaded):
    """The store was closed: whoever follows the log ends, nobody tries again."""

    def __init__(self) -> None:
        super().__init__("The store is closed.", link="backend-store")


class EventStore(Protocol):
    """Durable log, documents, idempotency answers, inbox, checkpoints, audit chain, snapshots.

    Contract:
    - `commit` is all or nothing and durable when it returns (power loss included); concurrent commits
      may share one disk flush, each still succeeds or fails alone. Cancelling the caller while it waits
      leaves the commit either whole or not done, never half.
    - Positions are contiguous from 1 in commit order; a reader never sees position n+1 before n.
    - Raises WrongExpectedVersion(stream, expected, current) when a stream, document or checkpoint is
      elsewhere; AlreadyHandled for a known inbox entry; IdempotencyMismatch / IdempotencyInFlight for a key
      whose answer exists and has not expired (other fingerprint / same one: the caller reads `answer`).
      Repeating an identical batch (same ids, same content, same streams) returns the first result with
      `repeated` and writes nothing; the same ids with other content, or a partial overlap, raise
      AlreadyExists. When several fail: the repeat decides first, then the answer's key, the inbox, streams,
      checkpoints, documents.
    - What a caller does with values it passed or got never changes what is stored.
    - Reads see every commit that returned before they began, and may run while commits do.
    - Safe for concurrent use from one event loop. After `close` a commit is refused with StoreClosed.
    """

    async def commit(self, transaction: Transaction) -> Committed:
        """Make `transaction` durable."""
        ...

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        """Return events of `stream` with a revision above `after`, in order."""
        ...

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        """Return events above position `after` in log order.

        With `backwards` those below it, newest first; `after` 0 then means from the head.
        """
        ...

    def subscribe(self, *, after: int) -> AsyncIterator[Sequence[Recorded]]:
        """Yield batches from `after` on, first the past, then each commit as it happens; ends on close().

        Each event comes once, in order, and only after it is durable. A slow reader delays nobody else.
        """
        ...

    async def head(self) -> int:
        """Return the last position, 0 for an empty log."""
        ...

    async def position_at(self, moment: datetime) -> int:
        """Return the last position committed at or before `moment`, 0 when there is none.

        Times of commit never go back, even when the machine's clock does.
        """
        ...

    async def answer(self, scope: str, key: str, now: datetime) -> StoredAnswer | None:
        """Return the stored answer of an idempotency key unless it expired."""
        ...

    async def checkpoint(self, consumer: str) -> int:
        """Return where `consumer` stands, 0 when it never ran."""
        ...

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        """Return those of `entries` that the inbox holds: their consumers have handled these messages."""
        ...

    async def get(self, table: str, key: str) -> Document | None:
        """Return one document."""
        ...

    async def query(self, query: Query) -> Sequence[Document]:
        """Return a page of documents."""
        ...

    async def count(self, query: Query) -> int:
        """Return how many documents a query means, in all its pages: from `after` on, `limit` is ignored.

        Answered from an index, without reading a document, unless the query has `text`.
        """
        ...

    async def groups(self, table: str) -> Sequence[str]:
        """Return the `group`s that documents of a table have, in order, the empty one left out.

        Each is found by one seek of an index, however many documents have it.
        """
        ...

    async def search(self, query: Query) -> Sequence[SearchHit]:
        """Return full-text hits of `query.text` (owner and group restrict), best first; `after` and `order` are ignored."""
        ...

    async def snapshot(self, stream: str, schema: str) -> Snapshot | None:
        """Return the newest snapshot of that shape."""
        ...

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditRecord]:
        """Return audit records above sequence `after`, in order."""
        ...

    async def close(self) -> None:
        """Finish queued commits, end subscriptions, release files."""
        ...
