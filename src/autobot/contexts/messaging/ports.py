"""What the context needs besides broker, codec and store, and its own stored replays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from autobot.contexts.messaging.domain import ALERT_AT, DECIDE_WITHIN, Replay, selects_cause
from autobot.contracts import messaging, replays
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.failure import Failure
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.documents import is_json
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Query, Recorded
from autobot.kernel.messaging.dead_letters import PAGE, DeadLetters
from autobot.kernel.messaging.parking import Cause, Parked, last_failed

REPLAYS: Final = "messaging.replays"

Shown = Callable[[Recorded], Mapping[str, Any]]
"""Returns an event as clients see the log: a CloudEvents document."""
CheckOf = Callable[[str], Awaitable[Callable[[bytes], None] | None]]
"""Returns what raises InvalidInput for data that the registered schema of a type does not allow; None for a type that
nobody registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReplay:
    """A replay with the version of its row."""

    replay: Replay
    version: int = 0


class StoredReplays:
    """Typed reads of the context's state."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def load(self, replay_id: str) -> StoredReplay:
        """Return a replay."""
        row = await self._store.get(REPLAYS, replay_id)
        if row is None:
            return StoredReplay(replay=Replay(id=replay_id))
        return StoredReplay(replay=msgspec.convert(row.document, Replay), version=row.version)

    async def page(self, after: tuple[str, str] | None, limit: int) -> Sequence[Replay]:
        """Return replays, the newest first; `after` is (asked_at, id) of the last one seen."""
        found = await self._store.query(Query(table=REPLAYS, after=after, limit=limit, order="descending"))
        return [msgspec.convert(one.document, Replay) for one in found]


def put_replay(replay: Replay, version: int) -> Put:
    """Write a replay, unless it changed meanwhile."""
    return Put(
        table=REPLAYS,
        key=replay.id,
        document=msgspec.to_builtins(replay),
        sort=replay.asked_at,
        expected=version,
    )


def view_of(replay: Replay) -> replays.ReplayView:
    """Return a replay as clients see it."""
    return replays.ReplayView(
        id=replay.id,
        status=replay.status,
        selection=replay.selection,
        per_second=replay.per_second,
        stop_at_percent=replay.stop_at_percent,
        asked_by=replay.asked_by,
        asked_at=replay.asked_at,
        ended_at=replay.ended_at,
        tally=replay.tally,
        stopping=replay.stopping,
        error=msgspec.convert(replay.error, Failure) if replay.error else None,
    )


Served = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
"""Returns each group in each process that serves it: the fields of `GroupStatistics` with `role` and `process`."""


class KnownTypes:
    """What this version or somebody else has given a form: its data can be checked, so a copy may take its place."""

    def __init__(self, codec: EventCodec, check_of: CheckOf) -> None:
        self._codec, self._check_of = codec, check_of

    async def editable(self, message: Message) -> bool:
        """Say whether a copy with other data could be checked."""
        if message.erased or not is_json(message.content_type):
            return False
        return self._codec.knows(message.type) or await self._check_of(message.type) is not None

    async def check(self, event_type: str, data: bytes) -> None:
        """Raise InvalidInput unless a type's contract, or its registered schema, allows the data."""
        check = None if self._codec.knows(event_type) else await self._check_of(event_type)
        if check is None:
            self._codec.check(event_type, data)
        else:
            check(data)


async def candidates(
    letters: DeadLetters,
    selection: messaging.Selection,
    *,
    after: tuple[str, str] | None = None,
    size: int = PAGE,
) -> AsyncIterator[Parked]:
    """Yield the dead letters that a selection may mean, as an index gives them; `selects` says which it does."""
    causes = None
    if selection.fingerprint or selection.type:
        causes = await letters.causes(lambda one: selects_cause(selection, one))
    last = None if selection.until is None else rfc3339(selection.until)
    group = selection.group or None
    async for one in letters.scan(group, causes=causes, since=selection.since, after=after, size=size):
        if last is not None and last_failed(one) > last:
            return
        yield one


async def waiting_long(
    letters: DeadLetters, now: datetime, *, group: str | None = None, cause: Cause | None = None
) -> tuple[int, int]:
    """Return how many dead letters of a group or cause are ageing, and how many overdue."""
    overdue = await letters.older(now - DECIDE_WITHIN, group=group, cause=cause)
    old = await letters.older(now - DECIDE_WITHIN * ALERT_AT, group=group, cause=cause)
    return old - overdue, overdue


def replay_stream(replay_id: str) -> str:
    """Return the stream of a replay."""
    return f"replay-{replay_id}"


def consumer_stream(group: str) -> str:
    """Return the stream of what is decided about a consumer group."""
    return f"consumer-{group}"
