"""Dead letters: list, inspect, replay, discard. Who may, and the audit record, are the caller's command."""

from __future__ import annotations

from collections.abc import Sequence

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Query, Transaction
from autobot.kernel.messaging import parking
from autobot.kernel.messaging.parking import DEAD, Parked


class DeadLetters:
    """Reads the table of dead letters and makes the transactions that decide on them.

    After such a transaction is committed, `Broker.wake(group)` lets the group go on at once; without it, it
    goes on at its next start.
    """

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def page(
        self, group: str | None = None, *, after: tuple[str, str] | None = None, limit: int = 50
    ) -> Sequence[Parked]:
        """Return dead letters in log order; `after` is (sort, id) of the last one seen: see `place_of`."""
        found = await self._store.query(Query(table=DEAD, owner=group, after=after, limit=limit))
        return [parking.read(one) for one in found]

    async def get(self, letter: str) -> Parked:
        """Return one. Raises NotFound."""
        found = await self._store.get(DEAD, letter)
        if found is None:
            raise NotFound(f"There is no dead letter {letter}.")
        return parking.read(found)

    async def replay(self, letter: str) -> Transaction:
        """Return what delivers a dead letter again, with all its attempts before it. Raises NotFound."""
        return parking.replayed(await self.get(letter), self._clock.now())

    async def discard(self, letter: str) -> Transaction:
        """Return what gives a dead letter up: it counts as handled. Raises NotFound."""
        return parking.discarded(await self.get(letter))


def place_of(letter: Parked) -> tuple[str, str]:
    """Return where a dead letter stands in the list."""
    return f"{letter.position:020d}", letter.id
