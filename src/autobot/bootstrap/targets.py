"""Where the calls of this process go: rows to other roles follow the roles table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from autobot.bootstrap.placing import HOPS
from autobot.contexts.roles.module import Instance, Observer, bury, members
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import HopFailed, Rejected
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.resilience.operation import Transport
from autobot.kernel.telemetry.listener import Listener

LOOK_S: Final = 1.0
STALE: Final = "role_targets_stale_total"
LOST: Final = "role_instances_lost_total"


class TargetDirectory:
    """Connects each row of `hops` to the live processes of its other end, and anew only when those change.

    While the table cannot be read the last known ones stay, which is counted: their breakers know better than silence.
    """

    def __init__(
        self,
        hops: Mapping[str, Transport],
        contracts: str,
        *,
        registry: LinkRegistry,
        store: EventStore,
        codec: EventCodec,
        clock: Clock,
        observer: Observer,
        context: CallContext,
        listener: Listener | None = None,
    ) -> None:
        self._hops, self._contracts = dict(hops), contracts
        self._registry, self._store, self._codec = registry, store, codec
        self._clock, self._observer, self._context, self._listener = clock, observer, context, listener
        self._known: dict[str, tuple[str, ...]] = {}
        self.found = asyncio.Event()
        """Set while every row has a target."""

    async def run(self) -> None:
        """Follow the table until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Read the table once and connect what changed."""
        try:
            rows = [one for one, _ in await members(self._store)]
            now = self._clock.monotonic()
            self._observer.look(rows, now)
            self._connect(rows, now)
            for _ in await bury(self._store, self._codec, self._observer, now, self._context):
                self._count(LOST, "")
        except (HopFailed, Rejected) as error:
            self._count(STALE, error.code)

    def _connect(self, rows: Sequence[Instance], now: float) -> None:
        for row, transport in self._hops.items():
            role = HOPS[row][1]
            targets = self._observer.targets(rows, role, now, self._contracts)
            if targets != self._known.get(row):
                self._known[row] = targets
                hint = f"autobot serve {role}"
                there = Wired(transport=transport, targets=targets, hint=hint)
                self._registry.wire(row, there if targets else Wired(state="absent", hint=hint))
        if all(self._known.get(row) for row in self._hops):
            self.found.set()
        else:
            self.found.clear()

    def _count(self, name: str, reason: str) -> None:
        if self._listener is not None:
            self._listener.counted(name, 1.0, (("reason", reason),) if reason else ())
