"""Commands on sagas. A command only writes the fact; the engine hears of it from the log."""

from __future__ import annotations

from autobot.contexts.sagas.domain import Saga
from autobot.contexts.sagas.ports import StoredSagas
from autobot.contracts import sagas
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.transaction import ANY, Put
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.shelf import ENDED, OPEN


class SagaHandlers:
    """One method a command."""

    def __init__(self, stored: StoredSagas, clock: Clock) -> None:
        self._stored, self._clock = stored, clock

    async def stop(self, command: sagas.StopSaga, context: CallContext) -> Decision[sagas.SagaDetail]:
        """Tell it to turn back."""
        saga = await self._stored.load(command.saga_id)
        saga.require_stoppable()
        by = context.principal.username or context.principal.id
        sent = facts.SignalSent(run_id=saga.id, name="stop", by=by, reason=command.reason)
        emit = Emit(stream=facts.signals_of(saga.id), expected=ANY, events=(sent,))
        answer = saga.detail(self._stored.today(saga))
        return Decision(answer=answer, emits=(emit,), object=saga.id, reason=command.reason)

    async def retry(self, command: sagas.RetrySaga, context: CallContext) -> Decision[sagas.SagaDetail]:
        """Have it try again."""
        saga = await self._stored.load(command.saga_id)
        saga.require_stuck()
        by = context.principal.username or context.principal.id
        return await self._moved(saga, facts.RunResumed(run_id=saga.id, by=by, reason=command.reason), OPEN)

    async def settle(self, command: sagas.SettleSaga, context: CallContext) -> Decision[sagas.SagaDetail]:
        """Take it as it is."""
        saga = await self._stored.load(command.saga_id)
        saga.require_stuck()
        by = context.principal.username or context.principal.id
        return await self._moved(saga, facts.RunSettled(run_id=saga.id, by=by, reason=command.reason), ENDED)

    async def _moved(
        self, saga: Saga, fact: facts.RunResumed | facts.RunSettled, group: str
    ) -> Decision[sagas.SagaDetail]:
        stored = await self._stored.document(saga.id)
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
            answer=after.detail(self._stored.today(after)),
            emits=(emit,),
            writes=(moved,),
            object=saga.id,
            reason=fact.reason,
        )
