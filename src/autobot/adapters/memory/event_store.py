"""The event store in memory: the demo, the tests' store, and the shortest reading of the port's contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence, Set
from datetime import datetime

import msgspec

from autobot.adapters.memory.state import Row, State
from autobot.kernel.core.bell import Bell
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import InvalidInput
from autobot.kernel.event_store.ports import StoreClosed
from autobot.kernel.event_store.text import excerpt, words
from autobot.kernel.event_store.transaction import (
    AuditRecord,
    Committed,
    Document,
    Filter,
    Handled,
    Put,
    Query,
    Recorded,
    SearchHit,
    Snapshot,
    StoredAnswer,
    Transaction,
)

BATCH = 1000


class MemoryEventStore:
    """Implements `EventStore`. A commit runs without waiting, so it cannot tear; nothing survives the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._state = State()
        self._moved = Bell()
        self._closed = False

    async def commit(self, transaction: Transaction) -> Committed:
        if self._closed:
            raise StoreClosed
        bodies = tuple(encoded(one) for one in transaction.writes if isinstance(one, Put))
        repeated = self._state.repeated(transaction)
        if repeated is not None:
            return repeated
        now = self._clock.now()
        self._state.check(transaction, now)
        committed = self._state.apply(transaction, bodies, now)
        self._moved.ring()
        return committed

    # ----------------------------------------------------------------------------------------------- log

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        positions = self._state.streams.get(stream, [])[after + 1 : after + 1 + limit]
        return [self._state.log[position - 1] for position in positions]

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        log = self._state.log
        if backwards:
            end = min(after - 1, len(log)) if after > 0 else len(log)
            source: Sequence[Recorded] = log[end - 1 :: -1] if end > 0 else []
        else:
            source = log[after:]
        found: list[Recorded] = []
        for one in source:
            if len(found) == limit:
                break
            if where is None or matches(where, one):
                found.append(one)
        return found

    async def subscribe(self, *, after: int) -> AsyncIterator[Sequence[Recorded]]:
        while not self._closed:
            moved = self._moved.next()
            batch = self._state.log[after : after + BATCH]
            if batch:
                after = batch[-1].position
                yield batch
            else:
                await moved.wait()

    async def head(self) -> int:
        return len(self._state.log)

    async def position_at(self, moment: datetime) -> int:
        return self._state.position_at(moment)

    # ----------------------------------------------------------------------------------------- beside it

    async def answer(self, scope: str, key: str, now: datetime) -> StoredAnswer | None:
        stored = self._state.answers.get((scope, key))
        return stored if stored is not None and stored.expires > now else None

    async def checkpoint(self, consumer: str) -> int:
        return self._state.checkpoints.get(consumer, 0)

    async def handled(self, entries: Sequence[Handled]) -> Set[Handled]:
        known = self._state.handled
        return {one for one in entries if (one.consumer, one.source, one.message_id) in known}

    async def get(self, table: str, key: str) -> Document | None:
        row = self._state.table(table).get(key)
        return row.document(key) if row else None

    def _candidates(self, query: Query) -> list[tuple[str, Row]]:
        return [
            (key, row)
            for key, row in self._state.table(query.table).items()
            if (query.owner is None or row.owner == query.owner)
            and (query.group is None or row.group == query.group)
            and (query.text is None or score(row.text, query.text))
        ]

    async def query(self, query: Query) -> Sequence[Document]:
        descending = query.order == "descending"
        found = sorted(self._after(query), key=lambda one: (one[1].sort, one[0]), reverse=descending)
        return [row.document(key) for key, row in found[: query.limit]]

    def _after(self, query: Query) -> list[tuple[str, Row]]:
        place, descending = query.after, query.order == "descending"
        return [
            (key, row)
            for key, row in self._candidates(query)
            if place is None or ((row.sort, key) < place if descending else (row.sort, key) > place)
        ]

    async def count(self, query: Query) -> int:
        return len(self._after(query))

    async def groups(self, table: str) -> Sequence[str]:
        return sorted({row.group for row in self._state.table(table).values() if row.group})

    async def search(self, query: Query) -> Sequence[SearchHit]:
        wanted = query.text or ""
        hits = [
            SearchHit(
                document=row.document(key),
                excerpt=excerpt(row.text or "", wanted),
                score=score(row.text, wanted),
            )
            for key, row in self._candidates(query)
            if score(row.text, wanted)
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.document.sort, hit.document.key))
        return hits[: query.limit]

    async def snapshot(self, stream: str, schema: str) -> Snapshot | None:
        stored = self._state.snapshots.get((stream, schema))
        return Snapshot(revision=stored.revision, data=stored.data) if stored else None

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditRecord]:
        return self._state.audit[after : after + limit]

    async def close(self) -> None:
        self._closed = True
        self._moved.ring()


def encoded(put: Put) -> bytes:
    """Return a document's bytes. Raises InvalidInput for what has no JSON or UTF-8 form."""
    try:
        msgspec.json.encode((put.table, put.key, put.owner, put.group, put.sort, put.text))
        return msgspec.json.encode(put.document)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise InvalidInput("This cannot be stored: a value has no JSON or UTF-8 form.") from error


def matches(where: Filter, recorded: Recorded) -> bool:
    """Say whether an event is wanted."""
    message = recorded.message
    types = not where.types or any(
        message.type.startswith(one[:-1]) if one.endswith("*") else message.type == one for one in where.types
    )
    return (
        types
        and where.stream in ("", recorded.stream)
        and recorded.stream.startswith(where.stream_prefix)
        and where.correlation_id in ("", message.correlation_id)
        and (where.since is None or message.time >= where.since)
        and (where.until is None or message.time <= where.until)
    )


def score(text: str | None, wanted: str) -> float:
    """Count the matches; 0 unless every word is there (the last one may be a beginning)."""
    asked = words(wanted)
    if text is None or not asked:
        return 0.0
    have = words(text)
    counts = [have.count(one) for one in asked[:-1]]
    counts.append(sum(1 for one in have if one.startswith(asked[-1])))
    return float(sum(counts)) if all(counts) else 0.0
