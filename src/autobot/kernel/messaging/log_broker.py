"""The embedded broker: groups read the log itself; checkpoint, inbox and parked rows are all there is (decision 0007)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Checkpoint, Recorded
from autobot.kernel.messaging.source import Consume, Differences, Elsewhere
from autobot.kernel.messaging.source_broker import SourceBroker


class LogSource:
    """Implements `Source` over the whole log."""

    fence: Final[Checkpoint | None] = None

    def __init__(self, group: str, store: EventStore) -> None:
        self.name, self._store = group, store

    def holds(self, key: str) -> bool:
        """Every key comes from here."""
        return True

    def batches(self, after: int) -> AsyncIterator[Sequence[Recorded]]:
        """Follow the log."""
        return self._store.subscribe(after=after)

    async def passed(self) -> int:
        """Return 0: what the log has is given, wanted or not."""
        return 0

    def settled(self, position: int) -> None:
        """Need nothing: the checkpoint says it."""


class LogSources:
    """Implements `Sources`: one for each group. The lock on the data folder is the lease of all."""

    differences: Final = Differences(
        carrier="the log of this process", again=False, shared=False, look_s=None
    )

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def parts(self, group: str) -> Sequence[str]:
        """Return the one checkpoint."""
        return (group,)

    async def serve(self, group: str, consume: Consume, elsewhere: Elsewhere) -> None:
        """Have the log consumed."""
        await consume(LogSource(group, self._store))


class LogBroker(SourceBroker):
    """Implements `Broker` over an event store alone."""

    def __init__(self, store: EventStore, clock: Clock, chance: Chance) -> None:
        super().__init__(LogSources(store), store, clock, chance)
