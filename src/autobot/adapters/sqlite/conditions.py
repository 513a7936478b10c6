"""What must hold before a transaction may be staged."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import msgspec
from apsw import carray

from autobot.adapters.sqlite.rows import Prepared
from autobot.adapters.sqlite.staging import Durable, Staged
from autobot.kernel.core.errors import (
    AlreadyExists,
    IdempotencyInFlight,
    IdempotencyMismatch,
    WrongExpectedVersion,
)
from autobot.kernel.event_store.ports import AlreadyHandled
from autobot.kernel.event_store.transaction import (
    ANY,
    EXISTS,
    Checkpoint,
    Committed,
    Put,
    StoredAnswer,
    Transaction,
)


class Conditions:
    """Checks transactions against the committed state and what their group has staged so far."""

    def __init__(self, connection: apsw.Connection, durable: Durable, staged: Staged) -> None:
        self._connection, self._durable, self._staged = connection, durable, staged
        self.known: set[str] = set()

    def _rows(self, sql: str, *bindings: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, bindings).fetchall()

    def prefetch(self, group: Sequence[Prepared]) -> None:
        """Ask once for the whole group: revisions that are not in memory, and ids that may be old."""
        known = self._durable.revisions
        unknown = {
            one.stream for each in group for one in each.transaction.appends if one.stream not in known
        }
        if len(unknown) > 1:
            for stream, revision in self._rows(
                "SELECT value, (SELECT max(revision) FROM streams WHERE stream = value) FROM json_each(?)",
                _json(unknown),
            ):
                known[stream] = -1 if revision is None else revision
        else:
            for stream in unknown:
                self._look_up(stream)
        newest = self._durable.newest
        old = [one for each in group for one in each.ids if one <= newest]
        if old:
            rows = self._rows("SELECT id FROM ids WHERE id IN (SELECT value FROM json_each(?))", _json(old))
            self.known = {one for (one,) in rows}

    def _look_up(self, stream: str) -> int:
        ((found,),) = self._rows("SELECT max(revision) FROM streams WHERE stream = ?", stream)
        revision: int = -1 if found is None else found
        self._durable.revisions[stream] = revision
        return revision

    def _revision(self, stream: str) -> int:
        found = self._staged.revisions.get(stream)
        if found is None:
            found = self._durable.revisions.get(stream)
        return self._look_up(stream) if found is None else found

    # ---------------------------------------------------------------------------------------------- checks

    def check(self, one: Prepared) -> None:
        """Raise what the transaction's conditions demand, but for ids (see `knows`) and inbox (a constraint)."""
        transaction, answer = one.transaction, one.answer
        if answer is not None:
            place = answer[0]
            if (
                place in self._durable.places
                or place in self._staged.places
                or place in self._durable.answers
            ):
                self._check_answer(place, transaction.answer)
        for append in transaction.appends:
            self._check_stream(append.stream, append.expected)
        for condition in transaction.conditions:
            self._check_stream(condition.stream, condition.expected)
        for checkpoint in transaction.checkpoints:
            if checkpoint.expected is not None:
                self._check_checkpoint(checkpoint, checkpoint.expected)
        for write in transaction.writes:
            if isinstance(write, Put) and write.expected is not None:
                self._check_document(write, write.expected)

    def _check_stream(self, stream: str, expected: int) -> None:
        current = self._revision(stream)
        if expected not in (current, ANY) and not (expected == EXISTS and current >= 0):
            raise WrongExpectedVersion(stream, expected, current)

    def _check_checkpoint(self, checkpoint: Checkpoint, expected: int) -> None:
        consumer = checkpoint.consumer
        found = self._rows("SELECT position FROM checkpoints WHERE consumer = ?", consumer)
        stands = max(found[0][0] if found else 0, self._staged.checkpoints.get(consumer, 0))
        if stands != expected:
            raise WrongExpectedVersion(consumer, expected, stands)

    def _check_document(self, write: Put, expected: int) -> None:
        name = write.table
        table = self._staged.aliases.get(name) or self._durable.aliases.get(name, name)
        found = self._rows("SELECT version FROM documents WHERE tbl = ? AND key = ?", table, write.key)
        version = found[0][0] if found else 0
        if version != expected:
            raise WrongExpectedVersion(f"{name}/{write.key}", expected, version)

    def _check_answer(self, place: int, answer: StoredAnswer | None) -> None:
        if answer is None:
            return
        mine = (answer.scope, answer.key)
        found: list[tuple[int, str]] = [
            (row[2], row[5]) for row in self._staged.answers if (row[3], row[4]) == mine
        ]
        found += self._rows(
            "SELECT expires, fingerprint FROM answers WHERE number IN (SELECT number FROM answers WHERE number >= ?1"
            " AND place = ?2 UNION SELECT number FROM places WHERE place = ?2) AND scope = ?3 AND key = ?4",
            self._durable.answers.get(place, self._durable.numbered + 1),
            place,
            *mine,
        )
        for expires, fingerprint in found:
            if expires > self._staged.now:
                if fingerprint != answer.fingerprint:
                    raise IdempotencyMismatch("This idempotency key was used before with another payload.")
                raise IdempotencyInFlight("This idempotency key has an answer already.")

    def handled(self, one: Prepared) -> AlreadyHandled | None:
        """Return the refusal of a known inbox entry, or of one that the transaction makes twice."""
        seen: set[tuple[str, str, str]] = set()
        for entry in one.transaction.handled:
            key = (entry.consumer, entry.source, entry.message_id)
            known = self._rows("SELECT 1 FROM inbox WHERE consumer = ? AND source = ? AND id = ?", *key)
            if known or key in seen:
                return AlreadyHandled(f"{entry.consumer} has handled {entry.message_id}.")
            seen.add(key)
        return None

    def knows(self, one: Prepared) -> bool:
        """Say whether an id of the transaction is in the log, or staged."""
        staged, tail, known = self._staged.ids, self._durable.ids, self.known
        for event in one.ids:  # noqa: SIM110 - any() costs more than all that it asks
            if event in staged or event in tail or event in known:
                return True
        return False

    def repeated(self, one: Prepared) -> Committed:
        """Return the first result of an identical batch. Raises AlreadyExists for a partial or other one."""
        stored = {row[0]: row[1:] for row in self._stored(one.ids)}
        for append, events in zip(one.transaction.appends, one.events, strict=True):
            for event in events:
                if stored.get(event[0], ())[:3] != (append.stream, event[1], event[4]):
                    raise AlreadyExists(f"Event {event[0]} exists with other content, or in another batch.")
        return Committed(
            position=max(position for *_, position in stored.values()),
            revisions=_revisions(one.transaction, {event: stored[event][3] for event in one.ids}, self),
            repeated=True,
        )

    def _stored(self, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        staged, tail = self._staged.ids, self._durable.ids
        near = [staged.get(one) or tail.get(one, 0) for one in ids]
        return self._rows(
            "SELECT id, stream, type, hash, revision, position FROM events WHERE position IN"
            " (SELECT position FROM ids WHERE id IN (SELECT value FROM json_each(?)) UNION SELECT value FROM carray(?))",
            _json(ids),
            carray(array("q", near)),
        )

    def stands(self, stream: str) -> int:
        """Return a stream's revision, staged events included."""
        return self._revision(stream)


def _revisions(transaction: Transaction, stored: dict[str, int], conditions: Conditions) -> tuple[int, ...]:
    last: dict[str, int] = {}
    for append in transaction.appends:
        for event in append.events:
            last[append.stream] = stored[event.id]
    return tuple(last.get(append.stream, conditions.stands(append.stream)) for append in transaction.appends)


def _json(values: Iterable[Any]) -> str:
    return msgspec.json.encode(list(values)).decode()
