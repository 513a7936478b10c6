"""One source of a consumer group: lanes by key, acknowledgement with the effects, patience with failures."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Final

from autobot.kernel.core.bell import Bell
from autobot.kernel.core.clock import parse_rfc3339
from autobot.kernel.core.errors import OperatorError, Rejected, WrongExpectedVersion
from autobot.kernel.event_store.patience import PASSING, patiently
from autobot.kernel.event_store.ports import AlreadyHandled, StoreClosed
from autobot.kernel.event_store.transaction import Checkpoint, Recorded, Transaction
from autobot.kernel.messaging import parking
from autobot.kernel.messaging.blocking import Blocked, Blocks
from autobot.kernel.messaging.broker import POISON, Delivery
from autobot.kernel.messaging.facts import stream_of
from autobot.kernel.messaging.group import Group
from autobot.kernel.messaging.parking import DEAD, PARKED, Failure, Parked
from autobot.kernel.messaging.positions import Positions
from autobot.kernel.messaging.source import Source, Superseded

SAVE_S: Final = 1.0
"""How often a position that moved without a handler's commit is written."""
TYPES: Final = 1_000
"""Types of which is remembered whether the group wants them."""
NOTHING: Final = Transaction()


class GroupConsumer:
    """Serves one source of a group. `run` owns all its tasks."""

    def __init__(self, group: Group, source: Source) -> None:
        self.subscription, self._options = group.subscription, group.subscription.options
        self._store, self._clock, self._chance = group.store, group.clock, group.chance
        self._group, self._source = group, source
        self._gate, self._slots = group.gate, group.slots
        self._positions = Positions(0)
        self._times: dict[int, datetime] = {}
        self._wants = lru_cache(TYPES)(self.subscription.wants)
        self._lanes: dict[str, deque[Recorded]] = {}
        self._blocked = Blocks()
        self._locks: dict[str, asyncio.Lock] = {}
        self._settled_before: set[int] = set()
        self._head_at_start = 0
        self._saved = 0
        self._batches, self._reading = 0, False
        self._changed, self._decided = Bell(), asyncio.Queue[str]()
        self._tasks: asyncio.TaskGroup | None = None

    # ------------------------------------------------------------------------------------------ from outside

    @property
    def low(self) -> int:
        """Everything of this source up to here is settled or parked."""
        return self._positions.low

    @property
    def oldest(self) -> datetime | None:
        """When the oldest message was made that is neither settled nor parked."""
        oldest = self._positions.oldest
        return None if oldest is None else self._times[oldest]

    def wake(self, letter: str) -> None:
        """Look at once whether a dead letter was replayed, edited or discarded."""
        self._decided.put_nowait(letter)

    async def look(self) -> None:
        """Ask whether positions were passed at which there is nothing for this source."""
        batches = self._batches
        passed = await self._source.passed()
        if batches == self._batches and not self._reading and passed > self._positions.reached:
            self._positions.read(passed, wanted=False)
            self._announce()

    async def run(self) -> None:
        """Deliver until cancelled. Raises StoreClosed when the store closes, Superseded when another reads here."""
        closed = superseded = False
        try:
            await self._start()
            async with asyncio.TaskGroup() as self._tasks:
                for helper in (self._save, self._watch):
                    self._tasks.create_task(helper())
                for key in list(self._blocked):
                    self._drain_later(key)
                await self._read()
                # The store is closed: nothing that still waits or sleeps can be acknowledged any more.
                raise StoreClosed
        except* StoreClosed:
            closed = True
        except* Superseded:
            superseded = True
        finally:
            self._group.left(self._source.name)
            self._tasks = None
        if closed:
            raise StoreClosed
        if superseded:
            raise Superseded(f"Another reads {self._source.name} now.")

    async def _start(self) -> None:
        self._saved = await patiently(partial(self._group.stood, self._source.name))
        self._positions = Positions(self._saved)
        self._head_at_start = await patiently(self._store.head)
        # From here on decisions are heard. A replay moves a row from the dead ones to the parked ones, so those
        # are read last.
        self._group.joined(self._source.name, self)
        for table in (DEAD, PARKED):
            for row in await self._group.rows(table):
                if not self._source.holds(row.key):
                    continue
                if row.position > self._saved:
                    self._settled_before.add(row.position)
                blocked = self._blocked.setdefault(row.key, Blocked(due=parse_rfc3339(row.due)))
                if table == DEAD:
                    self._blocked.die(blocked, row)

    # ---------------------------------------------------------------------------------------------- reading

    async def _read(self) -> None:
        async for batch in self._source.batches(self._positions.low):
            self._batches += 1
            self._reading = True
            self._settled_before |= await self._group.handled_before(batch, self._head_at_start)
            for recorded in batch:
                wanted = self._wants(recorded.message.type)
                if wanted and recorded.position in self._settled_before:
                    self._settled_before.discard(recorded.position)
                    wanted = False
                while wanted and len(self._positions) >= self._options.window:
                    await self._changed.next().wait()
                self._positions.read(recorded.position, wanted=wanted)
                if wanted:
                    self._times[recorded.position] = recorded.message.time
                    self._enqueue(recorded)
                else:
                    self._source.settled(recorded.position)
            self._reading = False
            self._announce()

    def _enqueue(self, recorded: Recorded) -> None:
        key = parking.key_of(recorded)
        lane = self._lanes.get(key)
        if lane is not None:
            lane.append(recorded)
        elif self._tasks is not None:
            self._lanes[key] = deque((recorded,))
            self._tasks.create_task(self._lane(key))

    def _announce(self) -> None:
        self._changed.ring()
        self._group.announce()

    def _done(self, position: int) -> None:
        self._positions.settle(position)
        self._times.pop(position, None)
        self._source.settled(position)
        self._announce()

    async def _save(self) -> None:
        """Write the position now and then, for what moved it without a commit of its own."""
        while True:
            await asyncio.sleep(SAVE_S)
            await self.look()
            low = self._positions.low
            if low > self._saved:
                await self._commit(Transaction(checkpoints=(self._checkpoint(low),)))
                self._saved = low

    def _checkpoint(self, position: int) -> Checkpoint:
        return Checkpoint(consumer=self._source.name, position=position)

    # ----------------------------------------------------------------------------------------------- lanes

    async def _lane(self, key: str) -> None:
        lane = self._lanes[key]
        while lane:
            await self._settle(lane[0], key)
            lane.popleft()
        del self._lanes[key]

    async def _settle(self, recorded: Recorded, key: str) -> None:
        if key in self._blocked:
            async with self._lock(key):
                if key in self._blocked:
                    await self._park(self._behind(recorded), NOTHING)
                    self._done(recorded.position)
                    return
        async with self._slots:
            result = await self._attempts(
                recorded, None, redelivered=recorded.position <= self._head_at_start
            )
        if result is not None:
            blocked = self._blocked[key] = Blocked(due=parse_rfc3339(result.due))
            await self._park_first(result, blocked, NOTHING)
            self._drain_later(key)
        self._done(recorded.position)

    def _behind(self, recorded: Recorded) -> Parked:
        return parking.row_of(recorded, self.subscription.group, due=self._clock.now())

    def _lock(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    async def _park(self, row: Parked, gone: Transaction) -> None:
        """Make a row durable; the position may then go past it."""
        low = self._checkpoint(self._positions.low_after(row.position))
        await self._commit(replace(gone, writes=(*gone.writes, *parking.put(row)), checkpoints=(low,)))

    async def _park_first(self, row: Parked, blocked: Blocked, gone: Transaction) -> None:
        """Make the row durable that blocks its key, and see what was decided on it since."""
        blocked.parking = True
        if row.state == "dead":
            self._blocked.die(blocked, row)
        await self._park(row, gone)
        blocked.asked = blocked.dead
        while blocked.asked:
            blocked.asked = False
            await self._look_at(blocked)
        blocked.parking = False

    async def _look_at(self, blocked: Blocked) -> None:
        """Let a key go on whose dead letter is gone."""
        if await patiently(partial(self._store.get, DEAD, blocked.letter)) is None:
            self._blocked.revive(blocked, self._clock.now())

    async def _commit(self, transaction: Transaction) -> None:
        """Commit what is the group's own, however long the way to the store is broken."""
        await patiently(partial(self._fenced, transaction))

    async def _fenced(self, transaction: Transaction) -> None:
        """Commit for this source. Raises Superseded when another reads it now."""
        fence = self._source.fence
        if fence is not None:
            transaction = replace(transaction, checkpoints=(*transaction.checkpoints, fence))
        await self._checked(transaction)

    async def _checked(self, transaction: Transaction) -> None:
        """Commit what carries the fence. Raises Superseded."""
        try:
            await self._store.commit(transaction)
        except WrongExpectedVersion as error:
            fence = self._source.fence
            if fence is None or error.stream != fence.consumer:
                raise
            raise Superseded(f"Another reads {self._source.name} now.") from None

    # ------------------------------------------------------------------------------------------- delivering

    async def _attempts(
        self, recorded: Recorded, row: Parked | None, *, redelivered: bool, gone: Transaction = NOTHING
    ) -> Parked | None:
        """Try at once as often as the options say; return None when it is handled, else the row as it now waits."""
        attempts = 0 if row is None else row.attempts
        quick, again = self._options.immediate, attempts > 0
        while True:
            async with self._gate.pass_() as probe:
                self._group.redeliveries += again
                again = True
                failure = await self._try(recorded, attempts + 1, redelivered, gone)
                if failure is None:
                    self._gate.succeeded()
                    return None
                if not failure.poison and self._gate.failed(
                    recorded.position, failure.reason, system=failure.system, probe=probe
                ):
                    redelivered = True
                    continue
            attempts, redelivered = attempts + 1, True
            if failure.poison or quick == 0:
                return self._waits(row or self._behind(recorded), failure, attempts)
            quick -= 1

    async def _try(
        self, recorded: Recorded, attempt: int, redelivered: bool, gone: Transaction
    ) -> Failure | None:
        self._group.in_flight += 1
        delivery = Delivery(
            group=self.subscription.group, attempt=attempt, redelivered=redelivered or attempt > 1
        )
        decided = False
        try:
            parts = await self.subscription.handler(recorded, delivery)
            decided = True
            await self._checked(self._acknowledged(recorded, parts, gone))
        except AlreadyHandled:
            # The effect happened before; only our own traces of the message are left to remove.
            low = self._checkpoint(self._positions.low_after(recorded.position))
            await self._commit(replace(gone, checkpoints=(low,)))
        except (StoreClosed, Superseded):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is this message's failure
            # A store that is full or out of reach fails for all messages alike, whichever it meets first.
            system = isinstance(error, (Rejected, OperatorError, *(PASSING if decided else ())))
            return parking.failure_of(error, poison=isinstance(error, POISON), system=system)
        finally:
            self._group.in_flight -= 1
        self._group.handled += 1
        return None

    def _acknowledged(self, recorded: Recorded, parts: Transaction, gone: Transaction) -> Transaction:
        handled = parking.handled(self.subscription.group, recorded.message)
        fence = self._source.fence
        moved: tuple[Checkpoint, ...] = (self._checkpoint(self._positions.low_after(recorded.position)),)
        if fence is not None:
            moved = (*moved, fence)
        if gone is NOTHING and parts == NOTHING:
            # Most handlers of facts leave nothing behind; copying eleven fields for them is what costs most.
            return Transaction(checkpoints=moved, handled=(handled,))
        return replace(
            parts,
            handled=(*parts.handled, handled),
            checkpoints=(*parts.checkpoints, *moved),
            writes=(*parts.writes, *gone.writes),
            erase=(*parts.erase, *gone.erase),
        )

    def _waits(self, row: Parked, failure: Failure, attempts: int) -> Parked:
        """Return the row of a message that failed: delayed once more, or dead."""
        now, handler = self._clock.now(), self.subscription.handler
        name = getattr(handler, "__qualname__", type(handler).__qualname__)
        noted = parking.failed(row, failure, attempts=attempts, now=now, handler=name)
        if failure.poison or row.delays >= len(self._options.delays):
            return replace(noted, state="dead")
        seconds = self._options.delays[row.delays]
        spread = seconds * self._options.jitter
        return parking.delayed(noted, seconds + self._chance.uniform(-spread, spread), now)

    # ------------------------------------------------------------------------------------------ redelivering

    def _drain_later(self, key: str) -> None:
        blocked = self._blocked[key]
        if self._tasks is not None and not (blocked.dead or blocked.draining):
            blocked.draining = True
            self._tasks.create_task(self._drain(key, blocked))

    async def _drain(self, key: str, blocked: Blocked) -> None:
        """Redeliver the rows of a key in order, each at its time, until none is left or one is dead."""
        while True:
            # A wall clock that was set back makes no delay longer than delays are.
            left = (blocked.due - self._clock.now()).total_seconds()
            await asyncio.sleep(min(max(0.0, left), self._options.longest_delay))
            async with self._lock(key):
                rows = await self._group.rows(PARKED, key, limit=1)
                if not rows:
                    del self._blocked[key]
                    del self._locks[key]
                    return
            row = rows[0]
            recorded = await self._event_of(row)
            gone = parking.removed(row)
            async with self._slots:
                result = await self._attempts(recorded, row, redelivered=True, gone=gone)
            blocked.due = self._clock.now()
            if result is None:
                continue
            await self._park_first(result, blocked, Transaction(writes=parking.delete(row)))
            if blocked.dead:
                blocked.draining = False
                return
            if result.state == "delayed":
                blocked.due = parse_rfc3339(result.due)

    async def _event_of(self, row: Parked) -> Recorded:
        """Return the event that a row stands for, from the log."""
        read = partial(self._store.read_all, after=row.position - 1, limit=1)
        (original,) = await patiently(read)
        if row.copy is None:
            return original
        stream, before = stream_of(row.id), row.copy - 1
        (copied,) = await patiently(partial(self._store.read_stream, stream, after=before, limit=1))
        return parking.as_delivered(row, original, copied)

    async def _watch(self) -> None:
        """Let keys go on whose dead letter was decided on."""
        while True:
            key = self._blocked.key_of(await self._decided.get())
            if key is None:
                continue
            blocked = self._blocked[key]
            blocked.asked = True
            if not blocked.parking:
                await self._look_at(blocked)
                self._drain_later(key)
