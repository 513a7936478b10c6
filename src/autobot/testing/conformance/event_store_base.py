"""What the parts of the event store's suite share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final

import pytest

from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Recorded
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock

PATIENCE_S: Final = 30.0
"""How long a step may take before it counts as hanging."""


class SteppingClock(ManualClock):
    """A manual clock whose wall time can be set back, as the machine's can."""

    def __init__(self) -> None:
        super().__init__()
        self._behind = timedelta()

    def now(self) -> datetime:
        return super().now() - self._behind

    def set_back(self, seconds: float) -> None:
        """Set the wall time back; monotonic time goes on."""
        self._behind += timedelta(seconds=seconds)


class Base(ABC):
    """Holds the clock that the store under test must use, and makes messages at its time."""

    clock: SteppingClock
    make: Maker

    @pytest.fixture(autouse=True)
    def fresh(self) -> None:
        """Give each test its own time and numbers."""
        self.start()

    def start(self) -> None:
        """Begin anew; for those who run a test without pytest."""
        self.clock = SteppingClock()
        self.make = Maker(self.clock)

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[EventStore]:
        """Return an empty store on `self.clock`, closed at the end of the block."""

    async def commit_pair(self, store: EventStore, number: int) -> None:
        """Commit an event and a document that belong together."""
        put = Put(table="pairs", key=str(number), document={"number": number})
        await store.commit(self.make.transaction(f"pair-{number}", writes=(put,)))


async def read_whole_log(store: EventStore) -> list[Recorded]:
    """Return every event by pages."""
    found: list[Recorded] = []
    while page := await store.read_all(after=found[-1].position if found else 0, limit=50):
        found.extend(page)
    return found


def ids(events: Sequence[Recorded]) -> set[str]:
    """Return the ids of events."""
    return {one.message.id for one in events}
