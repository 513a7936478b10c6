"""Event stores with a fault on purpose: what a conformance suite and a history checker must find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence, Set
from dataclasses import replace
from datetime import datetime

from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import (
    ANY,
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


class Through:
    """Hands everything on to a store; a fault overrides what it spoils."""

    def __init__(self, store: EventStore) -> None:
        self.store = store

    async def commit(self, transaction: Transaction) -> Committed:
        return await self.store.commit(transaction)

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        return await self.store.read_stream(stream, after=after, limit=limit)

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        return await self.store.read_all(after=after, limit=limit, where=where, backwards=backwards)

    def subscribe(self, *, after: int) -> AsyncIterator[Sequence[Recorded]]:
        return self.store.subscribe(after=after)

    async def head(self) -> int:
        return await self.store.head()

    async def position_at(self, moment: datetime) -> int:
        return await self.store.position_at(moment)

    async def answer(self, scope: str, key: str, now: datetime) -> StoredAnswer | None:
        return await self.store.answer(scope, key, now)

    async def checkpoint(self, consumer: str) -> int:
        return await self.store.checkpoint(consumer)

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        return await self.store.handled(entries)

    async def get(self, table: str, key: str) -> Document | None:
        return await self.store.get(table, key)

    async def query(self, query: Query) -> Sequence[Document]:
        return await self.store.query(query)

    async def count(self, query: Query) -> int:
        return await self.store.count(query)

    async def groups(self, table: str) -> Sequence[str]:
        return await self.store.groups(table)

    async def search(self, query: Query) -> Sequence[SearchHit]:
        return await self.store.search(query)

    async def snapshot(self, stream: str, schema: str) -> Snapshot | None:
        return await self.store.snapshot(stream, schema)

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditRecord]:
        return await self.store.audit(after=after, limit=limit)

    async def close(self) -> None:
        await self.store.close()


class LosesLastWrite(Through):
    """Acknowledges a transaction of several parts and drops the last of its writes and events."""

    async def commit(self, transaction: Transaction) -> Committed:
        if len(transaction.appends) == 1 and len(transaction.appends[0].events) > 1:
            (append,) = transaction.appends
            transaction = replace(transaction, appends=(replace(append, events=append.events[:-1]),))
        return await self.store.commit(replace(transaction, writes=transaction.writes[:-1]))


class ForgetsOneInTen(Through):
    """Acknowledges every tenth commit without making it."""

    commits = 0

    async def commit(self, transaction: Transaction) -> Committed:
        self.commits += 1
        if self.commits % 10:
            return await self.store.commit(transaction)
        return Committed(position=await self.store.head() + 1, revisions=(0,) * len(transaction.appends))


class Doubles(Through):
    """Writes each batch twice: the second time under new ids, so that nothing notices the repeat."""

    async def commit(self, transaction: Transaction) -> Committed:
        done = await self.store.commit(transaction)
        if not done.repeated and transaction.appends:
            again = tuple(
                replace(
                    append,
                    expected=ANY,
                    events=tuple(replace(one, id=f"{one.id}-again") for one in append.events),
                )
                for append in transaction.appends
            )
            done = replace(await self.store.commit(Transaction(appends=again)), revisions=done.revisions)
        return done


class DoublesDelivery(Through):
    """A subscription gives each batch twice."""

    async def subscribe(self, *, after: int) -> AsyncIterator[Sequence[Recorded]]:
        async for batch in self.store.subscribe(after=after):
            yield batch
            yield batch


class Reorders(Through):
    """Reads give two neighbours of the log in the wrong order."""

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        found = list(await self.store.read_all(after=after, limit=limit, where=where, backwards=backwards))
        if len(found) > 1:
            found[0], found[1] = found[1], found[0]
        return found


class AcksEarly(Through):
    """Answers before the commit is made, which happens a moment later."""

    def __init__(self, store: EventStore) -> None:
        super().__init__(store)
        self._late: set[asyncio.Task[Committed]] = set()

    async def commit(self, transaction: Transaction) -> Committed:
        loop = asyncio.get_running_loop()
        position = await self.store.head() + sum(len(one.events) for one in transaction.appends)

        async def later() -> Committed:
            for _ in range(20):
                await asyncio.sleep(0)
            return await self.store.commit(transaction)

        task = loop.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._made)
        return Committed(position=position, revisions=(0,) * len(transaction.appends))

    def _made(self, task: asyncio.Task[Committed]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()

    async def close(self) -> None:
        for task in self._late:
            task.cancel()
        await self.store.close()


class Tears(Through):
    """A refused transaction leaves the parts of it that had no condition."""

    async def commit(self, transaction: Transaction) -> Committed:
        try:
            return await self.store.commit(transaction)
        except AutoBotError:
            parts = Transaction(audit=transaction.audit, snapshots=transaction.snapshots)
            for append in transaction.appends:
                fresh = replace(append, expected=ANY)
                try:
                    await self.store.commit(replace(parts, appends=(fresh,)))
                except AutoBotError:
                    continue
            raise


class IgnoresExpectedVersions(Through):
    """Appends wherever the stream is."""

    async def commit(self, transaction: Transaction) -> Committed:
        appends = tuple(replace(one, expected=ANY) for one in transaction.appends)
        return await self.store.commit(replace(transaction, appends=appends, conditions=()))


class ForgetsTheInbox(Through):
    """Handles a message as often as it comes."""

    async def commit(self, transaction: Transaction) -> Committed:
        return await self.store.commit(replace(transaction, handled=()))


class KnowsNothingHandled(Through):
    """Says of every message that the inbox does not hold it."""

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        return set()


class KnowsAllHandled(Through):
    """Says of every message that the inbox holds it."""

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        return set(entries)


class ConfusesConsumers(Through):
    """Says that a consumer has handled what another one has."""

    def __init__(self, store: EventStore) -> None:
        super().__init__(store)
        self._consumers: set[str] = set()

    async def commit(self, transaction: Transaction) -> Committed:
        self._consumers.update(one.consumer for one in transaction.handled)
        return await self.store.commit(transaction)

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        found = set[Handled]()
        for one in entries:
            under = [replace(one, consumer=name) for name in self._consumers]
            if await self.store.handled(under):
                found.add(one)
        return found


class CountsOnePage(Through):
    """Counts no further than a page."""

    async def count(self, query: Query) -> int:
        return min(query.limit, await self.store.count(query))


class CountsFromTheStart(Through):
    """Counts what lies before the place, too."""

    async def count(self, query: Query) -> int:
        return await self.store.count(replace(query, after=None))


class KeepsOldGroups(Through):
    """Names a table's groups as they were when it was first asked."""

    def __init__(self, store: EventStore) -> None:
        super().__init__(store)
        self._known: dict[str, Sequence[str]] = {}

    async def groups(self, table: str) -> Sequence[str]:
        if table not in self._known:
            self._known[table] = await self.store.groups(table)
        return self._known[table]


class ErasesNothing(Through):
    """Acknowledges an erasure and keeps the text."""

    async def commit(self, transaction: Transaction) -> Committed:
        return await self.store.commit(replace(transaction, erase=()))


FAULTS: tuple[Callable[[EventStore], EventStore], ...] = (
    LosesLastWrite,
    ForgetsOneInTen,
    Doubles,
    DoublesDelivery,
    Reorders,
    AcksEarly,
    Tears,
    IgnoresExpectedVersions,
    ForgetsTheInbox,
    KnowsNothingHandled,
    KnowsAllHandled,
    ConfusesConsumers,
    CountsOnePage,
    CountsFromTheStart,
    KeepsOldGroups,
    ErasesNothing,
)
"""Every fault that the suite of `EventStore` must find."""
