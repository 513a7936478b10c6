"""The relay: brings the log into the streams, part by part, and makes a stream again that was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from autobot.adapters.redis.entry import written
from autobot.adapters.redis.errors import GroupLost
from autobot.adapters.redis.options import Part, StreamOptions
from autobot.adapters.redis.server import Server
from autobot.adapters.redis.tail import LogTail
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import OperatorError, WrongExpectedVersion
from autobot.kernel.event_store.patience import AWAY, patiently
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.event_store.transaction import Checkpoint, Recorded, Transaction
from autobot.kernel.messaging.group import stood
from autobot.kernel.messaging.leases import Lease, taken_since
from autobot.kernel.messaging.source import Superseded
from autobot.kernel.telemetry.listener import Listener

BACKOFF_S: Final = (0.05, 5.0)
FORGOTTEN: Final = timedelta(days=1)
"""A group that nobody served for so long keeps nothing in the streams; when it comes back, they are begun anew."""
QUIET_LOOKS: Final = 10
"""Looks after a stream in which nothing moves that pass before its groups are asked again where they stand."""
EPOCH: Final = "stream_epoch_changed_total"
LOST: Final = "stream_entries_lost_total"
PUBLISHED: Final = "stream_published_total"

Publish = Callable[[Part, int, int, Sequence[Any]], Awaitable[int | None]]
"""`Server.append`, perhaps behind a row of the matrix."""


class Relay:
    """Publishes every event of the log at least once, in log order per part.

    One process at a time relays a part: it has the part's lease. That is for economy; order and wholeness
    rest on the append itself, which the server does only where the stream stands as the relay thinks.
    """

    def __init__(
        self,
        server: Server,
        store: EventStore,
        clock: Clock,
        options: StreamOptions,
        *,
        publish: Publish | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._server, self._store, self._clock, self._options = server, store, clock, options
        self.publish: Publish = publish or server.append
        self._listener = listener
        self._tail = LogTail(store, options)
        self._poked = [asyncio.Event() for _ in range(options.parts)]
        self.relaying: set[int] = set()
        self.failing: dict[int, str] = {}

    def poke(self, number: int) -> None:
        """Look at once after a part's stream."""
        self._poked[number].set()
        self._tail.nudge()

    async def run(self) -> None:
        """Relay until cancelled, or until the store closes."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tail.run())
                for number in range(self._options.parts):
                    group.create_task(self._serve(number))
        except* StoreClosed:
            pass

    # ---------------------------------------------------------------------------------------------- the lease

    async def _serve(self, number: int) -> None:
        part = self._options.part(number)
        lease = Lease(
            self._store,
            self._clock,
            f"relay/{part.tag}",
            self._options.holder,
            about="relay",
            ttl_s=self._options.lease,
        )
        while True:
            if await patiently(lease.take):
                self.relaying.add(number)
                try:
                    await _PartRelay(self, part, lease).run()
                except* Superseded:
                    pass
                finally:
                    self.relaying.discard(number)
            await asyncio.sleep(lease.ttl_s / 3)

    def counted(self, name: str, part: Part, value: float = 1.0) -> None:
        """Tell a count."""
        if self._listener is not None:
            self._listener.counted(name, value, (("part", part.tag),))


@dataclass(frozen=True, slots=True)
class _Settled:
    """Up to where groups had settled a part whose stream ended at `stands`. What they settle since is trimmed later."""

    names: Sequence[str]
    stands: int | None
    low: int
    until: float


class _PartRelay:
    """Relays one part while its lease is held."""

    def __init__(self, relay: Relay, part: Part, lease: Lease) -> None:
        self._relay, self._part, self._lease = relay, part, lease
        self._server, self._store = relay._server, relay._store
        self._options, self._clock = relay._options, relay._clock
        self._name = f"relay/{part.tag}/{self._options.parts}"
        self._saved = self._known = 0
        self._looked = 0.0
        self._stands: int | None = None
        self._settled: _Settled | None = None

    async def run(self) -> None:
        """Relay until cancelled. Raises Superseded when another took the lease, StoreClosed when the store closes."""
        self._saved = self._known = await patiently(partial(self._store.checkpoint, self._name))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew())
            await self._publish_for_ever()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease.ttl_s / 3)
            await patiently(self._lease.renew)

    async def _publish_for_ever(self) -> None:
        pause, cap = BACKOFF_S
        wait = pause
        failing, number = self._relay.failing, self._part.number
        while True:
            try:
                await self._step()
                failing.pop(number, None)
                wait = pause
            except StoreClosed:
                raise
            except AWAY as error:
                # The part waits; others go on. What is not published stays in the log.
                failing[number], self._stands = error.detail, None
                await asyncio.sleep(wait)
                wait = min(cap, wait * 2)

    async def _step(self) -> None:
        poked = self._relay._poked[self._part.number]
        now = self._clock.monotonic()
        if self._stands is None or poked.is_set() or now - self._looked >= self._options.upkeep:
            if poked.is_set():
                poked.clear()
                self._settled = None
            self._stands = await self._look()
            self._looked = now
        stands, options = self._stands, self._options
        wait_s = min(options.upkeep, 0.25)
        events, upto = await self._relay._tail.after(
            self._part.number, stands, options.batch, wait_s, poked.is_set
        )
        if upto == stands:
            return
        reached = await self._relay.publish(self._part, stands, upto, entries_of(events))
        self._relay.counted(PUBLISHED, self._part, len(events))
        # Elsewhere than asked for: another relay, or a stream that was lost; looking tells which.
        self._stands = None
        if reached == upto:
            self._stands = self._known = upto

    async def _look(self) -> int:
        """Return where the stream stands; begin it anew where it does not hold what the groups need."""
        low = await self._low()
        state = await self._server.state(self._part)
        if state is None or not state[0] <= low <= state[1] or not await self._whole(state[2]):
            asked = await self._server.forgotten(self._part)
            if self._known > 0 and (state is not None or not asked):
                self._relay.counted(EPOCH, self._part)
            await self._server.begin(self._part, low)
            await self._save(low)
            self._known = low
            return low
        start, stands, _ = state
        if stands < self._known:
            self._relay.counted(EPOCH, self._part)
            self._known = stands
        if start < low <= stands:
            await self._server.trim(self._part, low)
        await self._save(stands)
        return stands

    async def _whole(self, last: bytes) -> bool:
        """Say whether the stream ends where its state says that it does."""
        try:
            info = await self._server.do("XINFO", "STREAM", self._part.stream)
        except (OperatorError, GroupLost):
            return False
        return bool(dict(zip(info[::2], info[1::2], strict=True))[b"last-generated-id"] == last)

    async def _low(self) -> int:
        """Return up to where every group has settled this part; the head of the log when there is no group."""
        since = self._clock.now() - FORGOTTEN
        names = await patiently(partial(taken_since, self._store, self._part.tag, since))
        now, known = self._clock.monotonic(), self._settled
        if known is not None and (known.names, known.stands) == (names, self._stands) and now < known.until:
            return known.low
        lows = []
        for name in names:
            group = name.rpartition("@")[0]
            checkpoint = self._options.checkpoint(group, self._part.number)
            lows.append(await patiently(partial(stood, self._store, group, checkpoint)))
        low = min(lows) if lows else await patiently(self._store.head)
        until = now + QUIET_LOOKS * self._options.upkeep
        self._settled = (
            _Settled(names, self._stands, low, until) if self._stands is not None and lows else None
        )
        return low

    async def _save(self, position: int) -> None:
        """Note how far the part was published, for those who compare. Raises Superseded."""
        if position <= self._saved:
            return
        moved = Checkpoint(consumer=self._name, position=position)
        transaction = Transaction(checkpoints=(moved, self._lease.fence))
        try:
            await patiently(partial(self._store.commit, transaction))
        except WrongExpectedVersion:
            raise Superseded(f"The lease {self._lease.name} was taken by another.") from None
        self._saved = position


def entries_of(events: Sequence[Recorded]) -> list[Any]:
    """Return events as the words of an append."""
    words: list[Any] = []
    for recorded in events:
        words += (f"{recorded.position}-0", written(recorded))
    return words
