"""What an engine writes of a run: facts and documents, fenced by the run's own stream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from autobot.kernel.core.errors import AutoBotError, WrongExpectedVersion
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Append, Condition, Erase, Put, Transaction
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.run import Run


class RunWriter:
    """Writes for one engine, however long the way to the store is broken; not when `closing` is set: then the
    next start recovers. A stream that moved on without us marks the run as fenced: somebody else carries it."""

    def __init__(self, store: EventStore, codec: EventCodec, closing: asyncio.Event) -> None:
        self._store, self._codec, self._closing = store, codec, closing

    def unless_closing(self, error: AutoBotError) -> None:
        """Raise `error` when this process ends; for `patiently`."""
        if self._closing.is_set():
            raise error

    async def append_fact(self, run: Run, fact: Any) -> None:
        """Append a fact where the run's stream stands."""
        await self.append(run, fact)

    async def append(
        self, run: Run, fact: Any, *, write: Put | None = None, erase: tuple[Erase, ...] = ()
    ) -> None:
        """Append a fact behind those that wait for it, with a document and what is to be erased.

        Raises WrongExpectedVersion.
        """
        told, shown = (*run.unwritten, fact), write or run.to_show
        expected = run.history.revision
        await self._commit(run, self.transaction(run, told, expected, (shown,) if shown else (), erase))
        run.unwritten.clear()
        run.to_show = None
        for one in told:
            run.history.apply(one)

    async def show(self, run: Run, write: Put) -> None:
        """Write a run's document, if its stream is where we think it is. Raises WrongExpectedVersion."""
        here = Condition(stream=facts.stream_of(run.id), expected=run.history.revision)
        await self._commit(run, Transaction(conditions=(here,), writes=(write,)))

    async def _commit(self, run: Run, transaction: Transaction) -> None:
        try:
            await patiently(lambda: self._store.commit(transaction), failing=self.unless_closing)
        except WrongExpectedVersion:
            run.fenced = True
            raise

    def transaction(
        self,
        run: Run,
        told: Sequence[Any],
        expected: int,
        writes: tuple[Put, ...],
        erase: tuple[Erase, ...] = (),
    ) -> Transaction:
        """Return what appends facts of a run."""
        stream = facts.stream_of(run.id)
        events = tuple([self._codec.wrap(one, stream, run.context) for one in told])
        append = Append(stream=stream, expected=expected, events=events)
        return Transaction(appends=(append,), writes=writes, erase=erase)
