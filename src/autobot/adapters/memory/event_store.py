"""The event store in memory: the demo, the tests' store, and the shortest reading of the port's contract."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import (
    AlreadyExists,
    IdempotencyInFlight,
    IdempotencyMismatch,
    WrongExpectedVersion,
)
from autobot.kernel.event_store.audit_chain import GENESIS, link, payload_hash
from autobot.kernel.event_store.ports import AlreadyHandled
from autobot.kernel.event_store.transaction import (
    ANY,
    EXISTS,
    Append,
    AuditRecord,
    Committed,
    Condition,
    Delete,
    Document,
    Filter,
    Put,
    Query,
    Recorded,
    SaveSnapshot,
    SearchHit,
    Snapshot,
    StoredAnswer,
    Transaction,
)

EXCERPT = 60


@dataclass(slots=True)
class _State:
    """Everything that is durable, were this a disk."""

    log: list[Recorded] = field(default_factory=list)
    streams: dict[str, list[int]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    answers: dict[tuple[str, str], StoredAnswer] = field(default_factory=dict)
    audit: list[AuditRecord] = field(default_factory=list)
    checkpoints: dict[str, int] = field(default_factory=dict)
    handled: set[tuple[str, str, str]] = field(default_factory=set)
    documents: dict[tuple[str, str], Document] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    snapshots: dict[tuple[str, str], SaveSnapshot] = field(default_factory=dict)


class MemoryEventStore:
    """Implements `EventStore`. A commit is checked whole before anything changes, so it cannot tear."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._state = _State()
        self._moved = asyncio.Event()
        self._closed = False

    # ------------------------------------------------------------------------------------------- commit

    async def commit(self, transaction: Transaction) -> Committed:
        repeated = self._repeated(transaction)
        if repeated is not None:
            return repeated
        self._check(transaction)
        revisions, hashes = self._append(transaction)
        self._record(transaction, hashes)
        self._write(transaction)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        return Committed(position=len(self._state.log), revisions=revisions)

    def _repeated(self, transaction: Transaction) -> Committed | None:
        state = self._state
        events = [(one.stream, event) for one in transaction.appends for event in one.events]
        known = [state.ids.get(event.id) for _, event in events]
        if not any(position is not None for position in known):
            return None
        for (stream, event), position in zip(events, known, strict=True):
            stored = state.log[position - 1] if position is not None else None
            same = (
                stored is not None
                and stored.stream == stream
                and stored.message.type == event.type
                and stored.payload_hash == payload_hash(event.data)
            )
            if not same:
                raise AlreadyExists(f"Event {event.id} exists with other content, or in another batch.")
        positions = [position for position in known if position is not None]
        revisions = tuple(
            state.log[state.ids[one.events[-1].id] - 1].revision for one in transaction.appends if one.events
        )
        return Committed(position=max(positions), revisions=revisions, repeated=True)

    def _check(self, transaction: Transaction) -> None:
        state = self._state
        answer = transaction.answer
        if answer is not None:
            stored = state.answers.get((answer.scope, answer.key))
            if stored is not None and stored.expires > self._clock.now():
                if stored.fingerprint != answer.fingerprint:
                    raise IdempotencyMismatch("This idempotency key was used before with another payload.")
                raise IdempotencyInFlight("This idempotency key has an answer already.")
        for handled in transaction.handled:
            if (handled.consumer, handled.source, handled.message_id) in state.handled:
                raise AlreadyHandled(f"{handled.consumer} has handled {handled.message_id}.")
        demands: tuple[Append | Condition, ...] = (*transaction.appends, *transaction.conditions)
        for one in demands:
            current = len(state.streams.get(one.stream, ())) - 1
            holds = one.expected in (ANY, current) or (one.expected == EXISTS and current >= 0)
            if not holds:
                raise WrongExpectedVersion(one.stream, one.expected, current)
        for write in transaction.writes:
            if isinstance(write, Put) and write.expected is not None:
                document = state.documents.get((write.table, write.key))
                version = document.version if document else 0
                if version != write.expected:
                    raise WrongExpectedVersion(f"{write.table}/{write.key}", write.expected, version)

    def _append(self, transaction: Transaction) -> tuple[tuple[int, ...], tuple[str, ...]]:
        revisions: list[int] = []
        hashes: list[str] = []
        for append in transaction.appends:
            hashes.extend(self._append_one(append))
            revisions.append(len(self._state.streams.get(append.stream, ())) - 1)
        return tuple(revisions), tuple(hashes)

    def _append_one(self, append: Append) -> list[str]:
        state = self._state
        hashes = []
        stream = state.streams.setdefault(append.stream, [])
        for message in append.events:
            position = len(state.log) + 1
            hashed = payload_hash(message.data)
            state.log.append(
                Recorded(
                    message=message,
                    stream=append.stream,
                    revision=len(stream),
                    position=position,
                    payload_hash=hashed,
                )
            )
            stream.append(position)
            state.ids[message.id] = position
            hashes.append(hashed)
        return hashes

    def _record(self, transaction: Transaction, hashes: tuple[str, ...]) -> None:
        state = self._state
        for entry in transaction.audit:
            previous = state.audit[-1].hash if state.audit else GENESIS
            state.audit.append(
                AuditRecord(
                    sequence=len(state.audit) + 1,
                    entry=entry,
                    event_hashes=hashes,
                    previous=previous,
                    hash=link(previous, entry, hashes),
                )
            )
        if transaction.answer is not None:
            state.answers[transaction.answer.scope, transaction.answer.key] = transaction.answer
        for checkpoint in transaction.checkpoints:
            before = state.checkpoints.get(checkpoint.consumer, 0)
            state.checkpoints[checkpoint.consumer] = max(before, checkpoint.position)
        state.handled.update((one.consumer, one.source, one.message_id) for one in transaction.handled)

    def _write(self, transaction: Transaction) -> None:
        state = self._state
        for write in transaction.writes:
            key = (write.table, write.key)
            if isinstance(write, Delete):
                state.documents.pop(key, None)
                state.texts.pop(key, None)
                continue
            before = state.documents.get(key)
            state.documents[key] = Document(
                key=write.key,
                document=dict(write.document),
                owner=write.owner,
                group=write.group,
                sort=write.sort,
                version=before.version + 1 if before else 1,
            )
            state.texts.pop(key, None)
            if write.text is not None:
                state.texts[key] = write.text
        for erase in transaction.erase:
            for position in state.streams.get(erase.stream, ()):
                stored = state.log[position - 1]
                if not erase.types or stored.message.type in erase.types:
                    blank = replace(stored.message, data=b"", erased=True)
                    state.log[position - 1] = replace(stored, message=blank)
            for stale in [one for one in state.snapshots if one[0] == erase.stream]:
                del state.snapshots[stale]
        for snapshot in transaction.snapshots:
            state.snapshots[snapshot.stream, snapshot.schema] = snapshot

    # -------------------------------------------------------------------------------------------- reads

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        positions = self._state.streams.get(stream, [])[after + 1 : after + 1 + limit]
        return [self._state.log[position - 1] for position in positions]

    async def read_all(
        self, *, after: int = 0, limit: int = 1000, where: Filter | None = None, backwards: bool = False
    ) -> Sequence[Recorded]:
        log = self._state.log
        if backwards:
            end = after - 1 if after > 0 else len(log)
            source: Sequence[Recorded] = log[max(end, 0) - 1 :: -1] if end > 0 else []
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
            moved = self._moved
            batch = self._state.log[after : after + 1000]
            if batch:
                after = batch[-1].position
                yield batch
            else:
                await moved.wait()

    async def head(self) -> int:
        return len(self._state.log)

    async def position_at(self, moment: datetime) -> int:
        return bisect_right(self._state.log, moment, key=lambda one: one.message.time)

    async def answer(self, scope: str, key: str, now: datetime) -> StoredAnswer | None:
        stored = self._state.answers.get((scope, key))
        return stored if stored is not None and stored.expires > now else None

    async def checkpoint(self, consumer: str) -> int:
        return self._state.checkpoints.get(consumer, 0)

    async def get(self, table: str, key: str) -> Document | None:
        return self._state.documents.get((table, key))

    def _candidates(self, query: Query) -> list[Document]:
        return [
            one
            for (table, key), one in self._state.documents.items()
            if table == query.table
            and (query.owner is None or one.owner == query.owner)
            and (query.group is None or one.group == query.group)
            and (query.text is None or _score(self._state.texts.get((table, key)), query.text))
        ]

    async def query(self, query: Query) -> Sequence[Document]:
        descending = query.order == "descending"
        found = sorted(self._candidates(query), key=lambda one: (one.sort, one.key), reverse=descending)
        if query.after is not None:
            place = query.after
            found = [
                one
                for one in found
                if ((one.sort, one.key) < place if descending else (one.sort, one.key) > place)
            ]
        return found[: query.limit]

    async def search(self, query: Query) -> Sequence[SearchHit]:
        wanted = query.text or ""
        hits = []
        for one in self._candidates(query):
            text = self._state.texts.get((query.table, one.key), "")
            hits.append(SearchHit(document=one, excerpt=_excerpt(text, wanted), score=_score(text, wanted)))
        hits.sort(key=lambda hit: (-hit.score, hit.document.sort, hit.document.key))
        return hits[: query.limit]

    async def snapshot(self, stream: str, schema: str) -> Snapshot | None:
        stored = self._state.snapshots.get((stream, schema))
        return Snapshot(revision=stored.revision, data=stored.data) if stored else None

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditRecord]:
        return self._state.audit[after : after + limit]

    async def close(self) -> None:
        self._closed = True
        self._moved.set()


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


def _words(text: str) -> list[str]:
    cleaned = "".join(one if one.isalnum() else " " for one in text.casefold())
    return cleaned.split()


def _score(text: str | None, wanted: str) -> float:
    """Count the matches; 0 unless every word is there (the last one may be a beginning)."""
    if text is None:
        return 0.0
    words, asked = _words(text), _words(wanted)
    if not asked:
        return 0.0
    counts = [words.count(one) for one in asked[:-1]]
    counts.append(sum(1 for one in words if one.startswith(asked[-1])))
    return float(sum(counts)) if all(counts) else 0.0


def _excerpt(text: str, wanted: str) -> str:
    asked = _words(wanted)
    start = min((at for one in asked if (at := text.casefold().find(one)) >= 0), default=0)
    end = start + len(asked[0]) if asked else start
    left, right = max(0, start - EXCERPT), min(len(text), end + EXCERPT)
    return f"{text[left:start]}«{text[start:end]}»{text[end:right]}"
