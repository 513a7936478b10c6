"""Commands on measurements: asked for by people, recorded by their runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autobot.contexts.knowledge.domain.measurement import Measurement
from autobot.contexts.knowledge.domain.question_set import QuestionSet
from autobot.contexts.knowledge.ports.documents import Library, Write
from autobot.contexts.knowledge.ports.measurements import (
    MEASUREMENTS,
    MEASURING,
    Measurements,
    put_measurement,
)
from autobot.contexts.knowledge.ports.question_sets import QuestionSets
from autobot.contexts.knowledge.ports.views import measurement_summary
from autobot.contracts.knowledge import measurements as contract
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext, principal_data
from autobot.kernel.core.errors import Conflict
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import ANY, Delete

Summary = contract.MeasurementSummary


class MeasurementHandlers:
    """One method a command. Who may change what is in a collection may measure it."""

    def __init__(
        self, library: Library, sets: QuestionSets, stored: Measurements, clock: Clock, ids: IdSource
    ) -> None:
        self._library, self._sets, self._stored = library, sets, stored
        self._clock, self._ids = clock, ids

    async def request(
        self, command: contract.MeasureByQuestionSet, context: CallContext
    ) -> Decision[Summary]:
        """Accept one: from then on a run carries it, over restarts. The oldest that is too many goes."""
        kept = await self._set(command.collection, command.set, context)
        if not kept.questions:
            raise Conflict(f"The question set {kept.name} has no questions.")
        made = Measurement(
            id=self._ids.new(),
            set=kept.id,
            collection=kept.collection,
            revision=kept.revision,
            mode=command.mode,
            rerank=command.rerank,
            total=len(kept.questions),
            asked_by=context.principal.user_id,
            asked_at=rfc3339(self._clock.now()),
        )
        before = await self._stored.of_set(kept.id)
        if any(one.ended_at is None for one in before[contract.KEPT - 1 :]):
            raise Conflict("Too many measurements of this set go on.", hint="Wait for them, or stop them.")
        fact = contract.MeasurementRequested(
            id=made.id,
            set=made.set,
            collection=made.collection,
            revision=made.revision,
            mode=made.mode,
            rerank=made.rerank,
            # Names are not needed, and would outlive whoever has them.
            principal=principal_data(replace(context.principal, username="")),
        )
        old = [Delete(table=MEASUREMENTS, key=one.id) for one in before[contract.KEPT - 1 :]]
        return _decided(kept, made, 0, (fact,), tuple(old))

    async def stop(self, command: contract.StopMeasurement, context: CallContext) -> Decision[Summary]:
        """End one; its run leaves it before the next questions."""
        kept = await self._set(command.collection, command.set, context)
        measurement, row = await self._stored.one(command.id)
        measurement.require(command.collection, command.set)
        if measurement.ended_at is not None:
            raise Conflict("This measurement has ended.")
        told = contract.RecordMeasurement(id=command.id, status="stopped")
        return self._recorded(kept, measurement, row, told)

    async def record(self, command: contract.RecordMeasurement, context: CallContext) -> Decision[Summary]:
        """Take in how it stands. What was deleted with its set meanwhile is gone."""
        measurement, row = await self._stored.one(command.id)
        if row == 0:
            return Decision(answer=measurement_summary(measurement, 0), object=command.id)
        kept = (await self._sets.one(measurement.set)).set
        return self._recorded(kept, measurement, row, command)

    def _recorded(
        self, kept: QuestionSet, before: Measurement, row: int, told: contract.RecordMeasurement
    ) -> Decision[Summary]:
        after = before.recorded(told, rfc3339(self._clock.now()))
        if after == before:
            return Decision(answer=measurement_summary(before, 0), object=before.id)
        if after.ended_at is None:
            return _decided(kept, after, row, ())
        fact = contract.MeasurementEnded(
            id=after.id, set=after.set, status=after.status, figures=after.figures
        )
        return _decided(kept, after, row, (fact,), (Delete(table=MEASURING, key=after.id),))

    async def _set(self, collection: str, set_id: str, context: CallContext) -> QuestionSet:
        place = (await self._library.collection(collection)).collection
        place.require_writable(context.principal)
        kept = (await self._sets.one(set_id)).set
        kept.require(collection)
        return kept


def _decided(
    kept: QuestionSet,
    measurement: Measurement,
    row: int,
    facts: tuple[Any, ...],
    writes: tuple[Write, ...] = (),
) -> Decision[Summary]:
    return Decision(
        answer=measurement_summary(measurement, 0),
        emits=(Emit(stream=kept.stream, expected=ANY, events=facts),) if facts else (),
        writes=(put_measurement(measurement, row), *writes),
        object=measurement.id,
    )
