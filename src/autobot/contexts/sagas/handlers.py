"""Commands and queries on sagas. A command only writes the fact; the engine hears of it from the log."""

from __future__ import annotations

from autobot.contexts.sagas.domain import Saga, fold, subject_of
from autobot.contracts import sagas
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Document, Put, Query
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.shelf import ENDED, OPEN, failure_in


class SagaHandlers:
    """One method a command or query."""

    def __init__(self, store: EventStore, codec: EventCodec, clock: Clock) -> None:
        self._store, self._codec, self._clock = store, codec, clock

    # ------------------------------------------------------------------------------------------ queries

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
        """Return one with its steps."""
        return (await self._load(query.saga_id)).detail()

    async def _load(self, saga_id: str) -> Saga:
        await self._document(saga_id)
        recorded = await self._store.read_stream(facts.stream_of(saga_id), limit=1_000_000)
        return fold(saga_id, [(self._codec.unwrap(one), one.message.time) for one in recorded])

    async def _document(self, saga_id: str) -> Document:
        found = await self._store.get(facts.SAGAS, saga_id)
        if found is None:
            raise NotFound("There is no such saga.")
        return found

    # ----------------------------------------------------------------------------------------- commands

    async def stop(self, command: sagas.StopSaga, context: CallContext) -> Decision[sagas.SagaDetail]:
        """Tell it to turn back."""
        saga = await self._load(command.saga_id)
        saga.require_stoppable()
        by = context.principal.username or context.principal.id
        sent = facts.SignalSent(run_id=saga.id, name="stop", by=by, reason=command.reason)
        emit = Emit(stream=facts.signals_of(saga.id), expected=ANY, events=(sent,))
        return Decision(answer=saga.detail(), emits=(emit,), object=saga.id, reason=command.reason)

    async def retry(self, command: sagas.RetrySaga, context: CallContext) -> Decision[sagas.SagaDetail]:
        """Have it try again."""
        saga = await self._load(command.saga_id)
        saga.require_stuck()
        by = context.principal.username or context.principal.id
        return await self._moved(saga, facts.RunResumed(run_id=saga.id, by=by, reason=command.reason), OPEN)

    async def settle(self, command: sagas.SettleSaga, context: CallContext) -> Decision[sagas.SagaDetail]:
        """Take it as it is."""
        saga = await self._load(command.saga_id)
        saga.require_stuck()
        by = context.principal.username or context.principal.id
        return await self._moved(saga, facts.RunSettled(run_id=saga.id, by=by, reason=command.reason), ENDED)

    async def _moved(
        self, saga: Saga, fact: facts.RunResumed | facts.RunSettled, group: str
    ) -> Decision[sagas.SagaDetail]:
        stored = await self._document(saga.id)
        after = saga.apply(fact, self._clock.now())
        document = {**stored.document, "state": after.state, "ended_at": after.ended_at}
        moved = Put(
            table=facts.SAGAS,
            key=saga.id,
            document=document,
            owner=stored.owner,
            group=group,
            sort=stored.sort,
            expected=stored.version,
        )
        emit = Emit(stream=facts.stream_of(saga.id), expected=saga.revision, events=(fact,))
        return Decision(
            answer=after.detail(), emits=(emit,), writes=(moved,), object=saga.id, reason=fact.reason
        )


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
