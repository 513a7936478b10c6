"""Which process keeps a read model, and how the others reach it.

One process at a time follows the log for a projection: the one that has its lease. The others read the tables, tell
where they stand by the store, and stand by: when the keeper is gone, one of them goes on where it was. What a person
wants done to the tables is laid into the store as a wish; the keeper, whoever that is by then, grants it (decision 0030).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, Final, Literal

import msgspec

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, DeadlineExceeded, WrongExpectedVersion
from autobot.kernel.core.raised import Raised, error_of, raised_of
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.event_store.projection import OnPoison, Projection, ProjectionState
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.event_store.projection_standing import stopped, stored_position, stored_state
from autobot.kernel.event_store.transaction import Delete, Document, Put, Query, Transaction
from autobot.kernel.messaging.leases import Lease, held

WISHES: Final = "projection_wishes"
"""Changes that the keeper is to make: key = the change, group = the projection."""
LOOK_S: Final = 0.25
"""How often the keeper looks for wishes, and who wished for what came of it, in seconds."""
WAIT_S: Final = 0.02
"""How often a reader looks whether another process has come so far, in seconds."""
PAGE: Final = 50

Act = Literal["rebuild", "parity", "switch", "rollback", "discard", "discard_kept"]


class Keeper:
    """A projection, kept here or elsewhere. Without a lease this process is the only one and keeps it."""

    def __init__(
        self, runner: ProjectionRunner, store: EventStore, clock: Clock, lease: Lease | None = None
    ) -> None:
        self._runner, self._store, self._clock, self._lease = runner, store, clock, lease
        self._here = lease is None
        self._over = asyncio.Event()

    async def on_poison(self) -> OnPoison:
        """Return what happens now with an event that the projection cannot take."""
        return await self._runner.on_poison()

    @property
    def projection(self) -> Projection:
        """What is kept."""
        return self._runner.projection

    @property
    def kept_by(self) -> str:
        """The process that keeps it, as far as this one knows; empty where there is one process."""
        return "" if self._lease is None else self._lease.held_by

    # ------------------------------------------------------------------------------------------ for readers

    async def wait_for(self, position: int, deadline: float) -> None:
        """Return when readers see what the event at `position` wrote, whoever keeps the projection.

        `deadline` is in monotonic seconds. Raises DeadlineExceeded when it passes, or at once when the projection has
        stopped before that event.
        """
        if self._here:
            await self._runner.wait_for(position, deadline)
            return
        while (now := await stored_position(self._store, self.projection)) < position:
            if self._clock.monotonic() >= deadline or await stopped(self._store, self.projection):
                raise DeadlineExceeded(
                    f"The read model {self.projection.name} stands at position {now}, not yet at {position}."
                )
            await asyncio.sleep(WAIT_S)

    async def statistics(self) -> ProjectionState:
        """Return where it stands."""
        if self._here:
            return await self._runner.statistics()
        return await stored_state(self._store, self.projection)

    # ------------------------------------------------------------------------------------------- for change

    async def change(self, act: Act, change: str) -> None:
        """Have a change made, under its own id, by whoever keeps the projection.

        Raises what that raised: Conflict where the tables do not allow it, DataCorrupt when an event stops a rebuild.
        """
        if self._lease is None:
            await self._make(act, change)
            return
        while True:
            row = await patiently(lambda: self._store.get(WISHES, change))
            if row is None:
                await self._wish(act, change)
            elif row.document["done"]:
                gone = Transaction(writes=(Delete(table=WISHES, key=change),))
                await patiently(partial(self._store.commit, gone))
                if row.document["raised"] is not None:
                    raise error_of(msgspec.convert(row.document["raised"], Raised), self._clock.monotonic())
                return
            await asyncio.sleep(LOOK_S)

    async def _wish(self, act: Act, change: str) -> None:
        document = {"act": act, "done": False, "raised": None}
        wish = Put(table=WISHES, key=change, document=document, group=self.projection.name, expected=0)
        # Else an earlier life of the same run has wished it.
        with suppress(WrongExpectedVersion):
            await patiently(lambda: self._store.commit(Transaction(writes=(wish,))))

    async def _make(self, act: Act, change: str) -> None:
        match act:
            case "rebuild":
                await self._runner.build()
            case "parity":
                await self._runner.compare()
            case "switch":
                await self._runner.switch(change)
            case "rollback":
                await self._runner.rollback(change)
            case "discard" | "discard_kept":
                await self._runner.discard(change, kept=act == "discard_kept")

    # ------------------------------------------------------------------------------------------- the keeper

    async def run(self) -> None:
        """Keep it whenever nobody else does, until the store closes."""
        if self._lease is None:
            await self._follow()
            return
        with suppress(StoreClosed):
            while True:
                if await patiently(self._lease.take):
                    await self._keep(self._lease)
                await asyncio.sleep(self._lease.ttl_s / 3)

    async def _keep(self, lease: Lease) -> None:
        self._over.clear()
        self._runner.fence = lease.fence
        self._here = True
        try:
            async with asyncio.TaskGroup() as group:
                work = [group.create_task(one) for one in (self._follow(), self._grant())]
                await held(lease, self._clock, self._over)
                for task in work:
                    task.cancel()
        finally:
            self._here = False
            # Superseded, or a store that is away: the lease ends by itself.
            with suppress(AutoBotError):
                await asyncio.shield(lease.release())

    async def _follow(self) -> None:
        """Follow the log. One that an event stopped is kept all the same: the next process would stop there, too.

        It goes on as soon as such events are to be left out.
        """
        while await self._runner.run() == "poison":
            while await patiently(self._runner.on_poison) == "stop":  # noqa: ASYNC110 - a policy has no event
                await asyncio.sleep(LOOK_S)
        self._over.set()

    # ------------------------------------------------------------------------------------------- its wishes

    async def _grant(self) -> None:
        """Grant wishes, each in a task of its own: a candidate may be discarded while it is built."""
        name, busy = self.projection.name, set[str]()
        wishes = Query(table=WISHES, group=name, limit=PAGE)
        with suppress(StoreClosed):
            async with asyncio.TaskGroup() as group:
                while True:
                    for row in await patiently(partial(self._store.query, wishes)):
                        if row.key not in busy and not row.document["done"]:
                            busy.add(row.key)
                            group.create_task(self._granted(row, busy))
                    await asyncio.sleep(LOOK_S)

    async def _granted(self, row: Document, busy: set[str]) -> None:
        raised: dict[str, Any] | None = None
        try:
            await self._runner.settled()
            await self._make(row.document["act"], row.key)
        except (WrongExpectedVersion, StoreClosed):
            # The lease is over: the next keeper finds the wish as it was.
            busy.discard(row.key)
            return
        except Exception as error:  # noqa: BLE001 - whatever it raised belongs to who wished for it
            raised = msgspec.to_builtins(raised_of(error, self._clock.monotonic()))
        document = {**row.document, "done": True, "raised": raised}
        told = Put(
            table=WISHES, key=row.key, document=document, group=self.projection.name, expected=row.version
        )
        with suppress(WrongExpectedVersion, StoreClosed):
            await patiently(lambda: self._store.commit(Transaction(writes=(told,))))
        busy.discard(row.key)
