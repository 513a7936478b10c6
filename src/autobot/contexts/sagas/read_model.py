"""The read side: sagas in a list, one with its whole way, and sagas and runs at a moment of the past."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from autobot.contexts.sagas.domain import Saga, subject_of
from autobot.contexts.sagas.ports import StoredSagas
from autobot.contracts import sagas
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Projection, Reader, Write
from autobot.kernel.event_store.transaction import Document, Put, Query, Recorded
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.earlier import ALL_TYPES
from autobot.kernel.sagas.shelf import failure_in


class SagaQueries:
    """One method a query."""

    def __init__(self, store: EventStore, stored: StoredSagas) -> None:
        self._store, self._stored = store, stored

    async def page(self, query: sagas.ListSagas, context: CallContext) -> sagas.SagaPage:
        """Return a page, the newest first."""
        place = decode_cursor(query.cursor, 2)
        wanted = Query(
            table=facts.SAGAS,
            group=query.group,
            after=None if place is None else (place[0], place[1]),
            limit=query.limit,
            order="descending",
        )
        found = await self._store.query(wanted)
        more = len(found) == query.limit
        return sagas.SagaPage(
            items=tuple(map(_row, found)),
            next_cursor=encode_cursor(found[-1].sort, found[-1].key) if more else None,
        )

    async def get(self, query: sagas.GetSaga, context: CallContext) -> sagas.SagaDetail:
        """Return one with its whole way."""
        saga = await self._stored.load(query.saga_id)
        return saga.detail(self._stored.today(saga))


def _row(found: Document) -> sagas.SagaView:
    document = dict(found.document)
    return sagas.SagaView(
        id=found.key,
        definition=document["definition"],
        state=document["state"],
        subject=subject_of(document["input"]),
        started_at=document["started_at"],
        ended_at=document["ended_at"],
        error=failure_in(document),
    )


def sagas_then(codec: EventCodec, unplanned: Collection[str] = ()) -> Projection:
    """Return the read model of sagas, folded as one that is looked at now. `unplanned` names definitions that were
    sagas before plans were recorded."""

    async def apply(recorded: Recorded, reader: Reader) -> Sequence[Write]:
        fact = codec.unwrap(recorded)
        key = recorded.stream.removeprefix(facts.stream_of(""))
        stored = await reader.get(facts.SAGAS, key)
        if stored is None and not (isinstance(fact, facts.RunStarted) and _is_saga(fact, unplanned)):
            return ()
        before = Saga(id=key) if stored is None else msgspec.convert(stored.document, Saga)
        after = before.apply(fact, recorded.message.time)
        document = {name: value for name, value in msgspec.to_builtins(after).items() if name != "plan"}
        return (Put(table=facts.SAGAS, key=key, document=document, sort=key),)

    return Projection(name="sagas", types=ALL_TYPES, tables=(facts.SAGAS,), apply=apply)


def runs_then(codec: EventCodec, unplanned: Collection[str] = ()) -> Projection:
    """Return the read model of runs that are no sagas: which there were, their last step, how they ended. What they
    were given and wrote stays out."""

    def change(before: dict[str, Any], fact: Any) -> dict[str, Any] | None:
        if isinstance(fact, facts.RunStarted):
            if _is_saga(fact, unplanned):
                return None
            return {"definition": fact.definition, "owner": fact.owner, "state": "queued", "step": None}
        return _run_then(before, fact) if before else None

    return latest(facts.RUNS, ALL_TYPES, codec.unwrap, prefix=facts.stream_of(""), change=change)


def _is_saga(fact: facts.RunStarted, unplanned: Collection[str]) -> bool:
    return bool(fact.plan) or fact.definition in unplanned


def _run_then(before: dict[str, Any], fact: Any) -> dict[str, Any]:
    match fact:
        case facts.StepStarted():
            return {**before, "state": "running", "step": fact.name}
        case facts.RunCompleted():
            return {**before, "state": "completed"}
        case facts.RunStopped():
            return {**before, "state": "stopped", "by": fact.by}
        case facts.RunFailed() | facts.RunInterrupted():
            state = "failed" if isinstance(fact, facts.RunFailed) else "interrupted"
            return {**before, "state": state, "error": msgspec.to_builtins(fact.error)}
    return before
