"""The writer's work: groups of transactions into one commit. Synchronous, single-threaded, owns its connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn

import apsw
import msgspec

from autobot.adapters.sqlite.conditions import Conditions
from autobot.adapters.sqlite.documents import drop_table, write_document
from autobot.adapters.sqlite.errors import mapped
from autobot.adapters.sqlite.joint import FORWARD, INTO, Joint, joined
from autobot.adapters.sqlite.options import StoreOptions
from autobot.adapters.sqlite.rows import Prepared
from autobot.adapters.sqlite.staging import CACHED, Durable, Places, Staged, adopt, begin
from autobot.adapters.sqlite.staging_plain import stage_all
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, InvalidInput, WrongExpectedVersion
from autobot.kernel.event_store.audit_chain import digest
from autobot.kernel.event_store.rows import micros
from autobot.kernel.event_store.transaction import Committed, Erase, Put, Transaction

HANDLED_KEPT: Final = 30 * 86_400 * 1_000_000
"""Microseconds for which the inbox knows a message: longer than anything is redelivered or replayed."""
DAY: Final = 86_400 * 1_000_000
Result = Committed | AutoBotError

_EVENT, _AUDIT, _ANSWER, _CHECKPOINT = (
    f"INSERT INTO {into} VALUES({','.join('?' * width)})" for into, width in INTO.items()
)
_CHECKPOINT += f" {FORWARD}"
_INBOX: Final = "INSERT INTO inbox VALUES(?,?,?,?)"
_SNAPSHOT: Final = (
    "INSERT INTO snapshots VALUES(?,?,?,?) ON CONFLICT(stream, schema) DO UPDATE"
    " SET revision = excluded.revision, data = excluded.data WHERE excluded.revision >= revision"
)
_NOT_ALONE: Final = (apsw.ConstraintError, TypeError, ValueError, OverflowError)
"""What one transaction may cause that must not hurt the others of its group."""


@dataclass(slots=True)
class Plain:
    """A group that was staged in memory alone: its rows, and what follows when they are durable.

    `joint` is the one statement that does it all, for a small group.
    """

    joint: Joint | None
    staged: Staged
    results: list[Result]


class _All:
    """What says of every id that it may be in the tables."""

    def __contains__(self, one: object) -> bool:
        return True


_ALL: Final = _All()


class _NotPlainError(Exception):
    """Something of a group needs the database to be decided."""


@dataclass(slots=True)
class Journal:
    """Commits groups. Every method but `plain` runs on the writer's thread; `plain` on the loop, while that rests."""

    connection: apsw.Connection
    clock: Clock
    durable: Durable
    options: StoreOptions
    tidied: int = 0

    def plain(self, group: Sequence[Prepared]) -> Plain | None:
        """Stage a group without asking the database, or return None; nothing is changed by either.

        `write` and then `adopt` make it so. Most groups are plain. To stage them where their values were
        made, and leave only the statement to the writer's thread, spares the processors from passing
        every object to and fro.
        """
        durable = self.durable
        if self._folds():
            return None
        staged = begin(durable, micros(self.clock.now()))
        try:
            results: list[Result] = stage_all(durable, staged, _ALL, group, _not_plain)
        except (_NotPlainError, TypeError, ValueError, OverflowError):
            # What cannot be compared or hashed is refused the long way, to the one who asked for it.
            return None
        return Plain(_joined(staged), staged, results)

    def write(self, plain: Plain, group: Sequence[Prepared]) -> list[Result]:
        """Commit a group that was staged by `plain`; where one of it is to blame, each goes the long way."""
        try:
            if plain.joint is not None:
                plain.joint.run(self.connection)
            else:
                self._write(plain.staged)
        except BaseException as error:
            self._rollback()
            if isinstance(error, _NOT_ALONE):
                return self.commit(group)
            if isinstance(error, apsw.Error):
                failed = mapped(error)
                return [failed for _ in group]
            raise
        return plain.results

    def commit(self, group: Sequence[Prepared]) -> list[Result]:
        """Commit a group; each transaction succeeds or fails alone, all that succeed share one flush."""
        try:
            return self._together(group)
        except _NOT_ALONE:
            return [self._alone(one) for one in group]
        except apsw.Error as error:
            failed = mapped(error)
            return [failed for _ in group]

    def _together(self, group: Sequence[Prepared]) -> list[Result]:
        staged = begin(self.durable, micros(self.clock.now()))
        try:
            if self._folds():
                self._fold(staged)
            conditions = Conditions(self.connection, self.durable, staged)
            conditions.prefetch(group)
            long_way = partial(self._one, conditions, staged)
            results = stage_all(self.durable, staged, conditions.known, group, long_way)
            self._write(staged)
        except BaseException:
            self._rollback()
            raise
        adopt(self.durable, staged)
        return results

    def _folds(self) -> bool:
        durable = self.durable
        tail = max(durable.head - durable.folded, durable.numbered - durable.answered)
        return tail >= self.options.fold or len(durable.revisions) > 2 * CACHED

    def _one(self, conditions: Conditions, staged: Staged, one: Prepared) -> Result:
        try:
            if conditions.knows(one):
                # The events of an earlier one of this group must be in the table to be compared.
                self._flush(staged)
                return conditions.repeated(one)
            conditions.check(one)
        except WrongExpectedVersion as error:
            if not one.transaction.handled:
                return error
            self._flush(staged)
            return conditions.handled(one) or error
        except AutoBotError as error:
            return error
        return self._stage(staged, one)

    def _alone(self, one: Prepared) -> Result:
        """Commit one transaction, looking before writing at all that a group leaves to the constraints."""
        staged = begin(self.durable, micros(self.clock.now()))
        try:
            self._begin()
            try:
                conditions = Conditions(self.connection, self.durable, staged)
                conditions.prefetch((one,))
                if conditions.knows(one):
                    result = conditions.repeated(one)
                else:
                    self._check_alone(conditions, one)
                    result = self._stage(staged, one)
                    self._flush(staged)
                self.connection.execute("COMMIT")
            except BaseException:
                self._rollback()
                raise
        except AutoBotError as error:
            return error
        except apsw.Error as error:
            return mapped(error)
        except (TypeError, ValueError, OverflowError) as error:
            refusal = InvalidInput("This cannot be stored: a value has no UTF-8 form or is too large.")
            refusal.__cause__ = error
            return refusal
        adopt(self.durable, staged)
        return result

    def _check_alone(self, conditions: Conditions, one: Prepared) -> None:
        refusal: AutoBotError | None = None
        try:
            conditions.check(one)
        except WrongExpectedVersion as error:
            refusal = error
        refusal = conditions.handled(one) or refusal
        if refusal is not None:
            raise refusal

    def _rollback(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    # --------------------------------------------------------------------------------------------- staging

    def _stage(self, staged: Staged, one: Prepared) -> Committed:
        transaction = one.transaction
        revisions = self._stage_events(staged, one) if transaction.appends else ()
        for body in one.audit:
            staged.audited += 1
            staged.audit_hash = digest(staged.audit_hash, body)
            staged.audit.append((staged.audited, staged.audit_hash, body))
        if one.answer is not None:
            place, row = one.answer
            staged.numbered += 1
            one.numbered = staged.numbered
            staged.answers.append((staged.numbered, *row))
            staged.places.setdefault(place, staged.numbered)
        for checkpoint in transaction.checkpoints:
            before = staged.checkpoints.get(checkpoint.consumer, -1)
            staged.checkpoints[checkpoint.consumer] = max(before, checkpoint.position)
        for entry in transaction.handled:
            staged.inbox.append((entry.consumer, entry.source, entry.message_id, staged.now))
        if transaction.writes:
            self._stage_writes(staged, one)
        if transaction.erase or transaction.snapshots or transaction.aliases or transaction.drops:
            self._stage_rest(staged, transaction)
        return Committed(position=staged.head, revisions=revisions)

    def _stage_events(self, staged: Staged, one: Prepared) -> tuple[int, ...]:
        revisions: list[int] = []
        one.placed.clear()
        position, committed, rows, ids = staged.head, staged.committed, staged.events, staged.ids
        for append, events in zip(one.transaction.appends, one.events, strict=True):
            stream = append.stream
            revision = staged.revisions.get(stream)
            if revision is None:
                revision = self.durable.revisions[stream]
            one.placed.append((stream, revision + 1, position + 1, len(events)))
            for event in events:
                position += 1
                revision += 1
                rows.append((position, stream, revision, committed, *event))
                ids[event[0]] = position
            staged.revisions[stream] = revision
            revisions.append(revision)
        staged.head = position
        if len(revisions) > 1:
            # Two appends to one stream: both answer with where the stream stands after the transaction.
            return tuple([staged.revisions[append.stream] for append in one.transaction.appends])
        return tuple(revisions)

    def _stage_writes(self, staged: Staged, one: Prepared) -> None:
        self._begin()
        bodies = iter(one.bodies)
        for write in one.transaction.writes:
            table = staged.aliases.get(write.table) or self.durable.aliases.get(write.table, write.table)
            body = next(bodies) if isinstance(write, Put) else b""
            write_document(self.connection, table, write, body)

    def _stage_rest(self, staged: Staged, transaction: Transaction) -> None:
        self._begin()
        for erase in transaction.erase:
            self._erase(staged, erase)
        for snapshot in transaction.snapshots:
            row = (snapshot.stream, snapshot.schema, snapshot.revision, snapshot.data)
            self.connection.execute(_SNAPSHOT, row)
        for alias in transaction.aliases:
            staged.aliases[alias.table] = alias.target
            self.connection.execute(
                "INSERT INTO aliases VALUES(?,?) ON CONFLICT(name) DO UPDATE SET target = excluded.target",
                (alias.table, alias.target),
            )
        for drop in transaction.drops:
            drop_table(self.connection, drop.table)

    def _erase(self, staged: Staged, erase: Erase) -> None:
        self._flush(staged)
        self._fold(staged)
        types = msgspec.json.encode(erase.types).decode()
        self.connection.execute(
            "UPDATE events SET data = NULL WHERE position IN (SELECT position FROM streams WHERE stream = ?1)"
            " AND data IS NOT NULL AND (?2 = '[]' OR type IN (SELECT value FROM json_each(?2)))",
            (erase.stream, types),
        )
        self.connection.execute("DELETE FROM snapshots WHERE stream = ?", (erase.stream,))
        staged.erased = True

    # --------------------------------------------------------------------------------------------- writing

    def _begin(self) -> None:
        """Begin a transaction unless one is going on; nobody else writes, so reading before it is as good."""
        if not self.connection.in_transaction:
            self.connection.execute("BEGIN IMMEDIATE")

    def _write(self, staged: Staged) -> None:
        """Write the rows that wait and commit."""
        self._flush(staged)
        self.connection.execute("COMMIT")

    def _flush(self, staged: Staged) -> None:
        """Write the rows that wait, inside a transaction."""
        self._begin()
        many = self.connection.executemany
        if staged.events:
            many(_EVENT, staged.events)
            staged.events = []
        if staged.audit:
            many(_AUDIT, staged.audit)
            staged.audit = []
        if staged.answers:
            many(_ANSWER, staged.answers)
            staged.answers = []
        if staged.checkpoints:
            many(_CHECKPOINT, tuple(staged.checkpoints.items()))
            staged.checkpoints = {}
        if staged.inbox:
            many(_INBOX, staged.inbox)
            staged.inbox = []

    def _fold(self, staged: Staged) -> None:
        """Bring the indexes that lag up to what is in the tables, and forget answers that expired."""
        self._begin()
        execute = self.connection.execute
        execute(
            "INSERT INTO ids SELECT id, position FROM events WHERE position > ? ORDER BY id", (staged.folded,)
        )
        execute(
            "INSERT INTO streams SELECT stream, revision, position FROM events WHERE position > ?"
            " ORDER BY stream, revision",
            (staged.folded,),
        )
        execute(
            "INSERT INTO correlations SELECT correlation, position FROM events WHERE position > ?"
            " ORDER BY correlation, position",
            (staged.folded,),
        )
        execute(
            "INSERT INTO places SELECT place, number FROM answers WHERE number > ? ORDER BY place, number",
            (staged.answered,),
        )
        self._forget_answers(staged.now)
        if self.durable.places.full:
            self.durable.places = places_of(self.connection)
        if staged.now - self.tidied > DAY:
            self.tidied = staged.now
            execute("DELETE FROM inbox WHERE handled < ?", (staged.now - HANDLED_KEPT,))
        staged.folded = staged.head - len(staged.events)
        staged.answered = staged.numbered - len(staged.answers)
        execute("UPDATE marks SET value = ? WHERE name = 'folded'", (staged.folded,))
        execute("UPDATE marks SET value = ? WHERE name = 'answered'", (staged.answered,))

    def _forget_answers(self, now: int) -> None:
        """Delete expired ones among the oldest; the last number stays, so that numbers only grow."""
        oldest = self.connection.execute("SELECT expires FROM answers ORDER BY number LIMIT 1").fetchone()
        if oldest is None or oldest[0] > now:
            return
        rows = self.connection.execute(
            "SELECT number, place FROM answers WHERE number IN"
            " (SELECT number FROM answers WHERE number < (SELECT max(number) FROM answers) ORDER BY number LIMIT ?)"
            " AND expires <= ?",
            (2 * self.options.fold, now),
        ).fetchall()
        many = self.connection.executemany
        many("DELETE FROM places WHERE number = ? AND place = ?", rows)
        many("DELETE FROM answers WHERE number = ?", [(number,) for number, _ in rows])
        # Two answers may share a place: what is asked for once too often is only looked for in vain.

    def fold(self) -> None:
        """Fold now, in a commit of its own."""
        staged = begin(self.durable, micros(self.clock.now()))
        try:
            self._fold(staged)
            self.connection.execute("COMMIT")
        except BaseException:
            self._rollback()
            raise
        adopt(self.durable, staged)


def places_of(connection: apsw.Connection) -> Places:
    """Read the places of all indexed answers."""
    return Places(place for (place,) in connection.execute("SELECT place FROM places"))


def _not_plain(one: Prepared) -> NoReturn:
    raise _NotPlainError


def _joined(staged: Staged) -> Joint | None:
    return joined(staged.events, staged.audit, staged.answers, tuple(staged.checkpoints.items()))
