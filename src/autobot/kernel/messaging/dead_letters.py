"""Dead letters: list, inspect, replay, edit, discard. Who may, and the audit record, are the caller's command."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Filter, Query, Recorded, Transaction
from autobot.kernel.messaging import parking
from autobot.kernel.messaging.facts import stream_of
from autobot.kernel.messaging.parking import DEAD, PARKED, Parked

PAGE: Final = 500
Fate = Literal["waiting", "failed", "settled"]
"""What became of a replayed dead letter: not tried yet, failed again, or neither parked nor dead any more."""


class DeadLetters:
    """Reads the table of dead letters and makes the transactions that decide on them.

    After such a transaction is committed, `Broker.wake(group, letter)` lets the group go on at once; without it, it
    goes on at its next start. Who decides appends to the letter's stream at the revision that `revision`
    told before `get`: of two that decide at once, one is refused.
    """

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def page(
        self, group: str | None = None, *, after: tuple[str, str] | None = None, limit: int = 50
    ) -> Sequence[Parked]:
        """Return dead letters in log order; `after` is (sort, id) of the last one seen: see `place_of`."""
        found = await self._store.query(Query(table=DEAD, owner=group, after=after, limit=limit))
        return [parking.read(one) for one in found]

    async def scan(
        self, group: str | None = None, *, after: tuple[str, str] | None = None
    ) -> AsyncIterator[Parked]:
        """Yield dead letters in log order, for ever so many."""
        while True:
            found = await self.page(group, after=after, limit=PAGE)
            for one in found:
                yield one
            if len(found) < PAGE:
                return
            after = place_of(found[-1])

    async def get(self, letter: str) -> Parked:
        """Return one. Raises NotFound."""
        found = await self._store.get(DEAD, letter)
        if found is None:
            raise NotFound(f"There is no dead letter {letter}.")
        return parking.read(found)

    async def revision(self, letter: str) -> int:
        """Return the last revision of what was decided on a letter, -1 when nothing was."""
        where = Filter(stream=stream_of(letter))
        last = await self._store.read_all(where=where, limit=1, backwards=True)
        return last[0].revision if last else -1

    async def event(self, letter: Parked) -> Recorded:
        """Return the event that would be delivered: the original, or the copy that stands for it."""
        (original,) = await self._store.read_all(after=letter.position - 1, limit=1)
        if letter.copy is None:
            return original
        found = await self._store.read_stream(stream_of(letter.id), after=letter.copy - 1, limit=1)
        return parking.as_delivered(letter, original, found[0])

    async def behind(self, letter: Parked, most: int) -> Sequence[Parked]:
        """Return up to `most` messages of its key that wait behind it, in order."""
        lane = parking.lane_of(letter.group, letter.key)
        found = await self._store.query(Query(table=PARKED, owner=letter.group, group=lane, limit=most))
        return [parking.read(one) for one in found]

    async def fate(self, letter: str) -> Fate:
        """Say what became of a letter that was replayed."""
        if await self._store.get(DEAD, letter) is not None:
            return "failed"
        found = await self._store.get(PARKED, letter)
        if found is None:
            # It may have died between the two looks.
            return "failed" if await self._store.get(DEAD, letter) is not None else "settled"
        return "failed" if parking.read(found).attempts else "waiting"

    async def replay(self, letter: str) -> Transaction:
        """Return what delivers a dead letter again, with all its attempts before it. Raises NotFound."""
        return parking.replayed(await self.get(letter), self._clock.now())

    async def discard(self, letter: str) -> Transaction:
        """Return what gives a dead letter up: it counts as handled. Raises NotFound."""
        return parking.discarded(await self.get(letter))

    async def edit(self, letter: str, *, event_id: str, copy: int) -> Transaction:
        """Return what puts a copy in a dead letter's place. Raises NotFound.

        `copy` is the revision that an `EventCopied` of the same transaction gets on the letter's stream.
        """
        return parking.edited(await self.get(letter), self._clock.now(), event_id=event_id, copy=copy)


def place_of(letter: Parked) -> tuple[str, str]:
    """Return where a dead letter stands in the list."""
    return f"{letter.position:020d}", letter.id
