"""The newest end of the log, split by part: many relays read it, the store is asked once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from autobot.adapters.redis.options import StreamOptions
from autobot.kernel.core.bell import Bell
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore, StoreClosed
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.messaging.parking import key_of

KEPT: Final = 5_000
"""Positions that are kept; who is further behind reads the store."""
PAGES: Final = 3
"""Pages that were read from the store and are kept for the parts that follow."""
QUIET_S: Final = 0.02
"""How long a part that got nothing waits before it says so: the next event may be its own."""


class _Page(NamedTuple):
    """Events of the log above a position and up to another, by part."""

    start: int
    end: int
    parts: tuple[list[Recorded], ...]


class LogTail:
    """Follows the log from where it is. `run` owns the subscription."""

    def __init__(self, store: EventStore, options: StreamOptions) -> None:
        self._store, self._options = store, options
        self._parts: list[deque[Recorded]] = [deque() for _ in range(options.parts)]
        self._from = self._to = 0
        self._started, self._closed = asyncio.Event(), False
        self._bells = [Bell() for _ in range(options.parts)]
        self._quiet: asyncio.TimerHandle | None = None
        self._quiet_to = 0
        self._pages: deque[_Page] = deque(maxlen=PAGES)
        self._paging = asyncio.Lock()

    async def run(self) -> None:
        """Follow the log until the store closes; then raise StoreClosed."""
        self._from = self._to = await patiently(self._store.head)
        self._started.set()
        try:
            async for batch in self._store.subscribe(after=self._to):
                self._add(batch)
        finally:
            if self._quiet is not None:
                self._quiet.cancel()
        self._closed = True
        self.nudge()
        raise StoreClosed

    def _add(self, batch: Sequence[Recorded]) -> None:
        grown = set()
        for recorded in batch:
            number = self._options.part_of(key_of(recorded))
            self._parts[number].append(recorded)
            grown.add(number)
        self._to = batch[-1].position
        self._forget()
        for number in grown:
            self._bells[number].ring()
        if self._quiet is None:
            self._quiet = asyncio.get_running_loop().call_later(QUIET_S, self._hush)

    def _hush(self) -> None:
        """Let the parts that got nothing say so."""
        self._quiet, self._quiet_to = None, self._to
        self.nudge()

    def _forget(self) -> None:
        if self._to - self._from <= 2 * KEPT:
            return
        self._from = self._to - KEPT
        for part in self._parts:
            while part and part[0].position <= self._from:
                part.popleft()

    def nudge(self) -> None:
        """Let those who wait ask whether they are to stop waiting."""
        for bell in self._bells:
            bell.ring()

    async def after(
        self, part: int, position: int, limit: int, wait_s: float, stop: Callable[[], bool]
    ) -> tuple[Sequence[Recorded], int]:
        """Return up to `limit` events of a part above a position, and up to where these are all.

        Waits up to `wait_s` for the first one, unless `stop` says yes. Raises StoreClosed.
        """
        await self._started.wait()
        if position < self._from:
            return await self._before(part, position, limit)
        self._pages.clear()
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while not self._closed:
            if stop():
                return [], position
            rung, reached = self._bells[part].next(), self._to
            events = self._above(part, position, limit)
            if events:
                return events, events[-1].position if len(events) == limit else reached
            if self._quiet_to > position:
                return [], self._quiet_to
            try:
                async with asyncio.timeout_at(until):
                    await rung.wait()
            except TimeoutError:
                return [], max(position, reached)
        raise StoreClosed

    async def _before(self, part: int, position: int, limit: int) -> tuple[Sequence[Recorded], int]:
        """Return the same from the store. A page is read once for the parts that come to it one after the other."""
        async with self._paging:
            page = next((one for one in self._pages if one.start <= position < one.end), None)
            if page is None:
                read = partial(self._store.read_all, after=position, limit=limit * self._options.parts)
                found = await patiently(read)
                if not found:
                    return [], position
                page = _Page(position, found[-1].position, tuple([] for _ in self._parts))
                for one in found:
                    page.parts[self._options.part_of(key_of(one))].append(one)
                self._pages.append(page)
        own = [one for one in page.parts[part] if one.position > position]
        return own[:limit], page.end if len(own) <= limit else own[limit - 1].position

    def _above(self, part: int, position: int, limit: int) -> list[Recorded]:
        found: list[Recorded] = []
        for one in reversed(self._parts[part]):
            if one.position <= position:
                break
            found.append(one)
        found.reverse()
        return found[:limit]
