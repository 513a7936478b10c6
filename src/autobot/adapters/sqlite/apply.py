"""Applies one transaction value inside the writer's database transaction: checks first, then writes."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Any, Final

import apsw

from autobot.adapters.sqlite.rows import encode, microseconds
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
    Committed,
    Condition,
    Delete,
    Erase,
    Put,
    Transaction,
)

HEADS_MAX: Final = 50_000
"""Stream heads kept in memory."""

_EVENT = "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)"
_ANSWER = (
    "INSERT INTO answers VALUES (?,?,?,?,?,?) ON CONFLICT (scope, key) DO UPDATE SET "
    "fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body, expires = excluded.expires"
)
_CHECKPOINT = (
    "INSERT INTO checkpoints VALUES (?,?) ON CONFLICT (consumer) DO UPDATE SET position = excluded.position "
    "WHERE excluded.position > position"
)
_PUT = (
    "INSERT INTO documents VALUES (?,?,?,?,?,?,1) ON CONFLICT (tbl, key) DO UPDATE SET document = excluded.document, "
    "owner = excluded.owner, grp = excluded.grp, sort = excluded.sort, version = version + 1"
)


class Applier:
    """The writer's state: the connection, and what it knows without asking it.

    Used by the writer thread alone. `begin`/`keep`/`forget` bracket one transaction, so that what a failed
    one learnt is forgotten.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._run = connection.execute
        self.head = int(self._one("SELECT coalesce(max(position), 0) FROM events")[0])
        last = self._one("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        self._audit: tuple[int, str] = (last[0], last[1]) if last else (0, GENESIS)
        self._heads: OrderedDict[str, int] = OrderedDict()
        self._saved: tuple[int, tuple[int, str]] = (self.head, self._audit)
        self._touched: list[str] = []

    def _one(self, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
        return next(iter(self._run(sql, bindings)), None)

    # ------------------------------------------------------------------------------------------ brackets

    def begin(self) -> None:
        """Remember what is true now."""
        self._saved = (self.head, self._audit)
        self._touched.clear()

    def forget(self) -> None:
        """Go back to what was true at `begin`."""
        self.head, self._audit = self._saved
        for stream in self._touched:
            self._heads.pop(stream, None)

    # ------------------------------------------------------------------------------------------- applying

    def apply(self, transaction: Transaction, now: datetime) -> Committed:
        """Check and write. Raises what the port names; then nothing of it may be kept."""
        repeated = self._repeated(transaction)
        if repeated is not None:
            return repeated
        self._check(transaction, now)
        revisions: list[int] = []
        hashes: list[str] = []
        for append in transaction.appends:
            revisions.append(self._append(append, hashes))
        self._record(transaction, tuple(hashes))
        for write in transaction.writes:
            self._write(write)
        for erase in transaction.erase:
            self._erase(erase)
        for snapshot in transaction.snapshots:
            self._run(
                "INSERT OR REPLACE INTO snapshots VALUES (?,?,?,?)",
                (snapshot.stream, snapshot.schema, snapshot.revision, snapshot.data),
            )
        return Committed(position=self.head, revisions=tuple(revisions))

    def _repeated(self, transaction: Transaction) -> Committed | None:
        """Return the first result of a batch that stands in the log already. The first id decides cheaply."""
        events = [(one.stream, event) for one in transaction.appends for event in one.events]
        found = {}
        for _, event in events:
            row = self._one(
                "SELECT position, stream, revision, type, hash FROM events WHERE id = ?", (event.id,)
            )
            if row is not None:
                found[event.id] = row
        if not found:
            return None
        for stream, event in events:
            row = found.get(event.id)
            if row is None or (row[1], row[3], row[4]) != (stream, event.type, payload_hash(event.data)):
                raise AlreadyExists(f"Event {event.id} exists with other content, or in another batch.")
        revisions = tuple(found[one.events[-1].id][2] for one in transaction.appends if one.events)
        return Committed(position=max(row[0] for row in found.values()), revisions=revisions, repeated=True)

    def _check(self, transaction: Transaction, now: datetime) -> None:
        answer = transaction.answer
        if answer is not None:
            row = self._one(
                "SELECT fingerprint, expires FROM answers WHERE scope = ? AND key = ?",
                (answer.scope, answer.key),
            )
            if row is not None and row[1] > microseconds(now):
                if row[0] != answer.fingerprint:
                    raise IdempotencyMismatch("This idempotency key was used before with another payload.")
                raise IdempotencyInFlight("This idempotency key has an answer already.")
        for handled in transaction.handled:
            key = (handled.consumer, handled.source, handled.message_id)
            if self._one("SELECT 1 FROM handled WHERE consumer = ? AND source = ? AND message_id = ?", key):
                raise AlreadyHandled(f"{handled.consumer} has handled {handled.message_id}.")
        demands: tuple[Append | Condition, ...] = (*transaction.appends, *transaction.conditions)
        for one in demands:
            if one.expected == ANY:
                continue
            current = self._revision(one.stream)
            if not (one.expected == current or (one.expected == EXISTS and current >= 0)):
                raise WrongExpectedVersion(one.stream, one.expected, current)
        for write in transaction.writes:
            if isinstance(write, Put) and write.expected is not None:
                row = self._one(
                    "SELECT version FROM documents WHERE tbl = ? AND key = ?", (write.table, write.key)
                )
                version = row[0] if row else 0
                if version != write.expected:
                    raise WrongExpectedVersion(f"{write.table}/{write.key}", write.expected, version)

    def _revision(self, stream: str) -> int:
        known = self._heads.get(stream)
        if known is None:
            row = self._one("SELECT max(revision) FROM events WHERE stream = ?", (stream,))
            known = -1 if row[0] is None else row[0]
            self._heads[stream] = known
            if len(self._heads) > HEADS_MAX:
                self._heads.popitem(last=False)
        return known

    def _append(self, append: Append, hashes: list[str]) -> int:
        stream, revision = append.stream, self._revision(append.stream)
        self._touched.append(stream)
        for event in append.events:
            revision += 1
            self.head += 1
            hashed = payload_hash(event.data)
            hashes.append(hashed)
            self._run(
                _EVENT,
                (
                    self.head,
                    event.id,
                    stream,
                    revision,
                    event.type,
                    microseconds(event.time),
                    event.source,
                    event.correlation_id,
                    event.causation_id,
                    event.partition_key,
                    event.traceparent,
                    event.principal,
                    event.tenant,
                    event.content_type,
                    event.data,
                    hashed,
                ),
            )
        self._heads[stream] = revision
        return revision

    def _record(self, transaction: Transaction, hashes: tuple[str, ...]) -> None:
        for entry in transaction.audit:
            sequence, previous = self._audit
            hashed = link(previous, entry, hashes)
            self._audit = (sequence + 1, hashed)
            self._run(
                "INSERT INTO audit VALUES (?,?,?,?,?)",
                (sequence + 1, encode(entry), encode(hashes), previous, hashed),
            )
        answer = transaction.answer
        if answer is not None:
            self._run(
                _ANSWER,
                (
                    answer.scope,
                    answer.key,
                    answer.fingerprint,
                    answer.status,
                    answer.body,
                    microseconds(answer.expires),
                ),
            )
        for checkpoint in transaction.checkpoints:
            self._run(_CHECKPOINT, (checkpoint.consumer, checkpoint.position))
        for handled in transaction.handled:
            self._run(
                "INSERT INTO handled VALUES (?,?,?)", (handled.consumer, handled.source, handled.message_id)
            )

    def _write(self, write: Put | Delete) -> None:
        place = (write.table, write.key)
        if isinstance(write, Delete):
            self._run("DELETE FROM documents WHERE tbl = ? AND key = ?", place)
            self._remove_text(place)
            return
        self._run(_PUT, (*place, encode(dict(write.document)), write.owner, write.group, write.sort))
        if write.text is None:
            self._remove_text(place)
        else:
            row = self._text_row(place)
            self._run("DELETE FROM texts WHERE rowid = ?", (row,))
            self._run("INSERT INTO texts (rowid, text) VALUES (?,?)", (row, write.text))

    def _text_row(self, place: tuple[str, str]) -> int:
        self._run("INSERT OR IGNORE INTO text_rows (tbl, key) VALUES (?,?)", place)
        row: int = self._one("SELECT rowid FROM text_rows WHERE tbl = ? AND key = ?", place)[0]
        return row

    def _remove_text(self, place: tuple[str, str]) -> None:
        row = self._one("SELECT rowid FROM text_rows WHERE tbl = ? AND key = ?", place)
        if row is not None:
            self._run("DELETE FROM texts WHERE rowid = ?", row)
            self._run("DELETE FROM text_rows WHERE rowid = ?", row)

    def _erase(self, erase: Erase) -> None:
        marks = ",".join("?" * len(erase.types))
        only = f" AND type IN ({marks})" if erase.types else ""
        self._run(
            f"UPDATE events SET data = x'', erased = 1 WHERE stream = ?{only}",  # noqa: S608 - marks alone
            (erase.stream, *erase.types),
        )
        self._run("DELETE FROM snapshots WHERE stream = ?", (erase.stream,))
