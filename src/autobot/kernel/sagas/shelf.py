"""Where runs are kept: their documents, and their past as the next start reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import CallContext, principal_of, stored_trace
from autobot.kernel.core.failure import Failure
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Checkpoint, Document, Put, Query
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.history import RunHistory, fold
from autobot.kernel.sagas.run import Run, view_of

OPEN: Final = "open"
STUCK: Final = "stuck"
ENDED: Final = "ended"
PAGE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A run as the log has it: where it was accepted, its history, and the context that it runs in. `fence` is the lease
    under which it was claimed."""

    position: int
    history: RunHistory
    started: facts.RunStarted
    first_time: Any
    context: CallContext
    fence: Checkpoint | None = None


class Shelf:
    """Reads runs from the log and from the tables of their documents. A run's document says how far it is:
    group `open` is carried by an engine, `stuck` waits for a person, `ended` is over."""

    def __init__(self, store: EventStore, codec: EventCodec, tables: Iterable[str]) -> None:
        self._store, self._codec, self._tables = store, codec, tuple(dict.fromkeys(tables))

    async def document(self, run_id: str) -> Document | None:
        """Return a run's document, whichever table it is in."""
        for table in self._tables:
            found = await self._store.get(table, run_id)
            if found is not None:
                return found
        return None

    async def open(self, kinds: Collection[str]) -> AsyncIterator[Past]:
        """Yield every run of these kinds that was accepted and has not ended."""
        for table in self._tables:
            after: tuple[str, str] | None = None
            while True:
                page = await self._store.query(Query(table=table, group=OPEN, after=after, limit=PAGE))
                for document in page:
                    past = await self.load(document.key)
                    if past is not None and past.started.definition in kinds:
                        yield past
                if len(page) < PAGE:
                    break
                after = (page[-1].sort, page[-1].key)

    async def load(self, run_id: str) -> Past | None:
        """Return a run's past, None when there is no such run or it has ended."""
        recorded = await self._store.read_stream(facts.stream_of(run_id), limit=1_000_000)
        history = fold(self._codec.unwrap(one) for one in recorded)
        started = history.started
        if started is None or history.end is not None:
            return None
        history.signals = await self.signals(run_id)
        first = recorded[0].message
        context = CallContext(
            correlation_id=first.correlation_id,
            causation_id=first.causation_id,
            principal=principal_of(started.principal),
            trace=stored_trace(first.traceparent),
        )
        return Past(
            position=recorded[0].position,
            history=history,
            started=started,
            first_time=first.time,
            context=context,
        )

    async def signals(self, run_id: str) -> list[facts.SignalSent]:
        """Return what the run was told, in order."""
        told = [self._codec.unwrap(one) for one in await self._store.read_stream(facts.signals_of(run_id))]
        return [one for one in told if isinstance(one, facts.SignalSent)]


def document_of(
    run: Run,
    started: facts.RunStarted,
    table: str,
    state: facts.RunState,
    *,
    group: str,
    error: Failure | None = None,
    ended: Any = None,
) -> Put:
    """Return the write of a run's document: lists show the newest first by its sort."""
    document = {**view_of(run, state, ended, error), "definition": started.definition}
    return Put(
        table=table,
        key=run.id,
        document=document,
        owner=run.owner,
        group=group,
        sort=rfc3339(run.started_at),
    )


def failure_in(document: dict[str, Any]) -> Failure | None:
    """Return the error that a run's document holds."""
    error = document["error"]
    return msgspec.convert(error, Failure) if error else None
