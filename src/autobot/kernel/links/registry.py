"""The links of this process: one pipeline a row, rebuilt when its row changes, described for who looks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import ConfigurationError, InvalidInput, LinkMissing, NotFound
from autobot.kernel.links.arrivals import Arrivals
from autobot.kernel.links.describing import described, of_arrivals, of_snapshot, without_pipeline
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.matrix import Matrix, diff, told
from autobot.kernel.links.proofs import require_sound
from autobot.kernel.links.row import Row
from autobot.kernel.links.wired import DOCTOR, NOTHING, Carrier, RowLink, State, Wired
from autobot.kernel.resilience.pipeline import BreakerAction, Pipeline, build_pipeline
from autobot.kernel.resilience.registry import Registry
from autobot.kernel.telemetry.listener import Change, Listener

__all__ = ["Carrier", "LinkRegistry", "RowLink", "State", "Wired"]

RETIRED_S: Final = 900.0
"""Seconds that a replaced pipeline may go on with the shared calls that it has in the air."""


class LinkRegistry:
    """Implements `Links`. Used from one event loop; no method but the last three waits, so each is atomic.

    Raises ConfigurationError when the matrix breaks a start-up proof.
    """

    def __init__(
        self, matrix: Matrix, clock: Clock, chance: Chance, listener: Listener | None = None
    ) -> None:
        self._findings = require_sound(matrix)
        self._matrix, self._clock, self._chance, self._listener = matrix, clock, chance, listener
        self._state = Registry()
        self._links: dict[str, RowLink] = {}
        self._wired: dict[str, Wired] = {}
        self._retired: list[tuple[float, Pipeline]] = []
        self.arrivals: Final = Arrivals(clock)
        """Hears from the edge how clients' calls ended; join it to the edge's listener."""

    # ------------------------------------------------------------------------------------------- wiring

    @property
    def matrix(self) -> Matrix:
        """The matrix in force."""
        return self._matrix

    def wire(self, row: str, wired: Wired) -> None:
        """Connect a row, or connect it anew; its very next call goes there."""
        self._wired[row] = wired
        if wired.arrivals:
            self.arrivals.count(row)
        self._connect(row)

    def link(self, row: str) -> RowLink:
        """Return the link of a row; the same object for ever."""
        found = self._links.get(row)
        if found is None:
            found = self._links[row] = RowLink(row)
            self._connect(row)
        return found

    def targets(self, row_id: str) -> tuple[str, ...]:
        """Return where the calls of a row go now; empty where nothing carries it."""
        row = self._matrix.rows.get(row_id)
        carrier = None if row is None else self._wired.get(row_id, NOTHING).carrier(row)
        return () if carrier is None else carrier.targets

    def _connect(self, row_id: str) -> None:
        link = self._links.get(row_id)
        if link is None:
            # Nobody holds it yet: it is built when somebody asks for it.
            return
        pipeline, absent = self._built(row_id)
        if link.pipeline is not None:
            self._retired.append((self._clock.monotonic(), link.pipeline))
        link.use(pipeline, absent)

    def _built(self, row_id: str) -> tuple[Pipeline | None, str | None]:
        """Return the pipeline of a row; without one, the step that adds what is missing (None: no such row)."""
        row, wired = self._matrix.rows.get(row_id), self._wired.get(row_id, NOTHING)
        if row is None:
            return None, None
        carrier = wired.carrier(row)
        if carrier is None:
            return None, wired.hint or DOCTOR
        return self._pipeline(row, carrier, wired.chain), None

    def _pipeline(self, row: Row, carrier: Carrier, chain: tuple[str, ...]) -> Pipeline:
        return build_pipeline(
            row.id,
            carrier.targets,
            row.options(chain),
            carrier.transport,
            self._clock,
            self._chance,
            self._listener,
            self._state,
            narrow_context=not isinstance(carrier.transport, DirectTransport),
        )

    def arrived(self, row: str, *, failed: bool = False) -> None:
        """Count a client's call as it comes. Raises LinkMissing when the row was taken away: the edge refuses it."""
        if row not in self._matrix.rows:
            raise LinkMissing(f"The matrix has no row {row}, so this hop does not exist.", link=row)
        counts = self.arrivals.count(row)
        counts.came(self._clock.monotonic())
        counts.failures += failed

    # ---------------------------------------------------------------------------------------- operating

    def check(self, row: str, fields: Mapping[str, Any] | None) -> None:
        """Raise NotFound or InvalidInput unless the row may have these run-time fields."""
        self._changed(row, fields)

    def _changed(self, row_id: str, fields: Mapping[str, Any] | None) -> Matrix:
        if row_id not in self._matrix.names:
            raise NotFound(f"The matrix has no row {row_id}.")
        try:
            changed = self._matrix.with_run_time(row_id, fields)
            require_sound(changed)
        except ConfigurationError as error:
            raise InvalidInput(error.detail, hint=error.hint) from error
        self._check_transport(row_id, changed)
        self._check_targets(row_id, changed)
        return changed

    def _check_transport(self, row_id: str, changed: Matrix) -> None:
        """Refuse a transport that this process cannot speak on this row: it would change nothing and claim to."""
        row, files = changed.rows.get(row_id), changed.with_run_time(row_id, None).rows.get(row_id)
        if row is None or (files is not None and row.transport == files.transport):
            return
        wired = self._wired.get(row_id, NOTHING)
        if not wired.agreed and row.transport not in wired.spoken:
            raise InvalidInput(
                f"This process does not speak {row.transport} on {row_id}.",
                hint="Set it in the matrix file of a process that does, and start that.",
            )

    def _check_targets(self, row_id: str, changed: Matrix) -> None:
        """Refuse addresses that this process would not use: they would change nothing and claim to."""
        row, files = changed.rows.get(row_id), changed.with_run_time(row_id, None).rows.get(row_id)
        if row is None or (files is not None and row.targets == files.targets):
            return
        wired = self._wired.get(row_id, NOTHING)
        if wired.aim is None and not wired.elsewhere:
            raise InvalidInput(
                f"The addresses of {row_id} are not the matrix's to fix in this process.",
                hint="Rows between roles that run apart take them (autobot serve gateway|backend|ai). Where a model "
                "server is, its setting says.",
            )

    def apply(self, row: str, fields: Mapping[str, Any] | None) -> None:
        """Put run-time fields in force for the very next call; None goes back to what the files say.

        Only this row is built anew. Raises as `check`, and then changes nothing.
        """
        before, self._matrix = self._matrix, self._changed(row, fields)
        self._findings = require_sound(self._matrix)
        self._connect(row)
        if self._listener is not None:
            for change in diff(before, self._matrix):
                was, now = told(change)
                self._listener.changed(Change(kind="policy", subject=f"link:{row}", before=was, after=now))

    def force(
        self, row: str, action: BreakerAction, target: str | None, by: str, reason: str, seconds: float | None
    ) -> None:
        """Act on the breakers of a row by hand. Raises as `check_force`."""
        self._breakers(row).breaker(action, target, by=by, reason=reason, seconds=seconds)

    def check_force(self, row: str, action: BreakerAction, target: str | None, seconds: float | None) -> None:
        """Raise NotFound, InvalidInput or Conflict unless `force` may act so now; changes nothing."""
        self._breakers(row).check_breaker(action, target, seconds)

    def _breakers(self, row: str) -> Pipeline:
        if row not in self._matrix.names:
            raise NotFound(f"The matrix has no row {row}.")
        pipeline = self.link(row).pipeline if row in self._matrix.rows else None
        if pipeline is None:
            raise NotFound(f"The link {row} has no breaker in this process.")
        return pipeline

    # --------------------------------------------------------------------------------------- describing

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Return every row as `/api/v1/system/links` lists it. Costs no call on any link."""
        return [self._described(row) for row in self._matrix]

    def _described(self, row: Row) -> dict[str, Any]:
        wired = self._wired.get(row.id, NOTHING)
        link = self.link(row.id)
        arrived = self.arrivals.of(row.id)
        if link.pipeline is not None:
            figures = of_snapshot(link.pipeline.snapshot(), link.refused)
        elif arrived is not None:
            figures = of_arrivals(arrived, self._clock)
        else:
            figures = without_pipeline(link.refused)
        return {**described(row, self._matrix, wired, self._findings), **figures}

    # ------------------------------------------------------------------------------------------ waiting

    def invalidate(self, *tags: str) -> int:
        """Drop the answers, cached on any row of this process, that carry one of `tags`; return how many."""
        return sum(link.pipeline.invalidate(*tags) for link in self._links.values() if link.pipeline)

    def forget(self) -> None:
        """Drop every answer that is cached on any row of this process."""
        for link in self._links.values():
            if link.pipeline:
                link.pipeline.forget()

    async def probe_idle(self) -> None:
        """Ask open and idle targets how they are; a supervisor calls it every few seconds."""
        await self._close_retired(self._clock.monotonic() - RETIRED_S)
        async with asyncio.TaskGroup() as group:
            for link in self._links.values():
                if link.pipeline is not None:
                    group.create_task(link.pipeline.probe_idle())

    async def close(self) -> None:
        """End what runs in the background of the pipelines. Transports are their owner's to close."""
        await self._close_retired(self._clock.monotonic())
        for link in self._links.values():
            if link.pipeline is not None:
                await link.pipeline.close()

    async def _close_retired(self, before: float) -> None:
        old = [pipeline for at, pipeline in self._retired if at <= before]
        self._retired = [one for one in self._retired if one[0] > before]
        for pipeline in old:
            await pipeline.close()
