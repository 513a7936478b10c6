"""What the store in memory holds, and how one transaction changes it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

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
    Erase,
    Put,
    Recorded,
    SaveSnapshot,
    StoredAnswer,
    Transaction,
)


@dataclass(slots=True)
class Row:
    """A document as kept: encoded, so that nobody outside holds a piece of it."""

    body: bytes
    owner: str
    group: str
    sort: str
    version: int
    text: str | None

    def document(self, key: str) -> Document:
        """Return it as a value of its own."""
        return Document(
            key=key,
            document=msgspec.json.decode(self.body),
            owner=self.owner,
            group=self.group,
            sort=self.sort,
            version=self.version,
        )


@dataclass(slots=True)
class State:
    """Everything that would be on a disk. Methods check first and change after, so nothing can tear."""

    log: list[Recorded] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    streams: dict[str, list[int]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    answers: dict[tuple[str, str], StoredAnswer] = field(default_factory=dict)
    audit: list[AuditRecord] = field(default_factory=list)
    checkpoints: dict[str, int] = field(default_factory=dict)
    handled: set[tuple[str, str, str]] = field(default_factory=set)
    tables: dict[str, dict[str, Row]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    snapshots: dict[tuple[str, str], SaveSnapshot] = field(default_factory=dict)

    def revision(self, stream: str) -> int:
        """Return a stream's last revision, -1 when it has none."""
        return len(self.streams.get(stream, ())) - 1

    def table(self, name: str) -> dict[str, Row]:
        """Return the documents that `name` means."""
        return self.tables.get(self.aliases.get(name, name), {})

    def position_at(self, moment: datetime) -> int:
        """Return the last position committed at or before `moment`."""
        return bisect_right(self.times, moment)

    # ------------------------------------------------------------------------------------------ conditions

    def repeated(self, transaction: Transaction) -> Committed | None:
        """Return the first result of an identical batch. Raises AlreadyExists for a partial or other one."""
        if not transaction.appends:
            return None
        events = [(one.stream, event) for one in transaction.appends for event in one.events]
        known = [self.ids.get(event.id) for _, event in events]
        if len({event.id for _, event in events}) < len(events):
            raise AlreadyExists("Two events of one transaction carry the same id.")
        if all(position is None for position in known):
            return None
        for (stream, event), position in zip(events, known, strict=True):
            stored = self.log[position - 1] if position is not None else None
            same = (
                stored is not None
                and stored.stream == stream
                and stored.message.type == event.type
                and stored.payload_hash == payload_hash(event.data)
            )
            if not same:
                raise AlreadyExists(f"Event {event.id} exists with other content, or in another batch.")
        last = {one.stream: self.revision(one.stream) for one in transaction.appends if not one.events}
        for stream, event in events:
            last[stream] = self.log[self.ids[event.id] - 1].revision
        revisions = tuple(last[one.stream] for one in transaction.appends)
        return Committed(
            position=max(position for position in known if position is not None),
            revisions=revisions,
            repeated=True,
        )

    def check(self, transaction: Transaction, now: datetime) -> None:
        """Raise what the transaction's conditions demand."""
        self._check_claims(transaction, now)
        demands: tuple[Append | Condition, ...] = (*transaction.appends, *transaction.conditions)
        for one in demands:
            current = self.revision(one.stream)
            if not (one.expected in (ANY, current) or (one.expected == EXISTS and current >= 0)):
                raise WrongExpectedVersion(one.stream, one.expected, current)
        for checkpoint in transaction.checkpoints:
            stands = self.checkpoints.get(checkpoint.consumer, 0)
            if checkpoint.expected not in (None, stands):
                raise WrongExpectedVersion(checkpoint.consumer, checkpoint.expected or 0, stands)
        for write in transaction.writes:
            if isinstance(write, Put) and write.expected is not None:
                row = self.table(write.table).get(write.key)
                version = row.version if row else 0
                if version != write.expected:
                    raise WrongExpectedVersion(f"{write.table}/{write.key}", write.expected, version)

    def _check_claims(self, transaction: Transaction, now: datetime) -> None:
        answer = transaction.answer
        if answer is not None:
            stored = self.answers.get((answer.scope, answer.key))
            if stored is not None and stored.expires > now:
                if stored.fingerprint != answer.fingerprint:
                    raise IdempotencyMismatch("This idempotency key was used before with another payload.")
                raise IdempotencyInFlight("This idempotency key has an answer already.")
        entries = [(one.consumer, one.source, one.message_id) for one in transaction.handled]
        for entry in entries:
            if entry in self.handled or entries.count(entry) > 1:
                raise AlreadyHandled(f"{entry[0]} has handled {entry[2]}.")

    # --------------------------------------------------------------------------------------------- effects

    def apply(self, transaction: Transaction, bodies: tuple[bytes, ...], now: datetime) -> Committed:
        """Do it all. `bodies` are the encoded documents of the Puts, in order."""
        hashes = tuple(hashed for append in transaction.appends for hashed in self._append(append, now))
        self._audit(transaction, hashes)
        if transaction.answer is not None:
            self.answers[transaction.answer.scope, transaction.answer.key] = transaction.answer
        for checkpoint in transaction.checkpoints:
            stands = self.checkpoints.get(checkpoint.consumer, 0)
            self.checkpoints[checkpoint.consumer] = max(stands, checkpoint.position)
        self.handled.update((one.consumer, one.source, one.message_id) for one in transaction.handled)
        encoded = iter(bodies)
        for write in transaction.writes:
            self._write(write, next(encoded) if isinstance(write, Put) else b"")
        for erase in transaction.erase:
            self._erase(erase)
        for snapshot in transaction.snapshots:
            before = self.snapshots.get((snapshot.stream, snapshot.schema))
            if before is None or before.revision <= snapshot.revision:
                self.snapshots[snapshot.stream, snapshot.schema] = snapshot
        for alias in transaction.aliases:
            self.aliases[alias.table] = alias.target
        for drop in transaction.drops:
            self.tables.pop(drop.table, None)
        return Committed(
            position=len(self.log), revisions=tuple(self.revision(one.stream) for one in transaction.appends)
        )

    def _append(self, append: Append, now: datetime) -> list[str]:
        hashes = []
        committed = max(now, self.times[-1]) if self.times else now
        for message in append.events:
            stream = self.streams.setdefault(append.stream, [])
            hashed = payload_hash(message.data)
            recorded = Recorded(
                message=message,
                stream=append.stream,
                revision=len(stream),
                position=len(self.log) + 1,
                payload_hash=hashed,
            )
            self.log.append(recorded)
            self.times.append(committed)
            stream.append(recorded.position)
            self.ids[message.id] = recorded.position
            hashes.append(hashed)
        return hashes

    def _audit(self, transaction: Transaction, hashes: tuple[str, ...]) -> None:
        for entry in transaction.audit:
            previous = self.audit[-1].hash if self.audit else GENESIS
            self.audit.append(
                AuditRecord(
                    sequence=len(self.audit) + 1,
                    entry=entry,
                    event_hashes=hashes,
                    previous=previous,
                    hash=link(previous, entry, hashes),
                )
            )

    def _write(self, write: Put | Delete, body: bytes) -> None:
        table = self.tables.setdefault(self.aliases.get(write.table, write.table), {})
        if isinstance(write, Delete):
            table.pop(write.key, None)
            return
        before = table.get(write.key)
        table[write.key] = Row(
            body=body,
            owner=write.owner,
            group=write.group,
            sort=write.sort,
            version=before.version + 1 if before else 1,
            text=write.text,
        )

    def _erase(self, erase: Erase) -> None:
        for position in self.streams.get(erase.stream, ()):
            stored = self.log[position - 1]
            if not erase.types or stored.message.type in erase.types:
                blank = replace(stored.message, data=b"", erased=True)
                self.log[position - 1] = replace(stored, message=blank)
        for stale in [one for one in self.snapshots if one[0] == erase.stream]:
            del self.snapshots[stale]
