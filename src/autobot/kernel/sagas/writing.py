"""What an engine writes of a run: facts and documents, fenced by the run's own stream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from autobot.kernel.core.errors import AutoBotError, WrongExpectedVersion
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import (
    NO_STREAM,
    Append,
    Checkpoint,
    Condition,
    Delete,
    Erase,
    Put,
    Transaction,
)
from autobot.kernel.messaging.source import Superseded
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.facts import RunStarted
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.tenure import Tenure


class RunWriter:
    """Writes for one engine, however long the way to the store is broken; not when `closing` is set: then the
    next start recovers. A stream that moved on without us, or a lease that is over, marks the run as fenced: somebody else
    carries it."""

    def __init__(
        self, store: EventStore, codec: EventCodec, closing: asyncio.Event, tenure: Tenure | None = None
    ) -> None:
        self._store, self._codec, self._closing, self._tenure = store, codec, closing, tenure

    def unless_closing(self, error: AutoBotError) -> None:
        """Raise `error` when this process ends; for `patiently`."""
        if self._closing.is_set():
            raise error

    def at_start(self, error: AutoBotError) -> None:
        """Raise `error` for an engine that is alone: a store that cannot be read ends its start. Beside others it waits."""
        if self._tenure is None:
            raise error
        self.unless_closing(error)

    async def begin(self, run: Run, started: RunStarted, write: Put) -> None:
        """Append the first fact of a run, as ours. Raises WrongExpectedVersion when it was accepted before."""
        tenure = self._tenure
        if tenure is None:
            await self._store.commit(self.transaction(run, (started,), NO_STREAM, (write,)))
            return
        while True:
            await tenure.held()
            run.fence = tenure.fence
            mine = tenure.carries(run.id, started.definition, started.serial_key)
            try:
                await self._store.commit(self.transaction(run, (started,), NO_STREAM, (write, mine)))
                return
            except WrongExpectedVersion as error:
                if not tenure.refused(error):
                    raise

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
        left = self._left(run, over=isinstance(fact, facts.ENDS))
        writes: tuple[Put | Delete, ...] = (shown, *left) if shown else left
        await self._commit(run, self.transaction(run, told, expected, writes, erase))
        run.unwritten.clear()
        run.to_show = None
        for one in told:
            run.history.apply(one)

    async def show(self, run: Run, write: Put, *, over: bool = False) -> None:
        """Write a run's document, if its stream is where we think it is; `over` when nobody carries it any more.

        Raises WrongExpectedVersion.
        """
        here = Condition(stream=facts.stream_of(run.id), expected=run.history.revision)
        writes: tuple[Put | Delete, ...] = (write, *self._left(run, over=over))
        await self._commit(run, Transaction(conditions=(here,), checkpoints=self._fence(run), writes=writes))

    def _left(self, run: Run, *, over: bool) -> tuple[Delete, ...]:
        return (self._tenure.drops(run.id),) if over and self._tenure is not None else ()

    @staticmethod
    def _fence(run: Run) -> tuple[Checkpoint, ...]:
        return () if run.fence is None else (run.fence,)

    async def _commit(self, run: Run, transaction: Transaction) -> None:
        async def unless_fenced() -> None:
            if run.fenced:
                raise Superseded(f"Another engine may carry the run {run.id}.")
            await self._store.commit(transaction)

        try:
            await patiently(unless_fenced, failing=self.unless_closing)
        except WrongExpectedVersion as error:
            run.fenced = True
            if self._tenure is not None:
                self._tenure.refused(error)
            raise

    def transaction(
        self,
        run: Run,
        told: Sequence[Any],
        expected: int,
        writes: tuple[Put | Delete, ...],
        erase: tuple[Erase, ...] = (),
    ) -> Transaction:
        """Return what appends facts of a run."""
        stream = facts.stream_of(run.id)
        events = tuple([self._codec.wrap(one, stream, run.context) for one in told])
        append = Append(stream=stream, expected=expected, events=events)
        return Transaction(appends=(append,), checkpoints=self._fence(run), writes=writes, erase=erase)
