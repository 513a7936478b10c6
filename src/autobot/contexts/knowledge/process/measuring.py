"""A measurement as a durable run: one step that may repeat, because searching changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

from autobot.contexts.knowledge.domain.measurement import Measurement, figures_of
from autobot.contexts.knowledge.domain.question_set import QuestionSet, document_of
from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.measurements import MEASURING, Measurements, put_done
from autobot.contexts.knowledge.ports.question_sets import QuestionSets
from autobot.contracts.knowledge import measurements as contract
from autobot.contracts.knowledge.measuring import LabelledQuestion, MeasureSearch, SearchMeasures
from autobot.contracts.knowledge.passages import place_of
from autobot.contracts.knowledge.question_sets import GradedQuestion
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import principal_of
from autobot.kernel.core.errors import Conflict
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Recorded, Transaction
from autobot.kernel.sagas.acting import Accept, Begin, as_service, starter
from autobot.kernel.sagas.run import Ended, Outcome, PlainRun, Run

NAME: Final = "search measurement"
BUDGET_S: Final = 3600.0
"""Seconds that a measurement may take: an hour."""
AT_ONCE: Final = 5
"""Questions that are asked before it is written how far it is, and looked whether somebody stopped it."""


class MeasurementRun(PlainRun):
    """The definition. A measurement that was cut off begins anew."""

    name, budget = NAME, BUDGET_S
    resumes = True

    def __init__(self, *, bus: Dispatcher, store: EventStore) -> None:
        self._bus, self._store = bus, store
        self._library, self._sets, self._stored = Library(store), QuestionSets(store), Measurements(store)

    async def execute(self, run: Run) -> None:
        """Measure, and record it."""
        measurement, _ = await self._stored.one(run.id)
        await self._tell(run, contract.RecordMeasurement(id=run.id, status="running"))
        await run.step(
            "measure", "read", partial(self._measure, run, measurement), bool, given=run.id, resumable=True
        )

    async def _measure(self, run: Run, measurement: Measurement) -> bool:
        """Return whether it came to its end, and nobody stopped it."""
        kept = (await self._sets.one(measurement.set)).set
        if kept.revision != measurement.revision:
            raise Conflict("The questions changed before they were asked.", hint="Measure again.")
        position = await self._store.head()
        parts: list[SearchMeasures] = []
        for at in range(0, len(kept.questions), AT_ONCE):
            if (await self._stored.one(run.id))[0].status != "running":
                return False
            asked = [_labelled(one) for one in kept.questions[at : at + AT_ONCE]]
            query = MeasureSearch(
                questions=tuple(asked),
                mode=measurement.mode,
                collection=measurement.collection,
                rerank=measurement.rerank,
            )
            parts.append(await self._bus.ask(query, run.context))
            await self._store.commit(Transaction(writes=(put_done(run.id, at + len(asked)),)))
        measures = [one for part in parts for one in part.questions]
        gone = [await self._gone(kept, one) for one in kept.questions]
        results = tuple(
            contract.QuestionResult(
                question=asked.id,
                ndcg_10=found.ndcg_10,
                recall_10=found.recall_10,
                recall_100=found.recall_100,
                reciprocal_rank_10=found.reciprocal_rank_10,
                first=found.first,
                gone=lost,
            )
            for asked, found, lost in zip(kept.questions, measures, gone, strict=True)
        )
        record = contract.RecordMeasurement(
            id=run.id, status="completed", figures=figures_of(parts, position), questions=results
        )
        await self._tell(run, record)
        return True

    async def _gone(self, kept: QuestionSet, question: GradedQuestion) -> int:
        """Return how much of what answers a question is not there any more."""
        lost = 0
        for answer, grade in question.relevant.items():
            document = (await self._library.document(document_of(answer))).document
            place = place_of(answer)
            there = document.exists and document.collection == kept.collection
            if grade > 0 and not (there and (place is None or place[1] == document.ready_version)):
                lost += 1
        return lost

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Record how it ended; what is recorded already decides."""
        measurement, _ = await self._stored.one(run.id)
        if measurement.ended_at is None and outcome.state != "completed":
            record = contract.RecordMeasurement(
                id=run.id, status=cast("Any", outcome.state), error=outcome.error
            )
            await self._tell(run, record)
        measurement, row = await self._stored.one(run.id)
        if row == 0:
            # Its set was deleted meanwhile, perhaps before the last word of how far it was.
            await self._store.commit(Transaction(writes=(Delete(table=MEASURING, key=run.id),)))
        if measurement.status in ("stopped", "failed", "interrupted"):
            return Ended(outcome=Outcome(state=measurement.status, error=measurement.error))
        return Ended(outcome=outcome)

    async def _tell(self, run: Run, record: contract.RecordMeasurement) -> None:
        await self._bus.dispatch(
            record, as_service(run.context, "knowledge", run.owner), key=run.key_for("record", record)
        )


def _labelled(question: GradedQuestion) -> LabelledQuestion:
    return LabelledQuestion(query=question.query, relevant=question.relevant)


def _begin(event: Any, _: Message) -> Begin | None:
    if not isinstance(event, contract.MeasurementRequested):
        return None
    principal = principal_of(event.principal)
    # Measurements of one set go one after the other: their times can be compared.
    key = f"{NAME}:{event.set}"
    return Begin(run=event.id, principal=principal, owner=principal.user_id, serial_key=key, given={})


def measurement_starter(codec: EventCodec, accept: Accept) -> Callable[[Recorded], Awaitable[None]]:
    """Return the consumer that starts a run for each MeasurementRequested."""
    return starter(codec, accept, NAME, _begin)
