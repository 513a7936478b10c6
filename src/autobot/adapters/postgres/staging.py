"""Decides a group of transactions, one after the other, against what is known of the state. Pure: nothing is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from autobot.adapters.postgres.rows import Prepared
from autobot.kernel.core.errors import (
    AlreadyExists,
    AutoBotError,
    IdempotencyInFlight,
    IdempotencyMismatch,
    WrongExpectedVersion,
)
from autobot.kernel.event_store.audit_chain import digest
from autobot.kernel.event_store.ports import AlreadyHandled
from autobot.kernel.event_store.rows import Row
from autobot.kernel.event_store.transaction import ANY, EXISTS, NO_STREAM, Committed, Put

Result = Committed | AutoBotError
Known = tuple[str, str, bytes, int, int]
"""A stored event: stream, type, hash, revision, position."""


@dataclass(slots=True)
class Head:
    """The row `head`, and what was read beside it: it holds as long as `epoch` does."""

    epoch: int = -1
    position: int = 0
    committed: int = 0
    audited: int = 0
    audit_hash: bytes = bytes(32)
    writer: str = ""
    number: int = 0
    aliases: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    checkpoints: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Facts:
    """What the database said for one group: everything that its transactions may rest on.

    Without `exact` it is empty, and the group is decided as if no id, key and inbox entry were known; the database's
    own constraints refuse it when that is wrong.
    """

    exact: bool = False
    ids: dict[str, Known] = field(default_factory=dict)
    answers: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    inbox: set[tuple[str, str, str]] = field(default_factory=set)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)


class Unsure(Exception):
    """Without facts this group cannot be decided."""


@dataclass(slots=True)
class Written:
    """A document's end in this group: gone or, after `steps` writes, `row`; `fresh` when it was gone meanwhile."""

    row: Row | None
    steps: int
    fresh: bool


@dataclass(slots=True)
class Staged:
    """A group's rows, and the state as it will be after its commit."""

    head: Head
    facts: Facts
    now: int
    position: int
    committed: int
    audited: int
    audit_hash: bytes
    revisions: dict[str, int] = field(default_factory=dict)
    ids: dict[str, Known] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    audit: list[Row] = field(default_factory=list)
    answers: dict[tuple[str, str], Row] = field(default_factory=dict)
    checkpoints: dict[str, int] = field(default_factory=dict)
    inbox: dict[tuple[str, str, str], None] = field(default_factory=dict)
    documents: dict[tuple[str, str], Written] = field(default_factory=dict)
    snapshots: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    changed: bool = False


def stage(head: Head, facts: Facts, group: Sequence[Prepared], now: int) -> Staged:
    """Decide a group. Raises Unsure when that takes facts that were not asked for."""
    staged = Staged(
        head=head,
        facts=facts,
        now=now,
        position=head.position,
        committed=max(now, head.committed),
        audited=head.audited,
        audit_hash=head.audit_hash,
    )
    for one in group:
        try:
            repeat = _repeated(staged, one)
            if repeat is not None:
                staged.results.append(repeat)
                continue
            _check(staged, one)
        except AutoBotError as error:
            if not facts.exact:
                # What goes first when several things fail is only known with facts.
                raise Unsure from None
            staged.results.append(error)
            continue
        staged.results.append(_apply(staged, one))
        staged.changed = True
    return staged


def adopt(staged: Staged, writer: str, number: int) -> None:
    """Make the group's state the known one, after its commit by `writer` under `number`."""
    head = staged.head
    if not staged.changed:
        return
    head.epoch += 1
    head.writer, head.number = writer, number
    if staged.position > head.position:
        head.position, head.committed = staged.position, staged.committed
    head.audited, head.audit_hash = staged.audited, staged.audit_hash
    head.revisions.update(staged.revisions)
    for consumer, position in staged.checkpoints.items():
        if consumer in head.checkpoints:
            head.checkpoints[consumer] = max(position, head.checkpoints[consumer])


# --------------------------------------------------------------------------------------------------- conditions


def _revision(staged: Staged, stream: str) -> int | None:
    found = staged.revisions.get(stream)
    return staged.head.revisions.get(stream) if found is None else found


def _known_revision(staged: Staged, stream: str) -> int:
    found = _revision(staged, stream)
    if found is None:
        raise Unsure
    return found


def _repeated(staged: Staged, one: Prepared) -> Committed | None:
    """Return the first result of an identical batch. Raises AlreadyExists for a partial or other one."""
    near, far = staged.ids, staged.facts.ids
    if not (near or far):
        return None
    stored = {event: found for event in one.ids if (found := near.get(event) or far.get(event)) is not None}
    if not stored:
        return None
    for append, events in zip(one.transaction.appends, one.events, strict=True):
        for event in events:
            found = stored.get(event[0])
            if found is None or found[:3] != (append.stream, event[1], event[4]):
                raise AlreadyExists(f"Event {event[0]} exists with other content, or in another batch.")
    last = {
        append.stream: stored[event.id][3] for append in one.transaction.appends for event in append.events
    }
    return Committed(
        position=max(found[4] for found in stored.values()),
        revisions=tuple(
            [
                last[append.stream] if append.stream in last else _known_revision(staged, append.stream)
                for append in one.transaction.appends
            ]
        ),
        repeated=True,
    )


def _check(staged: Staged, one: Prepared) -> None:
    """Raise what the transaction's conditions demand."""
    transaction = one.transaction
    if one.answer is not None:
        _check_answer(staged, one.answer)
    if transaction.handled:
        _check_inbox(staged, one)
    for append in transaction.appends:
        _check_stream(staged, append.stream, append.expected)
    for condition in transaction.conditions:
        _check_stream(staged, condition.stream, condition.expected)
    for checkpoint in transaction.checkpoints:
        if checkpoint.expected is not None:
            stands = staged.head.checkpoints.get(checkpoint.consumer)
            if stands is None:
                raise Unsure
            stands = max(stands, staged.checkpoints.get(checkpoint.consumer, 0))
            if stands != checkpoint.expected:
                raise WrongExpectedVersion(checkpoint.consumer, checkpoint.expected, stands)
    for write in transaction.writes:
        if isinstance(write, Put) and write.expected is not None:
            version = _version(staged, write.table, write.key)
            if version != write.expected:
                raise WrongExpectedVersion(f"{write.table}/{write.key}", write.expected, version)


def _check_stream(staged: Staged, stream: str, expected: int) -> None:
    current = _revision(staged, stream)
    if current is None:
        if expected != NO_STREAM or staged.facts.exact:
            raise Unsure
        # The unique (stream, revision) refuses it when the stream exists.
        staged.revisions[stream] = current = -1
    if expected not in (current, ANY) and not (expected == EXISTS and current >= 0):
        raise WrongExpectedVersion(stream, expected, current)


def _check_answer(staged: Staged, answer: Row) -> None:
    place = (answer[0], answer[1])
    near = staged.answers.get(place)
    found = (near[5], near[2]) if near is not None else staged.facts.answers.get(place)
    if found is None or found[0] <= staged.now:
        return
    if found[1] != answer[2]:
        raise IdempotencyMismatch("This idempotency key was used before with another payload.")
    raise IdempotencyInFlight("This idempotency key has an answer already.")


def _check_inbox(staged: Staged, one: Prepared) -> None:
    seen: set[tuple[str, str, str]] = set()
    for entry in one.transaction.handled:
        key = (entry.consumer, entry.source, entry.message_id)
        if key in staged.inbox or key in staged.facts.inbox or key in seen:
            raise AlreadyHandled(f"{entry.consumer} has handled {entry.message_id}.")
        seen.add(key)


def _version(staged: Staged, name: str, key: str) -> int:
    if not staged.facts.exact:
        raise Unsure
    place = (staged.head.aliases.get(name, name), key)
    before, written = staged.facts.versions.get(place, 0), staged.documents.get(place)
    if written is None:
        return before
    if written.row is None:
        return 0
    return written.steps if written.fresh else before + written.steps


# ------------------------------------------------------------------------------------------------------ effects


def _apply(staged: Staged, one: Prepared) -> Committed:
    transaction = one.transaction
    revisions = _append(staged, one) if transaction.appends else ()
    for body in one.audit:
        staged.audited += 1
        staged.audit_hash = digest(staged.audit_hash, body)
        staged.audit.append((staged.audit_hash, body))
    if one.answer is not None:
        staged.answers[one.answer[0], one.answer[1]] = one.answer
    for checkpoint in transaction.checkpoints:
        before = staged.checkpoints.get(checkpoint.consumer, 0)
        staged.checkpoints[checkpoint.consumer] = max(before, checkpoint.position)
    for entry in transaction.handled:
        staged.inbox[entry.consumer, entry.source, entry.message_id] = None
    for write, row in zip(transaction.writes, one.writes, strict=True):
        _write(staged, (staged.head.aliases.get(write.table, write.table), write.key), row)
    if not one.apart:
        for saved in transaction.snapshots:
            stood = staged.snapshots.get((saved.stream, saved.schema))
            if stood is None or stood[0] <= saved.revision:
                staged.snapshots[saved.stream, saved.schema] = (saved.revision, saved.data)
    return Committed(position=staged.position, revisions=revisions)


def _append(staged: Staged, one: Prepared) -> tuple[int, ...]:
    position, rows, ids = staged.position, staged.events, staged.ids
    for append, events in zip(one.transaction.appends, one.events, strict=True):
        stream = append.stream
        revision = _known_revision(staged, stream)
        for event in events:
            position += 1
            revision += 1
            rows.append((stream, revision, *event))
            ids[event[0]] = (stream, event[1], event[4], revision, position)
        staged.revisions[stream] = revision
    staged.position = position
    # Two appends to one stream: both answer with where the stream stands after the transaction.
    return tuple([_known_revision(staged, append.stream) for append in one.transaction.appends])


def _write(staged: Staged, place: tuple[str, str], row: Row | None) -> None:
    before: Any = staged.documents.get(place)
    if row is None:
        staged.documents[place] = Written(None, 0, fresh=True)
    elif before is None:
        staged.documents[place] = Written(row, 1, fresh=False)
    else:
        staged.documents[place] = Written(row, before.steps + 1, before.fresh)
