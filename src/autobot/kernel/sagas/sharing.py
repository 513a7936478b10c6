"""What an engine does because it is not the only one: keeps its lease, looks for what others left, hears the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Protocol

from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently, set_within
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Recorded, Transaction
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.earlier import END_TYPES
from autobot.kernel.sagas.ending import started_of
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.shelf import Past
from autobot.kernel.sagas.tenure import Tenure

RUN: str = facts.stream_of("")
SIGNALS: str = facts.signals_of("")


class Shares(Protocol):
    """An engine, as far as this module steers it."""

    @property
    def kinds(self) -> Collection[str]:
        """The names of its definitions."""
        ...

    async def recover(self) -> None:
        """Take up every open run that is ours or nobody's."""
        ...

    async def take_over(self, run_id: str) -> None:
        """Carry on with a run that another engine left."""
        ...

    async def signalled(self, run_id: str) -> None:
        """Let a live run see what it was told."""
        ...

    async def resume(self, run_id: str) -> None:
        """Carry on with a run whose log says that it goes on."""
        ...

    def over(self, run_id: str) -> None:
        """Tell those who wait for a run that it goes no further."""
        ...

    def disown(self) -> None:
        """Stop every run without a word."""
        ...


class Sharing:
    """Works beside the runs of one engine, for as long as they do."""

    def __init__(
        self, tenure: Tenure, store: EventStore, codec: EventCodec, engine: Shares, closing: asyncio.Event
    ) -> None:
        self.tenure = tenure
        self._store, self._codec, self._engine, self._closing = store, codec, engine, closing
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Hold the lease for the block; afterwards what is left is free for others at once."""
        await patiently(self.tenure.begin, failing=self._unless_closing)
        seen = await patiently(self._store.head, failing=self._unless_closing)
        async with asyncio.TaskGroup() as group:
            works = (self._hold(), self._look(), self._follow(seen))
            tasks = [group.create_task(one) for one in works]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
        # A store that cannot be reached says it by the silence of this engine.
        with suppress(AutoBotError):
            await self.tenure.release()

    async def turn(self, run: Run) -> bool:
        """Return when the runs of the same serial key that were accepted before are over; False when it is not to begin."""
        key = started_of(run).serial_key
        while not (run.fenced or self._closing.is_set()):
            moved = self._moved
            if run.was_stopped() or await self.tenure.first(run.id, key):
                # What it was told while it was on its way here.
                await patiently(lambda: self._engine.signalled(run.id), failing=self._unless_closing)
                return True
            await set_within(moved, self.tenure.look_s)
        return False

    async def claimed(self, past: Past, load: Callable[[str], Awaitable[Past | None]]) -> Past | None:
        """Return the past of a run that is ours from now on; None when it has ended, or another engine carries it."""
        run_id = past.started.run_id
        fence = await self.tenure.claim(past.started)
        now = await load(run_id) if fence is not None else None
        if now is not None:
            return replace(now, fence=fence)
        if fence is not None:
            # It ended after we had looked.
            await self._store.commit(Transaction(writes=(self.tenure.drops(run_id),)))
        return None

    def move(self) -> None:
        """Let those look again who wait for their turn."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _unless_closing(self, error: AutoBotError) -> None:
        if self._closing.is_set():
            raise error

    async def _hold(self) -> None:
        """Renew the lease; when it is lost, stop every run, and begin anew with what is left."""
        while True:
            await set_within(self.tenure.lost, self.tenure.look_s / 2)
            await self.tenure.renew()
            if self.tenure.lost.is_set():
                self._engine.disown()
                await patiently(self.tenure.begin)
                await patiently(self._engine.recover)

    async def _look(self) -> None:
        """Take over what other engines left."""
        while True:
            await asyncio.sleep(self.tenure.look_s)
            await self.tenure.held()
            await patiently(self._take_over)

    async def _take_over(self) -> None:
        async for run_id in self.tenure.left(self._engine.kinds):
            if self._closing.is_set():
                return
            # Each by itself: one that became ours and could not be read then is not among those that are left.
            await patiently(
                lambda run_id=run_id: self._engine.take_over(run_id),  # type: ignore[misc]
                failing=self._unless_closing,
            )

    async def _follow(self, seen: int) -> None:
        """Hear what was said to runs, whichever process it was said in."""
        async for batch in self._store.subscribe(after=seen):
            for recorded in batch:
                if recorded.stream.startswith((RUN, SIGNALS)):
                    await patiently(lambda recorded=recorded: self._hear(recorded))  # type: ignore[misc]

    async def _hear(self, recorded: Recorded) -> None:
        kind = recorded.message.type
        if kind == facts.SignalSent.TYPE:
            await self._engine.signalled(recorded.stream.removeprefix(SIGNALS))
        elif kind == facts.RunResumed.TYPE:
            await self._engine.resume(recorded.stream.removeprefix(RUN))
        elif kind in END_TYPES:
            self.move()
            self._engine.over(recorded.stream.removeprefix(RUN))
