"""A process's place in the roles table: joins, says that it lives, drains, leaves.

    member = Membership(own, store, codec, clock, context)
    group.create_task(member.run())      # signs of life, from the first `join` on
    await member.join()                  # calls come from now on
    await member.drain("it leaves")      # nobody begins anything new with it
    await member.leave()                 # its row is gone, and comes back no more

Every write holds only on the row that this process wrote last, so whatever was decided about it meanwhile is noticed
with the next sign of life at the latest: that it drains, that it was found lost (it joins again, with the next epoch),
or that another process took its id (it joins under another one, and both live).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from autobot.contexts.roles.domain import (
    FORGOTTEN_S,
    LEASE_S,
    RENEW_S,
    TABLE,
    Instance,
    Observer,
    check_lease,
    instance_of,
    stream_of,
)
from autobot.contexts.roles.ports.contracts import keep_contracts
from autobot.contexts.roles.ports.rows import Rows, Self, Within, members
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict, WrongExpectedVersion
from autobot.kernel.event_store.codec import Event, EventCodec
from autobot.kernel.event_store.patience import AWAY, patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Filter, Transaction
from autobot.kernel.telemetry.listener import Change, Listener

REJOINED: Final = "role_rejoined_total"
AGAIN_S: Final = 0.5
"""Seconds before a sign of life that the store did not take is given again: often enough that an outage of the store,
in which nobody can give one, costs nobody its lease."""
TRIES: Final = 8
"""How often a word is said anew when the row moved on meanwhile."""


class Membership:
    """This process among the others. Used from one event loop.

    Signs of life are writes of one row, no events: the log grows by joining and leaving alone. `lease_s`: seconds
    that this process may say nothing (1–3,600, at least three times as long as between two signs of life).
    `within` tells what each sign of life says of the processes that this one started.
    `listener` hears when it was lost or had to take another id, and counts `role_rejoined_total`.
    """

    def __init__(
        self,
        own: Self,
        store: EventStore,
        codec: EventCodec,
        clock: Clock,
        context: CallContext,
        *,
        lease_s: float = LEASE_S,
        within: Within | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._own, self._store, self._codec, self._clock = own, store, codec, clock
        self._rows, self._lease_s, self._listener = Rows(codec, context), lease_s, listener
        self._within = within
        # The id of this process's own context is nobody else's, which is all that a holder's name must be.
        self._holder = context.correlation_id
        self._id = own.id
        self._row: Instance | None = None
        self._version = 0
        self._left = False
        self._lock = asyncio.Lock()

    @property
    def row(self) -> Instance | None:
        """This process's row as it knows it; None while it takes no part."""
        return self._row

    @property
    def draining(self) -> bool:
        """Whether this process gets no new calls."""
        return self._row is not None and self._row.draining

    # ------------------------------------------------------------------------------------------- joining

    async def join(self) -> None:
        """Take a place, waiting for a store that is away; an earlier life of this instance is over with it.

        Raises Conflict after `leave`.
        """
        async with self._lock:
            if self._left:
                raise Conflict(f"The process {self._id} has left.")
            if self._own.speaks is not None:
                await patiently(partial(keep_contracts, self._store, self._own.speaks))
            while not await self._join(patient=True):
                # Somebody wrote the row between the look and the write: it is looked at again.
                continue

    async def _join(self, *, patient: bool) -> bool:
        """Begin a life; returns False when the row moved on meanwhile."""
        found = await patiently(self._find) if patient else await self._find()
        before, version, lives, revision = found
        facts, row = self._new(before, revision).joined(lives)
        transaction = self._rows.written(row, version, facts)
        commit = partial(self._store.commit, transaction)
        try:
            # The same transaction again is known by its facts and does nothing twice.
            await (patiently(commit) if patient else commit())
        except WrongExpectedVersion:
            return False
        self._row, self._version = row, version + 1
        return True

    async def _find(self) -> tuple[Instance | None, int, int, int]:
        """Return the row, its version, how often this instance joined, and the revision of its last fact."""
        found = await self._store.get(TABLE, self._id)
        if found is not None:
            before = instance_of(found.document)
            return before, found.version, before.epoch, before.revision
        last = await self._store.read_all(where=Filter(stream=stream_of(self._id)), limit=1, backwards=True)
        if not last:
            return None, 0, 0, -1
        return None, 0, getattr(self._codec.unwrap(last[0]), "epoch", 0), last[0].revision

    def _new(self, before: Instance | None, revision: int) -> Instance:
        """Return the row of a new life. What drained an earlier life of this very process drains this one."""
        own, known = self._own, before if before is not None else self._row
        drains = known is not None and known.holder == self._holder and known.draining
        row = Instance(
            id=self._id,
            role=own.role,
            address=own.address,
            version=own.version,
            contracts=own.contracts,
            host=own.host,
            pid=own.pid,
            started_at=rfc3339(self._clock.now()),
            seen_at=rfc3339(self._clock.now()),
            draining=drains,
            drained_by=known.drained_by if known and drains else "",
            reason=known.reason if known and drains else "",
            holder=self._holder,
            lease_s=self._lease_s,
            key_mark=own.key_mark,
            grpc=own.grpc,
            carries=own.carries,
            revision=revision,
        )
        return self._said(row)

    # ------------------------------------------------------------------------------------------- living

    async def run(self, every_s: float = RENEW_S) -> None:
        """Say that this process lives, again and again, until cancelled. A store that is away is waited for.

        Raises ConfigurationError when the lease does not outlast three signs of life.
        """
        check_lease(self._lease_s, every_s)
        pause = every_s
        while True:
            await asyncio.sleep(pause)
            try:
                await self.renew()
                pause = every_s
            except AWAY:
                # Others see silence and choose another target; the next sign of life brings us back.
                pause = min(AGAIN_S, every_s)

    async def renew(self) -> None:
        """Say that this process lives. Takes in what was decided about it; joins anew when it was found lost."""
        async with self._lock:
            for _ in range(TRIES):
                row = self._row
                if row is None:
                    return
                said = self._said(msgspec.structs.replace(row, grpc=self._own.grpc))
                if await self._write(said.beaten(self._now())):
                    return

    def _said(self, row: Instance) -> Instance:
        """Return a row with what runs within this process now."""
        if self._within is None:
            return row
        children, memory = self._within()
        return msgspec.structs.replace(row, children=children, memory_bytes=memory)

    async def takes_grpc(self, address: str) -> None:
        """Say where this process takes calls over gRPC from now on. Raises what the store raises: it is then told later."""
        self._own = replace(self._own, grpc=address)
        async with self._lock:
            for _ in range(TRIES):
                row = self._row
                if row is None or row.grpc == address:
                    return
                if await self._write(msgspec.structs.replace(row, grpc=address).beaten(self._now())):
                    return

    async def drain(self, reason: str) -> None:
        """Get no new calls from now on. Raises Conflict when the row moves faster than it can be written."""
        async with self._lock:
            for _ in range(TRIES):
                row = self._row
                if row is None or row.draining:
                    return
                facts, drained = row.drained(self._id, reason)
                if await self._write(drained.beaten(self._now()), facts):
                    return
            raise Conflict(f"The row of {self._id} moves faster than it can be written.")

    async def _write(self, row: Instance, facts: Sequence[Event] = ()) -> bool:
        """Write the own row; returns False when it was not as remembered, and is known again now."""
        try:
            await self._store.commit(self._rows.written(row, self._version, facts))
        except WrongExpectedVersion:
            await self._look_again(row.epoch)
            return False
        self._row, self._version = row, self._version + 1
        return True

    async def _look_again(self, epoch: int) -> None:
        """Find out what became of the row: it drains, it was found lost, it is another's."""
        found = await self._store.get(TABLE, self._id)
        stored = None if found is None else instance_of(found.document)
        if found is not None and stored is not None and stored.holder == self._holder and not stored.lost:
            self._row, self._version = stored, found.version
        elif stored is not None and stored.holder != self._holder:
            self._id = f"{self._own.id[:110]}.{self._holder[-8:]}"
            self._tell("live", "renamed", f"Another process is {self._own.id} now; this one is {self._id}.")
            await self._join(patient=False)
        elif await self._join(patient=False):
            self._tell("lost", "live", f"It said nothing for longer than its lease in its life {epoch}.")
            if self._listener is not None:
                self._listener.counted(REJOINED, 1.0, (("role", self._own.role),))

    # ------------------------------------------------------------------------------------------- leaving

    async def leave(self) -> None:
        """Give the place back, for good. Raises what the store raises; the lease then ends by itself."""
        async with self._lock:
            self._left, row, self._row = True, self._row, None
            for _ in range(TRIES):
                if row is None or row.holder != self._holder:
                    return
                try:
                    await self._store.commit(self._rows.removed(row, row.left()))
                except WrongExpectedVersion:
                    found = await self._store.get(TABLE, row.id)
                    row = None if found is None else instance_of(found.document)
                else:
                    return

    def _now(self) -> str:
        return rfc3339(self._clock.now())

    def _tell(self, before: str, after: str, reason: str) -> None:
        if self._listener is not None:
            self._listener.changed(
                Change(kind="role", subject=f"role:{self._id}", before=before, after=after, reason=reason)
            )


async def bury(
    store: EventStore, codec: EventCodec, observer: Observer, context: CallContext
) -> Sequence[Instance]:
    """Mark the instances that are lost, each with one fact, and return them; whoever is first does it.

    One that was marked for an hour is forgotten. Raises what the store raises.
    """
    rows, marked = Rows(codec, context), []
    for instance, row in await members(store):
        if observer.state(instance)[0] != "lost":
            continue
        facts, lost = instance.buried()
        if facts:
            step: Transaction = rows.written(lost, row.version, facts)
        elif observer.age(instance) >= FORGOTTEN_S:
            step = rows.removed(instance)
        else:
            continue
        try:
            # One that gives a sign of life in this moment has another version, and stays.
            await store.commit(step)
        except WrongExpectedVersion:
            continue
        if facts:
            marked.append(lost)
    return marked
