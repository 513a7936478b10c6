"""Dead letters: list, inspect, replay, edit, discard. Who may, and the audit record, are the caller's command."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal

from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.errors import NotFound, WrongExpectedVersion
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Filter, Query, Recorded, Transaction
from autobot.kernel.messaging import parking
from autobot.kernel.messaging.facts import stream_of
from autobot.kernel.messaging.parking import AGES, DEAD, PARKED, Cause, Parked

PAGE: Final = 500
LAST: Final = chr(0x10FFFF)
"""A key behind every other."""
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

    async def causes(self, wanted: Callable[[Cause], bool] = lambda one: True) -> Sequence[Cause]:
        """Return why there are dead letters; none of them is read for it, and none counted."""
        return [cause for cause in map(Cause.named, await self._store.groups(DEAD)) if wanted(cause)]

    async def count(
        self,
        *,
        group: str | None = None,
        cause: Cause | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Return how many dead letters (of a group, or of a cause) failed last within these times, both inclusive."""
        narrowed = Query(table=DEAD, owner=group, group=None if cause is None else cause.name)
        found = await self._store.count(replace(narrowed, after=_before(since)))
        if until is None:
            return found
        return found - await self._store.count(replace(narrowed, after=_behind(until)))

    async def older(self, than: datetime, *, group: str | None = None, cause: Cause | None = None) -> int:
        """Return how many dead letters of a group or cause failed first at or before a time."""
        narrowed = Query(table=AGES, owner=group, group=None if cause is None else cause.name)
        return await self._store.count(replace(narrowed, after=_behind(than), order="descending"))

    async def ends(self, cause: Cause) -> tuple[str, Parked] | None:
        """Return when a cause's first dead letter failed first, and the one that failed last; None when it has none."""
        first = await self._store.query(Query(table=AGES, group=cause.name, limit=1))
        newest = await self._store.query(Query(table=DEAD, group=cause.name, limit=1, order="descending"))
        return (first[0].sort, parking.read(newest[0])) if first and newest else None

    async def page(
        self,
        group: str | None = None,
        *,
        causes: Iterable[Cause] | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 50,
    ) -> Sequence[Parked]:
        """Return dead letters (of a group, or of these causes), the one that failed last at the end.

        `after` is (sort, id) of the last one seen: see `place_of`.
        """
        if causes is None:
            found = await self._store.query(Query(table=DEAD, owner=group, after=after, limit=limit))
            return [parking.read(one) for one in found]
        pages = [
            await self._store.query(Query(table=DEAD, group=one.name, after=after, limit=limit))
            for one in causes
        ]
        merged = sorted((one for page in pages for one in page), key=lambda one: (one.sort, one.key))
        return [parking.read(one) for one in merged[:limit]]

    async def scan(
        self,
        group: str | None = None,
        *,
        causes: Sequence[Cause] | None = None,
        since: datetime | None = None,
        after: tuple[str, str] | None = None,
        size: int = PAGE,
    ) -> AsyncIterator[Parked]:
        """Yield dead letters as `page` orders them, for ever so many, from those on that failed last at `since`.

        `size` is how many are read at once.
        """
        after = max(filter(None, (after, _before(since))), default=None)
        while True:
            found = await self.page(group, causes=causes, after=after, limit=size)
            for one in found:
                yield one
            if len(found) < size:
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
    return parking.last_failed(letter), letter.id


def _before(moment: datetime | None) -> tuple[str, str] | None:
    """Return the place before all that failed at a time."""
    return None if moment is None else (rfc3339(moment), "")


def _behind(moment: datetime) -> tuple[str, str]:
    """Return the place behind all that failed at a time."""
    return rfc3339(moment), LAST


async def reindex(store: EventStore) -> None:
    """Give dead letters that an earlier version wrote, in log order and without their age, the place of today."""
    after: tuple[str, str] | None = None
    while True:
        found = await store.query(Query(table=DEAD, after=after, limit=PAGE))
        old = [one for one in found if one.sort.isdigit()]
        for one in old:
            dead, age = parking.put(parking.read(one))
            try:
                await store.commit(Transaction(writes=(replace(dead, expected=one.version), age)))
            except WrongExpectedVersion:
                # Somebody decided on it, or placed it, meanwhile.
                continue
        # Digits come before every date of this millennium but those that begin with 0 or 1.
        if len(old) < len(found) or not found:
            return
        after = (found[-1].sort, found[-1].key)
