"""Leases with fencing tokens: who does a thing that only one may do, and how the store refuses all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from autobot.kernel.core.clock import Clock, parse_rfc3339, rfc3339
from autobot.kernel.core.errors import AutoBotError, WrongExpectedVersion
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.event_store.transaction import Checkpoint, Document, Put, Query, Transaction
from autobot.kernel.messaging.source import Superseded

LEASES: Final = "leases"
MOST: Final = 1_000
"""Leases about one thing that are looked at."""
TTL_S: Final = 6.0
"""How long a holder that says nothing keeps its lease, in seconds. It says so three times as often."""


class Lease:
    """One thing that one holder at a time does; `about` is what its row is found by.

    The row of the lease says who and until when, for politeness: clocks may differ. The token is what
    protects: it is a checkpoint that every taking moves by one, and `fence` makes a commit conditional on
    it. So a holder that slept through its lease is refused, whatever its clock says.
    """

    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        name: str,
        holder: str,
        *,
        about: str = "",
        ttl_s: float = TTL_S,
    ) -> None:
        self._store, self._clock, self._about = store, clock, about
        self.name, self.holder, self.ttl_s = name, holder, ttl_s
        self.token = 0
        self.held_by = ""
        self._seen = (0, 0.0)

    @property
    def fence(self) -> Checkpoint:
        """The condition that only the newest holder's commits meet."""
        return Checkpoint(consumer=self._fence, position=self.token, expected=self.token)

    @property
    def _fence(self) -> str:
        return f"lease:{self.name}"

    async def take(self) -> bool:
        """Take the lease when nobody has it, or its time is over, or an earlier life of this holder had it.

        Its time is told by wall clocks, which may be set back: whoever has asked for a whole term without seeing it
        renewed takes it as well.
        """
        row = await self._store.get(LEASES, self.name)
        self.held_by = "" if row is None else str(row.document["holder"])
        others = row is not None and self.held_by != self.holder
        if row is not None and others and self._runs(row):
            return False
        token = await self._store.checkpoint(self._fence)
        moved = Checkpoint(consumer=self._fence, position=token + 1, expected=token)
        try:
            await self._store.commit(Transaction(checkpoints=(moved,), writes=(self._row(self.ttl_s),)))
        except WrongExpectedVersion:
            return False
        self.token, self.held_by = token + 1, self.holder
        return True

    def _runs(self, row: Document) -> bool:
        if parse_rfc3339(row.document["until"]) <= self._clock.now():
            return False
        version, since = self._seen
        if row.version != version:
            self._seen = (row.version, self._clock.monotonic())
            return True
        return self._clock.monotonic() - since < self.ttl_s

    async def renew(self) -> None:
        """Keep it for another while. Raises Superseded when somebody else took it."""
        await self._say(self.ttl_s)

    async def release(self) -> None:
        """Let the next one take it at once. Raises Superseded when somebody else took it."""
        await self._say(0.0)

    async def _say(self, seconds: float) -> None:
        try:
            await self._store.commit(Transaction(checkpoints=(self.fence,), writes=(self._row(seconds),)))
        except WrongExpectedVersion:
            raise Superseded(f"The lease {self.name} was taken by another.") from None

    def _row(self, seconds: float) -> Put:
        until = rfc3339(self._clock.now() + timedelta(seconds=seconds))
        document = {"name": self.name, "holder": self.holder, "until": until}
        return Put(table=LEASES, key=self.name, document=document, owner=self._about)


async def held(lease: Lease, clock: Clock, over: asyncio.Event) -> None:
    """Renew a lease that was taken; return when it is lost, or when `over` is set."""
    renewed = clock.monotonic()
    while clock.monotonic() - renewed < lease.ttl_s:
        with suppress(TimeoutError):
            async with asyncio.timeout(lease.ttl_s / 3):
                await over.wait()
            return
        began = clock.monotonic()
        try:
            await lease.renew()
            renewed = began
        except (Superseded, StoreClosed):
            return
        except AutoBotError:
            continue


async def while_held(lease: Lease, clock: Clock, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do `work` whenever this process has the lease, until the store closes; it is cancelled when the lease is lost."""
    with suppress(StoreClosed):
        while True:
            if await patiently(lease.take):
                try:
                    async with asyncio.TaskGroup() as group:
                        task = group.create_task(work())
                        await held(lease, clock, asyncio.Event())
                        task.cancel()
                finally:
                    # Superseded, or a store that is away: the lease ends by itself.
                    with suppress(AutoBotError):
                        await asyncio.shield(lease.release())
            await asyncio.sleep(lease.ttl_s / 3)


async def end(store: EventStore, row: Document) -> bool:
    """End a lease as its row was seen, whoever holds it: its holder's commits are refused from now on.

    False when the row moved meanwhile: renewed, taken, or ended by another.
    """
    fence = f"lease:{row.key}"
    token = await store.checkpoint(fence)
    moved = Checkpoint(consumer=fence, position=token + 1, expected=token)
    over = {**row.document, "ended": True}
    write = Put(table=LEASES, key=row.key, document=over, owner=row.owner, expected=row.version)
    try:
        await store.commit(Transaction(checkpoints=(moved,), writes=(write,)))
    except WrongExpectedVersion:
        return False
    return True


class Others:
    """The other holders of leases about a thing, as one of them sees them.

    Time decides only when another looks dead: its row has not moved for `ttl_s` seconds by the looker's own monotonic
    clock. No clock of a machine is compared with another's, so one that jumps costs a delay at most (decision 0026).
    """

    def __init__(
        self, store: EventStore, clock: Clock, about: str, holder: str, *, ttl_s: float = TTL_S
    ) -> None:
        self._store, self._clock, self._about, self._holder = store, clock, about, holder
        self._ttl_s = ttl_s
        self._seen: dict[str, tuple[int, float]] = {}

    async def gone(self) -> AsyncIterator[str]:
        """Yield those whose lease is over; end the leases of those that said nothing for long."""
        for row in await rows_about(self._store, self._about):
            holder = str(row.document["holder"])
            if holder == self._holder:
                continue
            if row.document.get("ended") or (self._silent(row) and await end(self._store, row)):
                yield holder

    def _silent(self, row: Document) -> bool:
        """Say whether a row has not moved for the time of a lease, as seen from here."""
        now = self._clock.monotonic()
        version, since = self._seen.get(row.key, (0, now))
        if version != row.version:
            self._seen[row.key] = (row.version, now)
            return False
        return now - since >= self._ttl_s


async def rows_about(store: EventStore, what: str) -> Sequence[Document]:
    """Return the rows of the leases about a thing."""
    return await store.query(Query(table=LEASES, owner=what, limit=MOST))


async def taken_since(store: EventStore, about: str, moment: datetime) -> list[str]:
    """Return the names of the leases about a thing that somebody has, or had at some time after `moment`."""
    found = await rows_about(store, about)
    return [str(one.document["name"]) for one in found if parse_rfc3339(one.document["until"]) > moment]
