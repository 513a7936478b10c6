"""Presences with a fault on purpose: what the suite of `Presence` must find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from autobot.kernel.messaging.presence import LEASE_S, Connected, MemoryPresence


class NeverForgets(MemoryPresence):
    """Keeps who says nothing more."""

    async def seen(self, sessions: Sequence[Connected], lease_s: float = LEASE_S) -> None:
        await super().seen(sessions, 1e9)


class MixesTenants(MemoryPresence):
    """Shows everybody to all."""

    async def who(self, tenant: str) -> Sequence[Connected]:
        return [one for known in list(self._tenants) for one in await super(MixesTenants, self).who(known)]


class KeepsTheFirstLease(MemoryPresence):
    """Does not prolong."""

    async def seen(self, sessions: Sequence[Connected], lease_s: float = LEASE_S) -> None:
        known = [one for tenant in {one.tenant for one in sessions} for one in await self.who(tenant)]
        await super().seen([one for one in sessions if one not in known], lease_s)


class ForgetsNobodyWhoLeaves(MemoryPresence):
    """Ignores that a session ended."""

    async def gone(self, sessions: Sequence[Connected]) -> None:
        return


PRESENCE_FAULTS: Final = (NeverForgets, MixesTenants, KeepsTheFirstLease, ForgetsNobodyWhoLeaves)
