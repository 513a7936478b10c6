"""Messages that wait as rows of the store: for their time, behind another of their key, or for a person."""

from __future__ import annotations

import traceback
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import msgspec

from autobot.kernel.core.canonical import fingerprint
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.transaction import (
    Delete,
    Document,
    Erase,
    Handled,
    Put,
    Recorded,
    Transaction,
)
from autobot.kernel.messaging.facts import EventCopied, stream_of

PARKED: Final = "parked_messages"
DEAD: Final = "dead_letters"
AGES: Final = "dead_letter_ages"
"""A row without data for each dead letter, in the order of first failures: what counts old ones."""
FRAMES: Final = 20
"""Stack frames kept of a failure, innermost last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a message failed: `poison` by itself, `system` by a way that is closed to all.

    Stacks hold places, never values; foreign errors are told by their type alone.
    """

    error: str
    reason: str
    stack: tuple[str, ...]
    fingerprint: str
    poison: bool
    system: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A row. It names the event by its position; the payload stays in the log, where it can be erased.

    `state`: `delayed` until `due`, `behind` the first of its key, `dead` until somebody replays or discards it.
    `copy` is the revision of the `EventCopied` that stands for the event, on the letter's own stream;
    `event_id` then is the copy's.
    """

    id: str
    group: str
    key: str
    position: int
    event_id: str
    source: str
    type: str
    stream: str
    correlation_id: str
    state: Literal["delayed", "behind", "dead"]
    due: str
    attempts: int = 0
    delays: int = 0
    handler: str = ""
    error: str = ""
    reason: str = ""
    stack: tuple[str, ...] = ()
    fingerprint: str = ""
    first_failed: str | None = None
    last_failed: str | None = None
    copy: int | None = None


def key_of(recorded: Recorded) -> str:
    """Return the partition key that orders an event: its own, else its stream."""
    return recorded.message.partition_key or recorded.stream


def lane_of(group: str, key: str) -> str:
    """Return the name under which the rows of one key of a group are found."""
    return f"{group}/{key}"


def failure_of(error: Exception, *, poison: bool, system: bool) -> Failure:
    """Describe what a handler raised."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    stack = tuple(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    return Failure(
        error=kind,
        reason=error.detail
        if isinstance(error, AutoBotError)
        else f"The handler raised {type(error).__name__}.",
        stack=stack,
        fingerprint=fingerprint(kind, stack[-1] if stack else "")[:16],
        poison=poison,
        system=system,
    )


def row_of(recorded: Recorded, group: str, *, due: datetime) -> Parked:
    """Return the row of an event that waits behind another of its key."""
    message = recorded.message
    return Parked(
        id=f"{group}-{recorded.position:020d}",
        group=group,
        key=key_of(recorded),
        position=recorded.position,
        event_id=message.id,
        source=message.source,
        type=message.type,
        stream=recorded.stream,
        correlation_id=message.correlation_id,
        state="behind",
        due=rfc3339(due),
    )


def failed(row: Parked, failure: Failure, *, attempts: int, now: datetime, handler: str) -> Parked:
    """Return the row with what happened noted on it."""
    return replace(
        row,
        attempts=attempts,
        handler=handler,
        error=failure.error,
        reason=failure.reason,
        stack=failure.stack,
        fingerprint=failure.fingerprint,
        first_failed=row.first_failed or rfc3339(now),
        last_failed=rfc3339(now),
    )


def delayed(row: Parked, seconds: float, now: datetime) -> Parked:
    """Return the row as it waits for its next time."""
    due = rfc3339(now + timedelta(seconds=seconds))
    return replace(row, state="delayed", due=due, delays=row.delays + 1)


class Cause(NamedTuple):
    """Why dead letters of a group failed: at one place with one error, and what they are."""

    group: str
    fingerprint: str
    type: str

    @property
    def name(self) -> str:
        """The index name under which its dead letters are found and counted."""
        return "/".join(self)

    @classmethod
    def named(cls, name: str) -> Cause:
        """Return the cause of an index name. Group and fingerprint have no slash, a type may."""
        group, fingerprint, type_name = name.split("/", 2)
        return cls(group, fingerprint, type_name)


def cause_of(row: Parked) -> Cause:
    """Return the cause of a dead letter."""
    return Cause(row.group, row.fingerprint, row.type)


def put(row: Parked) -> tuple[Put, ...]:
    """Return the writes of a row: parked ones are found by lane in log order, dead ones by cause, the one that failed
    last at the end, with their age beside them."""
    if row.state != "dead":
        lane, place = lane_of(row.group, row.key), f"{row.position:020d}"
        return (Put(table=PARKED, key=row.id, document=asdict(row), owner=row.group, group=lane, sort=place),)
    cause, first = cause_of(row).name, row.first_failed or row.due
    return (
        Put(
            table=DEAD, key=row.id, document=asdict(row), owner=row.group, group=cause, sort=last_failed(row)
        ),
        Put(table=AGES, key=row.id, document={}, owner=row.group, group=cause, sort=first),
    )


def last_failed(row: Parked) -> str:
    """Return when a dead letter failed last: its place in the list."""
    return row.last_failed or row.due


def delete(row: Parked) -> tuple[Delete, ...]:
    """Return the removal of a row."""
    tables = (DEAD, AGES) if row.state == "dead" else (PARKED,)
    return tuple(Delete(table=one, key=row.id) for one in tables)


def read(document: Document) -> Parked:
    """Return the row of a document."""
    data: dict[str, Any] = dict(document.document)
    return msgspec.convert(data, Parked)


def removed(row: Parked) -> Transaction:
    """Return what removes every trace of a row; a copy's data goes with it."""
    erase = Erase(stream=stream_of(row.id), types=(EventCopied.TYPE,), reason="the copy was settled")
    return Transaction(writes=delete(row), erase=(erase,) if row.copy is not None else ())


def replayed(row: Parked, now: datetime) -> Transaction:
    """Return what replays a dead letter: it is due at once, with all its attempts before it."""
    return Transaction(writes=(*delete(row), *put(_due(row, now))))


def discarded(row: Parked) -> Transaction:
    """Return what discards a dead letter: it counts as handled, and those behind it go on."""
    return replace(removed(row), handled=(_handled(row),))


def edited(row: Parked, now: datetime, *, event_id: str, copy: int) -> Transaction:
    """Return what puts a copy in the place of a dead letter: the original counts as handled, the copy is due at once."""
    again = replace(_due(row, now), event_id=event_id, copy=copy)
    return Transaction(writes=(*delete(row), *put(again)), handled=(_handled(row),))


def _due(row: Parked, now: datetime) -> Parked:
    return replace(row, state="delayed", due=rfc3339(now), attempts=0, delays=0)


def handled(group: str, message: Message) -> Handled:
    """Return the inbox's entry of a message."""
    return Handled(consumer=group, source=message.source, message_id=message.id)


def _handled(row: Parked) -> Handled:
    return Handled(consumer=row.group, source=row.source, message_id=row.event_id)


def as_delivered(row: Parked, original: Recorded, copied: Recorded | None) -> Recorded:
    """Return the event that a row stands for: the original, or its copy in the original's place.

    A copy is never more than its original: where that was erased, so is the copy.
    """
    if copied is None:
        return original
    erased = original.message.erased or copied.message.erased
    data = b"" if erased else msgspec.json.decode(copied.message.data, type=_Copy).data
    message = replace(
        original.message,
        id=row.event_id,
        causation_id=original.message.id,
        data=bytes(data),
        erased=erased,
        # The id that the sender of the original gave it stays the original's.
        attributes=tuple(one for one in original.message.attributes if one[0] != "id"),
    )
    return replace(original, message=message)


class _Copy(msgspec.Struct):
    """The part of `EventCopied` that a delivery is made of, as it was written."""

    data: msgspec.Raw
