"""Tells followers that the log grew: at once for commits of this process, by LISTEN and a poll for others'."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from autobot.adapters.postgres.driver import CONNECT_S, PAUSE_S, connect
from autobot.adapters.postgres.writer import REFUSED
from autobot.kernel.core.errors import AutoBotError

CHANNEL: Final = "autobot"
GAP_S: Final = 0.002
"""Between two notices of a process, so that many commits at once share them."""
LISTENER: Final = "autobot listener"
_LOOK: Final = (
    "SELECT position, (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = current_database()"
    " AND application_name = $1) FROM autobot.head"
)


class Listener:
    """Keeps a connection that listens. A notice tells the head, which its sender has seen committed.

    `grown` is called with the head. Notices are sent beside the commits, not in them, only while another process
    listens, and at most one in GAP_S; one that gets lost costs `poll_s`.
    """

    def __init__(self, url: str, poll_s: float, grown: Callable[[int], None]) -> None:
        self._url, self._poll_s, self._grown = url, poll_s, grown
        self._wake = asyncio.Event()
        self._tell = self._told = self._pid = 0
        self._look = True
        self._others = True
        self._ending = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name="postgres listener")

    def tell(self, head: int) -> None:
        """Let other processes know that this one has committed up to a position."""
        if self._others:
            self._tell = head
            self._wake.set()

    async def close(self) -> None:
        """End listening."""
        self._ending = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        pause = PAUSE_S[0]
        while not self._ending:
            connection: Any = None
            try:
                connection = await connect(self._url, LISTENER)
                self._pid = connection.get_server_pid()
                # A notice is a transaction of its own; nothing of it has to be durable.
                await connection.execute("SET synchronous_commit = off")
                await connection.add_listener(CHANNEL, self._heard)
                pause = PAUSE_S[0]
                self._look = True
                while not self._ending:
                    await self._turn(connection)
            except (*REFUSED, AutoBotError):
                # Followers go on by commits of this process; the connection is made anew for as long as it takes.
                await self._rest(pause)
                pause = min(2 * self._poll_s, pause * 2)
            finally:
                if connection is not None:
                    connection.terminate()

    def _heard(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        if pid == self._pid:
            return
        self._others = True
        if payload.isdecimal():
            self._grown(int(payload))
        else:
            self._look = True
            self._wake.set()

    async def _turn(self, connection: Any) -> None:
        async with asyncio.timeout(CONNECT_S):
            if self._tell > self._told:
                self._told = self._tell
                await connection.execute(f"NOTIFY {CHANNEL}, '{self._told}'")
                await asyncio.sleep(GAP_S)
            if self._look:
                self._look = False
                position, listeners = await connection.fetchrow(_LOOK, LISTENER)
                self._others = listeners > 1
                self._grown(position)
        if not (self._tell > self._told or self._look or self._ending):
            self._look = not await self._rest(self._poll_s)

    async def _rest(self, seconds: float) -> bool:
        """Wait until woken; False when the time passed before."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True
