"""The links of this process: one pipeline a row, rebuilt when its row changes, described for who looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, ConfigurationError, InvalidInput, LinkMissing, NotFound
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.proofs import require_sound
from autobot.kernel.links.row import OPTIONS, Row, field_value
from autobot.kernel.resilience.operation import Operation, Transport
from autobot.kernel.resilience.pipeline import BreakerAction, Pipeline, build_pipeline
from autobot.kernel.resilience.registry import Registry
from autobot.kernel.resilience.snapshot import LinkSnapshot
from autobot.kernel.telemetry.listener import Change, Listener

State = Literal["in-use", "substituted", "absent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """What a row is connected to in this process.

    `targets` are addresses, or names on a direct row. Without a transport nothing can be called:
    *absent* (`hint` is the step that adds it) or *substituted* by what `substituted_by` names. `arrivals`
    marks a row whose calls come in from a client: they are counted here, its pipeline lives there.
    """

    transport: Transport | None = None
    targets: tuple[str, ...] = ()
    state: State = "in-use"
    substituted_by: str | None = None
    hint: str | None = None
    arrivals: bool = False


class RowLink:
    """Implements `Link` for one row, whatever becomes of the row."""

    __slots__ = ("_hint", "_id", "_pipeline")

    def __init__(self, row: str) -> None:
        self._id = row
        self._pipeline: Pipeline | None = None
        self._hint: str | None = None

    @property
    def id(self) -> str:
        """The row's name."""
        return self._id

    def use(self, pipeline: Pipeline | None, hint: str | None = None) -> None:
        """Take another pipeline; the very next call runs on it."""
        self._pipeline, self._hint = pipeline, hint

    @property
    def pipeline(self) -> Pipeline | None:
        """The pipeline in force."""
        return self._pipeline

    def _missing(self) -> Exception:
        if self._hint is not None:
            return Absent(self._id, f"Nothing is connected to the link {self._id}.", hint=self._hint)
        return LinkMissing(f"The matrix has no row {self._id}, so this hop does not exist.", link=self._id)

    def call(self, operation: Operation, payload: Any, context: CallContext) -> Coroutine[Any, Any, Any]:
        """Send and return the answer."""
        pipeline = self._pipeline
        if pipeline is None:
            raise self._missing()
        return pipeline.call(operation, payload, context)

    def stream(self, operation: Operation, payload: Any, context: CallContext) -> AsyncIterator[Any]:
        """Send and yield the answer's chunks."""
        pipeline = self._pipeline
        if pipeline is None:
            raise self._missing()
        return pipeline.stream(operation, payload, context)


class LinkRegistry:
    """Implements `Links`. Used from one event loop."""

    def __init__(
        self, matrix: Matrix, clock: Clock, chance: Chance, listener: Listener | None = None
    ) -> None:
        require_sound(matrix)
        self._matrix, self._clock, self._chance, self._listener = matrix, clock, chance, listener
        self._state = Registry()
        self._links: dict[str, RowLink] = {}
        self._wired: dict[str, Wired] = {}
        self._arrived: dict[str, list[int]] = {}

    # ------------------------------------------------------------------------------------------- wiring

    @property
    def matrix(self) -> Matrix:
        """The matrix in force."""
        return self._matrix

    def wire(self, row: str, wired: Wired) -> None:
        """Connect a row, or connect it anew."""
        self._wired[row] = wired
        self._build(row)

    def link(self, row: str) -> RowLink:
        """Return the link of a row; the same object for ever."""
        found = self._links.get(row)
        if found is None:
            found = self._links[row] = RowLink(row)
            self._build(row)
        return found

    def _build(self, row_id: str) -> None:
        link = self._links.get(row_id)
        if link is None:
            link = self._links[row_id] = RowLink(row_id)
        row, wired = self._matrix.rows.get(row_id), self._wired.get(row_id)
        if row is None:
            link.use(None)
        elif wired is None or wired.transport is None:
            link.use(None, (wired.hint if wired else None) or "autobot doctor")
        else:
            pipeline = build_pipeline(
                row_id,
                wired.targets,
                row.options(),
                wired.transport,
                self._clock,
                self._chance,
                self._listener,
                self._state,
                narrow_context=row.transport != "direct",
            )
            link.use(pipeline)

    def arrived(self, row: str, *, failed: bool = False) -> None:
        """Count a call of a client on one of its rows. Raises LinkMissing when the row was taken away."""
        if row not in self._matrix.rows:
            raise LinkMissing(f"The matrix has no row {row}, so this hop does not exist.", link=row)
        counts = self._arrived.setdefault(row, [0, 0])
        counts[0] += 1
        counts[1] += failed

    async def close(self) -> None:
        """End what runs in the background of the pipelines."""
        for link in self._links.values():
            if link.pipeline is not None:
                await link.pipeline.close()

    async def probe_idle(self) -> None:
        """Ask open and idle targets how they are."""
        for link in list(self._links.values()):
            if link.pipeline is not None:
                await link.pipeline.probe_idle()

    # ---------------------------------------------------------------------------------------- operating

    def check(self, row: str, fields: Mapping[str, Any] | None) -> None:
        """Raise NotFound or InvalidInput unless the row may have these run-time fields."""
        self._changed(row, fields)

    def _changed(self, row: str, fields: Mapping[str, Any] | None) -> Matrix:
        if row not in {**self._matrix.shipped, **self._matrix.file, **self._matrix.run_time}:
            raise NotFound(f"The matrix has no row {row}.")
        try:
            changed = self._matrix.with_run_time(row, fields)
            require_sound(changed)
        except ConfigurationError as error:
            raise InvalidInput(error.detail, hint=error.hint) from error
        return changed

    def apply(self, row: str, fields: Mapping[str, Any] | None) -> None:
        """Put run-time fields in force for the very next call."""
        before = self._matrix.rows.get(row)
        self._matrix = self._changed(row, fields)
        self._build(row)
        if self._listener is not None:
            after = self._matrix.rows.get(row)
            self._listener.changed(
                Change(kind="policy", subject=f"link:{row}", before=repr(before), after=repr(after))
            )

    def force(
        self, row: str, action: BreakerAction, target: str | None, by: str, reason: str, seconds: float | None
    ) -> None:
        """Act on the breakers of a row by hand."""
        pipeline = self.link(row).pipeline if row in self._matrix.rows else None
        if pipeline is None:
            raise NotFound(f"The link {row} has no breaker in this process.")
        pipeline.breaker(action, target, by=by, reason=reason, seconds=seconds)

    # --------------------------------------------------------------------------------------- describing

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Return every row as `/api/v1/system/links` lists it."""
        return [self._described(row) for row in self._matrix]

    def _described(self, row: Row) -> dict[str, Any]:
        wired = self._wired.get(row.id, Wired(state="absent"))
        pipeline = self.link(row.id).pipeline
        described = {
            "id": row.id,
            "from": row.source,
            "to": row.to,
            "pattern": row.pattern,
            "transport": row.transport,
            "timeout": row.timeout,
            "total": row.total,
            **{name: field_value(row, name) for name in OPTIONS},
            "error_handling": row.error_handling,
            "idempotency": row.idempotency,
            "source": self._matrix.sources[row.id],
            "origin": row.origin,
            "doc": row.doc,
            "state": wired.state,
            "substituted_by": wired.substituted_by,
            "hint": wired.hint,
        }
        calls, failures = self._arrived.get(row.id, (0, 0))
        empty = {"calls": calls, "failures": failures, "rate": None, "failure_rate": None}
        quantiles = dict.fromkeys(("p50_ms", "p95_ms", "p99_ms", "last_error"))
        figures = _figures(pipeline.snapshot()) if pipeline else {**empty, **quantiles, "targets": []}
        return {**described, **figures}


def _figures(snapshot: LinkSnapshot) -> dict[str, Any]:
    error = snapshot.last_error
    return {
        "calls": snapshot.calls,
        "failures": snapshot.failures,
        "attempts": snapshot.attempts,
        "retries": snapshot.retries,
        "refused": snapshot.refused,
        "cached": snapshot.cached,
        "in_flight": snapshot.in_flight,
        "rate": snapshot.rates.rate,
        "failure_rate": snapshot.rates.failure_rate,
        "p50_ms": snapshot.rates.p50_ms,
        "p95_ms": snapshot.rates.p95_ms,
        "p99_ms": snapshot.rates.p99_ms,
        "last_error": {"at": rfc3339(error.at), "code": error.code, "detail": error.detail}
        if error
        else None,
        "targets": [
            {
                "address": one.address,
                "breaker_state": one.breaker_state,
                "since": rfc3339(one.since),
                "next_probe_at": rfc3339(one.next_probe_at) if one.next_probe_at else None,
                "by": one.by,
                "reason": one.reason,
                "calls": one.calls,
                "failures": one.failures,
                "reachable": one.reachable,
            }
            for one in snapshot.targets
        ],
    }
