"""Which windows are open, in this process and in all others: each is said while it is open, and forgotten after."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from autobot.gateway.realtime.fanout import Fanout, Session
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.core.ids import IdSource
from autobot.kernel.messaging.presence import LEASE_S, Connected, Presence, in_order
from autobot.kernel.telemetry.listener import Listener

EVERY_S: Final = LEASE_S / 3
"""Seconds between two words on every open session."""
GATHER_S: Final = 0.2
"""Seconds for which changes are gathered into one word."""
LOOK_S: Final = 1.0
"""Seconds for which what the others said is shown without asking again: many windows ask at once."""
PATIENCE_S: Final = 2.0
"""Seconds that the way to the others may take; after them this process shows what it has itself."""
AWAY: Final = "presence_unreachable_total"


@dataclass(frozen=True, slots=True)
class Seen:
    """Sessions of a tenant. `complete` is false when those of other processes could not be asked for."""

    sessions: Sequence[Connected]
    complete: bool


class PresenceBoard:
    """Says the open sessions of a fan-out to `presence` while `run` runs, and shows those of all processes.

    A session that ends is taken away at once, one whose process died when its lease ends (30 s). What cannot be
    reached delays nothing: it is counted (`presence_unreachable_total`), said again with the next word, and the
    answers of `who` say that they are not complete.
    """

    def __init__(
        self,
        fanout: Fanout,
        presence: Presence,
        process: str,
        clock: Clock,
        ids: IdSource,
        listener: Listener | None = None,
    ) -> None:
        self._fanout, self._presence, self.process = fanout, presence, process
        self._clock, self._ids, self._listener = clock, ids, listener
        self._said: dict[Session, Connected] = {}
        self._due_at = 0.0
        self._looked: dict[str, tuple[float, Seen]] = {}
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Say what is open until cancelled; then take it away."""
        try:
            while True:
                await self.say()
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY_S):
                        await self._fanout.changed.wait()
                await asyncio.sleep(GATHER_S)
        finally:
            with suppress(AutoBotError, TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._presence.gone(list(self._said.values()))

    async def say(self) -> None:
        """Say what changed since the last word, and every ten seconds everything."""
        self._fanout.changed.clear()
        now, before = self._clock.monotonic(), self._said
        self._said = {one: self._connected(one, before.get(one)) for one in self._fanout.open_sessions}
        every = now >= self._due_at
        told = [one for session, one in self._said.items() if every or before.get(session) is not one]
        gone = [one for session, one in before.items() if session not in self._said]
        self._looked.clear()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._presence.gone(gone)
                await self._presence.seen(told)
        except (AutoBotError, TimeoutError) as error:
            self._away(error)
            self._due_at = 0.0
        else:
            self._due_at = now + EVERY_S if every else self._due_at

    async def who(self, tenant: str) -> Seen:
        """Return the sessions of a tenant, wherever they are open; what is here is as it is now."""
        async with self._looking:
            looked, found = self._looked.get(tenant, (float("-inf"), Seen((), False)))
            if self._clock.monotonic() - looked >= LOOK_S:
                found = await self._ask(tenant)
                self._looked[tenant] = (self._clock.monotonic(), found)
        here = [self._connected(one, self._said.get(one)) for one in self._fanout.open_sessions]
        others = [one for one in found.sessions if one.process != self.process]
        return Seen(in_order([*others, *(one for one in here if one.tenant == tenant)]), found.complete)

    async def _ask(self, tenant: str) -> Seen:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return Seen(await self._presence.who(tenant), True)
        except (AutoBotError, TimeoutError) as error:
            self._away(error)
            return Seen((), False)

    def _connected(self, session: Session, before: Connected | None) -> Connected:
        """Return a session as it is said; the same object while nothing about it changed."""
        watches = tuple(session.subscriptions)
        if before is not None and before.watches == watches:
            return before
        who = session.context.principal
        return Connected(
            session=before.session if before else self._ids.new(),
            principal=who.user_id,
            tenant=who.tenant,
            process=self.process,
            since=before.since if before else rfc3339(self._clock.now()),
            watches=watches,
        )

    def _away(self, error: Exception) -> None:
        if self._listener is not None:
            reason = error.code if isinstance(error, AutoBotError) else "timeout"
            self._listener.counted(AWAY, 1, (("reason", reason),))
