"""Measurements as those see them who may read their collection."""

from __future__ import annotations

from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.measurements import Measurements
from autobot.contexts.knowledge.ports.question_sets import QuestionSets
from autobot.contexts.knowledge.ports.views import measurement_summary
from autobot.contracts.knowledge import measurements as contract
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor


class MeasurementQueries:
    """One method a query."""

    def __init__(self, library: Library, sets: QuestionSets, stored: Measurements) -> None:
        self._library, self._sets, self._stored = library, sets, stored

    async def list(self, query: contract.ListMeasurements, context: CallContext) -> contract.MeasurementPage:
        """Return a page of those by a set, the newest first."""
        await self._require(query.collection, query.set, context)
        after = decode_cursor(query.cursor, 2)
        place = None if after is None else (after[0], after[1])
        found = await self._stored.page(query.set, place, query.limit + 1)
        page = found[: query.limit]
        items = [measurement_summary(one, await self._stored.done(one)) for one in page]
        more = len(found) > len(page)
        return contract.MeasurementPage(
            items=tuple(items),
            next_cursor=encode_cursor(page[-1].asked_at, page[-1].id) if more else None,
        )

    async def get(self, query: contract.GetMeasurement, context: CallContext) -> contract.MeasurementView:
        """Return one with the result of each question."""
        await self._require(query.collection, query.set, context)
        found, _ = await self._stored.one(query.id)
        found.require(query.collection, query.set)
        summary = measurement_summary(found, await self._stored.done(found))
        return contract.MeasurementView(measurement=summary, questions=found.questions)

    async def _require(self, collection: str, set_id: str, context: CallContext) -> None:
        place = (await self._library.collection(collection)).collection
        place.require_readable(context.principal)
        (await self._sets.one(set_id)).set.require(collection)
