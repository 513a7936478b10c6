"""The stored state of measurements.

knowledge.measurements   by id; group: its question set, sort: when it was asked for
knowledge.measuring      by id of one that goes on: how far it is
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from autobot.contexts.knowledge.domain.measurement import Measurement
from autobot.contracts.knowledge.measurements import KEPT
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Query

MEASUREMENTS: Final = "knowledge.measurements"
MEASURING: Final = "knowledge.measuring"


class Measurements:
    """Typed reads of them."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def one(self, measurement_id: str) -> tuple[Measurement, int]:
        """Return a measurement and the version of its row; one that nobody asked for has no time."""
        row = await self._store.get(MEASUREMENTS, measurement_id)
        if row is None:
            return Measurement(id=measurement_id), 0
        return msgspec.convert(row.document, Measurement), row.version

    async def page(self, set_id: str, after: tuple[str, str] | None, limit: int) -> Sequence[Measurement]:
        """Return those by a set, the newest first; `after` is (asked_at, id) of the last one seen."""
        wanted = Query(table=MEASUREMENTS, group=set_id, after=after, limit=limit, order="descending")
        return [msgspec.convert(one.document, Measurement) for one in await self._store.query(wanted)]

    async def of_set(self, set_id: str) -> Sequence[Measurement]:
        """Return all by a set; their number is bounded."""
        return await self.page(set_id, None, KEPT * 2)

    async def done(self, measurement: Measurement) -> int:
        """Return how many questions were searched."""
        if measurement.ended_at is not None:
            return measurement.total if measurement.status == "completed" else len(measurement.questions)
        row = await self._store.get(MEASURING, measurement.id)
        return 0 if row is None else int(row.document["done"])


def put_measurement(measurement: Measurement, row: int) -> Put:
    """Write one, unless it changed meanwhile."""
    return Put(
        table=MEASUREMENTS,
        key=measurement.id,
        document=msgspec.to_builtins(measurement),
        owner=measurement.asked_by,
        group=measurement.set,
        sort=measurement.asked_at,
        expected=row,
    )


def put_done(measurement_id: str, done: int) -> Put:
    """Write how far one is."""
    return Put(table=MEASURING, key=measurement_id, document={"done": done})
