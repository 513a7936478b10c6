"""What the context needs besides broker, codec and store, and its own stored replays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from autobot.contexts.messaging.domain import Replay
from autobot.contracts import replays
from autobot.kernel.core.failure import Failure
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Query, Recorded

REPLAYS: Final = "messaging.replays"

Shown = Callable[[Recorded], Mapping[str, Any]]
"""Returns an event as clients see the log: a CloudEvents document."""
StopRun = Callable[[str, str], bool]
"""Asks a run to end: (run, who). False when it is not carried here."""


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


Accept = Callable[..., Awaitable[None]]
"""`RunEngine.accept`."""
