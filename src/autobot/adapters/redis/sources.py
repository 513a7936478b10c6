"""Gives a group its parts of the streams: whoever has the lease of a part reads it, with its fencing token."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from autobot.adapters.redis.options import StreamOptions
from autobot.adapters.redis.reader import StreamReader
from autobot.adapters.redis.relay import Relay
from autobot.adapters.redis.server import Server
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.messaging.leases import Lease
from autobot.kernel.messaging.source import Consume, Differences, Elsewhere, Superseded
from autobot.kernel.telemetry.listener import Listener

LOOK_S: Final = 0.01


class StreamSources:
    """Implements `Sources` over the streams that `relay` fills, here or in another process."""

    differences: Final = Differences(carrier="Redis Streams", again=True, shared=True, look_s=LOOK_S)

    def __init__(
        self,
        server: Server,
        relay: Relay,
        store: EventStore,
        clock: Clock,
        options: StreamOptions,
        *,
        listener: Listener | None = None,
    ) -> None:
        self._server, self._relay, self._options = server, relay, options
        self._store, self._clock, self._listener = store, clock, listener

    def parts(self, group: str) -> Sequence[str]:
        return [self._options.checkpoint(group, number) for number in range(self._options.parts)]

    async def serve(self, group: str, consume: Consume, elsewhere: Elsewhere) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._options.parts):
                tasks.create_task(self._serve(group, number, consume, elsewhere))

    async def _serve(self, group: str, number: int, consume: Consume, elsewhere: Elsewhere) -> None:
        tag = self._options.part(number).tag
        lease = Lease(
            self._store,
            self._clock,
            f"{group}@{tag}",
            self._options.holder,
            about=tag,
            ttl_s=self._options.lease,
        )
        while True:
            if await patiently(lease.take):
                try:
                    await self._hold(group, number, lease, consume)
                except* Superseded:
                    pass
            else:
                elsewhere(lease.held_by)
            await asyncio.sleep(lease.ttl_s / 3)

    def reader(self, group: str, number: int, lease: Lease) -> StreamReader:
        """Return what reads a part for a group while a lease is held."""
        part = self._options.part(number)

        def counted(name: str, value: float) -> None:
            if self._listener is not None:
                self._listener.counted(name, value, (("group", group), ("part", part.tag)))

        return StreamReader(
            self._server,
            part,
            self._options,
            name=self._options.checkpoint(group, number),
            group=group,
            fence=lease.fence,
            poke=partial(self._relay.poke, number),
            counted=counted,
        )

    async def _hold(self, group: str, number: int, lease: Lease, consume: Consume) -> None:
        reader = self.reader(group, number, lease)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._renew(lease))
                tasks.create_task(reader.acknowledge())
                await consume(reader)
        except asyncio.CancelledError:
            await _released(lease)
            raise

    async def _renew(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(lease.ttl_s / 3)
            await patiently(lease.renew)


async def _released(lease: Lease) -> None:
    """Let another process go on at once; where that cannot be said, the lease's time says it."""
    try:
        await lease.release()
    except AutoBotError:
        return
