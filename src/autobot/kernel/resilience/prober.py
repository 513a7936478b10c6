"""Background probes: an open or idle target is asked how it is, so that a quiet link heals and its screen is true."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.resilience.breaker.machine import REFUSED
from autobot.kernel.resilience.operation import Transport
from autobot.kernel.resilience.records import Records
from autobot.kernel.resilience.registry import Target

PROBE_TIMEOUT: Final = 5.0
"""Seconds that a health call may take."""
IDLE: Final = 60.0
"""Seconds without a call after which a target counts as idle: nothing in the last minute's counts."""


class Prober:
    """Probes the targets of one link through the transport's cheap health call, where it has one."""

    def __init__(
        self, targets: Sequence[Target], transport: Transport, clock: Clock, records: Records
    ) -> None:
        self._targets = targets
        self._transport = transport
        self._clock = clock
        self._records = records

    async def probe_idle(self) -> None:
        """Probe each target that needs it, all at once; return when all have answered or timed out.

        A target whose breaker is due gets a probe under the breaker's own permit, which counts like a
        call's. One that is merely idle is only looked at: no call, no judgement.
        """
        now = self._clock.monotonic()
        async with asyncio.TaskGroup() as group:
            for target in self._targets:
                target.breaker.expire(now)
                self._records.moved(target)
                if not target.breaker.flowing:
                    if target.breaker.admits(now):
                        group.create_task(self._under_permit(target))
                elif target.latency.tally(now).calls == 0 and now - target.probed_at >= IDLE / 2:
                    group.create_task(self._ask(target))

    async def _under_permit(self, target: Target) -> None:
        started = self._clock.monotonic()
        permit = target.breaker.admit(started)
        self._records.moved(target)
        if permit == REFUSED:
            return
        well = None
        try:
            well = await self._ask(target)
        finally:
            now = self._clock.monotonic()
            if well is None:
                target.breaker.ignored(permit)
            elif well:
                target.breaker.succeeded(permit, now, now - started)
            else:
                target.breaker.failed(permit, now, now - started)
            self._records.moved(target)

    async def _ask(self, target: Target) -> bool | None:
        """Return whether the target is well; None when it has no health call."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                well = await self._transport.probe(target.address)
        except (AutoBotError, TimeoutError):
            well = False
        if well is not None:
            target.probed(well, self._clock.monotonic())
        return well
