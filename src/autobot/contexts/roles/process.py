"""A process's place in the roles table: joins, says that it lives, drains, leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from autobot.contexts.roles.domain import RENEW_S, TABLE, Instance, Observer, instance_of, stream_of
from autobot.contexts.roles.ports import Self, members
from autobot.contracts.roles import RoleDraining, RoleJoined, RoleLeft, RoleLost
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import HopFailed, Rejected, WrongExpectedVersion
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import (
    ANY,
    Append,
    Delete,
    Filter,
    Put,
    Transaction,
)


class Membership:
    """This process among the others. Used from one event loop.

    Signs of life are writes of one row, no events: the log grows by joining and leaving alone.
    """

    def __init__(
        self, own: Self, store: EventStore, codec: EventCodec, clock: Clock, context: CallContext
    ) -> None:
        self._own, self._store, self._codec, self._clock, self._context = own, store, codec, clock, context
        self._row: Instance | None = None
        self._version = 0

    @property
    def draining(self) -> bool:
        """Whether this process gets no new calls."""
        return self._row is not None and self._row.draining

    async def join(self) -> None:
        """Take a place; an earlier life of this instance is over with it."""
        while True:
            before = await self._store.get(TABLE, self._own.id)
            epoch, own = await self._lives() + 1, self._own
            row = Instance(
                id=own.id,
                role=own.role,
                address=own.address,
                version=own.version,
                contracts=own.contracts,
                host=own.host,
                pid=own.pid,
                started_at=rfc3339(self._clock.now()),
                epoch=epoch,
            )
            joined = RoleJoined(
                instance=own.id,
                epoch=epoch,
                role=own.role,
                address=own.address,
                version=own.version,
                contracts=own.contracts,
            )
            try:
                await self._write(row, 0 if before is None else before.version, joined)
            except WrongExpectedVersion:
                # Somebody wrote the row between the look and the write: it is looked at again.
                continue
            return

    async def _lives(self) -> int:
        """Return how often this instance has joined."""
        where = Filter(stream=stream_of(self._own.id), types=(RoleJoined.TYPE,))
        found = await self._store.read_all(where=where, limit=1, backwards=True)
        last = self._codec.unwrap(found[0]) if found else None
        return last.epoch if isinstance(last, RoleJoined) else 0

    async def run(self, every_s: float = RENEW_S) -> None:
        """Say that this process lives, again and again, until cancelled. A store that is away is waited for."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.renew()
            except (HopFailed, Rejected):
                # Others see silence and choose another target; the next sign of life brings us back.
                continue

    async def renew(self) -> None:
        """Say that this process lives. Takes in what an operator wrote; joins anew when its row is gone or another's."""
        row = self._row
        if row is None:
            return
        try:
            await self._write(msgspec.structs.replace(row, beat=row.beat + 1), self._version)
        except WrongExpectedVersion:
            found = await self._store.get(TABLE, self._own.id)
            if found is None or instance_of(found.document).epoch != row.epoch:
                await self.join()
                return
            self._row, self._version = instance_of(found.document), found.version
            await self.renew()

    async def drain(self, reason: str) -> None:
        """Get no new calls from now on."""
        row = self._row
        if row is None or row.draining:
            return
        fact = RoleDraining(instance=row.id, epoch=row.epoch, by=self._own.id, reason=reason)
        try:
            await self._write(
                msgspec.structs.replace(row, draining=True, reason=reason, beat=row.beat + 1),
                self._version,
                fact,
            )
        except WrongExpectedVersion:
            await self.renew()
            await self.drain(reason)

    async def leave(self) -> None:
        """Give the place back."""
        row, self._row = self._row, None
        if row is None:
            return
        fact = RoleLeft(instance=row.id, epoch=row.epoch)
        drop = Delete(table=TABLE, key=row.id)
        await self._store.commit(Transaction(appends=(self._append(row.id, fact),), writes=(drop,)))

    async def _write(self, row: Instance, expected: int, fact: Any = None) -> None:
        row = msgspec.structs.replace(row, seen_at=rfc3339(self._clock.now()))
        put = Put(
            table=TABLE, key=row.id, document=msgspec.to_builtins(row), group=row.role, expected=expected
        )
        appends = () if fact is None else (self._append(row.id, fact),)
        await self._store.commit(Transaction(appends=appends, writes=(put,)))
        self._row, self._version = row, expected + 1

    def _append(self, instance_id: str, fact: Any) -> Append:
        return append_of(self._codec, instance_id, fact, self._context)


def append_of(codec: EventCodec, instance_id: str, fact: Any, context: CallContext) -> Append:
    """Return the append of an instance's fact."""
    stream = stream_of(instance_id)
    return Append(stream=stream, expected=ANY, events=(codec.wrap(fact, stream, context),))


async def bury(
    store: EventStore, codec: EventCodec, observer: Observer, now: float, context: CallContext
) -> Sequence[str]:
    """Take the rows of lost instances away, each with one fact; returns their ids. Whoever is first does it."""
    gone = []
    for instance, row in await members(store):
        if observer.state(instance, now, instance.contracts)[0] != "lost":
            continue
        fact = RoleLost(instance=instance.id, epoch=instance.epoch)
        mark = Put(
            table=TABLE,
            key=instance.id,
            document=row.document,
            group=instance.role,
            expected=row.version,
        )
        try:
            # One that beats in this moment has another version, and stays.
            await store.commit(
                Transaction(appends=(append_of(codec, instance.id, fact, context),), writes=(mark,))
            )
        except WrongExpectedVersion:
            continue
        await store.commit(Transaction(writes=(Delete(table=TABLE, key=instance.id),)))
        gone.append(instance.id)
    return gone
