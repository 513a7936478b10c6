"""Turns among processes that write at the same time: for economy alone, the fence decides what is written.

Who has the turn commits group after group by what it remembers, one round trip each, and hands over after a moment.
Without turns each group of each process would ask for facts anew, with everybody else waiting meanwhile.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg

from autobot.adapters.postgres.driver import Connection

TURN_S: Final = 0.01
"""How long a process that has more to write keeps the turn."""
WAIT_S: Final = 0.3
"""How long a turn is waited for at most; who has it may be stopped in the middle."""
WITHOUT_S: Final = 1.0
"""For so long after such a wait nobody is waited for."""
LOCK: Final = 0x4155_5442_0002
"""Advisory lock of whoever has the turn."""
# One implicit transaction; the lock is the session's and stays. The server hands it over in the order of asking.
_TAKE: Final = f"SET lock_timeout = {{}}; SELECT pg_advisory_lock({LOCK}); SET lock_timeout = 0"
_GIVE: Final = f"SELECT pg_advisory_unlock({LOCK})"


class Turn:
    """The turn of one connection, which loses it when it ends. `patience_s` is how long a commit may take."""

    def __init__(self, patience_s: float) -> None:
        self._take = _TAKE.format(int(min(WAIT_S, patience_s / 8) * 1000))
        self._loop = asyncio.get_running_loop()
        self._held_by: Any = None
        self._ends = self._without_until = -1.0

    async def taken(self, connection: Connection) -> bool:
        """Have the turn, if whoever has it gives it soon; True when others may have written since we had it.

        Raises what the driver raises.
        """
        now = self._loop.time()
        if self._held_by is connection and now < self._ends:
            return False
        await self.given(connection)
        if now >= self._without_until:
            try:
                await connection.execute(self._take)
            except asyncpg.LockNotAvailableError:
                self._without_until = self._loop.time() + WITHOUT_S
            else:
                self._held_by, self._ends = connection, self._loop.time() + TURN_S
        return True

    async def given(self, connection: Connection) -> None:
        """Hand the turn over, if we have it. Raises what the driver raises."""
        held, self._held_by = self._held_by, None
        if held is not None and held is connection:
            await connection.execute(_GIVE)
