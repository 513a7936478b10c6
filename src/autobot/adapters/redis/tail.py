"""The newest end of the log, split by part: many relays read it, the store is asked once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from autobot.adapters.redis.options import StreamOptions
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.messaging.parking import key_of

KEPT: Final = 5_000
"""Positions that are kept; who is further behind reads the store."""
QUIET_S: Final = 0.005
"""How long a part that got nothing waits before it says so: the next event may be its own."""


class LogTail:
    """Follows the log from where it is. `run` owns the subscription."""

    def __init__(self, store: EventStore, options: StreamOptions) -> None:
        self._store, self._options = store, options
        self._parts: list[deque[Recorded]] = [deque() for _ in range(options.parts)]
        self._from = self._to = 0
        self._started, self._closed = asyncio.Event(), False
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Follow the log until the store closes; then raise StoreClosed."""
        self._from = self._to = await patiently(self._store.head)
        self._started.set()
        async for batch in self._store.subscribe(after=self._to):
            for recorded in batch:
                self._parts[self._options.part_of(key_of(recorded))].append(recorded)
            self._to = batch[-1].position
            self._forget()
            self._announce()
        self._closed = True
        self._started.set()
        self._announce()
        raise StoreClosed

    def _announce(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _forget(self) -> None:
        if self._to - self._from <= 2 * KEPT:
            return
        self._from = self._to - KEPT
        for part in self._parts:
            while part and part[0].position <= self._from:
                part.popleft()

    def nudge(self) -> None:
        """Let those who wait ask whether they are to stop waiting."""
        self._announce()

    async def after(
        self, part: int, position: int, limit: int, wait_s: float, stop: Callable[[], bool]
    ) -> tuple[Sequence[Recorded], int]:
        """Return up to `limit` events of a part above a position, and up to where these are all.

        Waits up to `wait_s` for the first one, unless `stop` says yes. Raises StoreClosed.
        """
        await self._started.wait()
        if position < self._from:
            read = partial(self._store.read_all, after=position, limit=limit)
            found = await patiently(read)
            own = [one for one in found if self._options.part_of(key_of(one)) == part]
            return own, found[-1].position if found else position
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while not self._closed:
            if stop():
                return [], position
            changed, reached = self._changed, self._to
            events = self._above(part, position, limit)
            if events:
                return events, events[-1].position if len(events) == limit else reached
            if reached > position:
                until = min(until, loop.time() + QUIET_S)
            try:
                async with asyncio.timeout_at(until):
                    await changed.wait()
            except TimeoutError:
                return [], max(position, reached)
        raise StoreClosed

    def _above(self, part: int, position: int, limit: int) -> list[Recorded]:
        found: list[Recorded] = []
        for one in reversed(self._parts[part]):
            if one.position <= position:
                break
            found.append(one)
        found.reverse()
        return found[:limit]
