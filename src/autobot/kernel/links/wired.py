"""What a row of the matrix is connected to in this process, and the link that its callers hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, AutoBotError, LinkMissing
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.row import Row, TransportName
from autobot.kernel.resilience.operation import Operation, Transport
from autobot.kernel.resilience.pipeline import Pipeline

State = Literal["in-use", "substituted", "absent"]
DOCTOR = "autobot doctor"


class Carrier(NamedTuple):
    """A transport and the targets that it reaches: addresses, or names on a direct row."""

    transport: Transport
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """What a row is connected to in this process.

    Without a transport nothing can be called: *absent* (`hint` is the step that adds it) or *substituted*
    by what `substituted_by` names. `speaks` is the matrix's word for a transport that is not direct. `chain` are further targets, in order, that a row whose error handling
    is fallback or failover goes on to. `others` are further carriers by their word: the row's `transport`
    chooses. `arrivals` marks a row whose calls come in from a client: they are counted
    here, its pipeline lives there. `otherwise` carries the row while there are no targets. `agreed` says that the processes
    agree on how the row is carried, so any word is taken here: while nobody takes calls by it, `transport` carries them. `aim` makes addresses of the targets that the row itself fixes: without it
    they are not used here, and a change of them is refused, unless `elsewhere` says that another process carries
    the row.
    """

    transport: Transport | None = None
    targets: tuple[str, ...] = ()
    speaks: TransportName = "http"
    state: State = "in-use"
    substituted_by: str | None = None
    hint: str | None = None
    arrivals: bool = False
    chain: tuple[str, ...] = ()
    others: Mapping[TransportName, Carrier] = field(default_factory=dict)
    aim: Callable[[tuple[str, ...]], tuple[str, ...]] | None = None
    elsewhere: bool = False
    otherwise: Carrier | None = None
    agreed: bool = False

    def carrier(self, row: Row) -> Carrier | None:
        """Return what carries the calls of `row`, None when nothing does."""
        chosen = self.others.get(row.transport)
        if self.agreed and chosen is not None and not chosen.targets and not row.targets:
            chosen = None
        if chosen is None:
            if self.transport is None:
                return None
            chosen = Carrier(self.transport, self.targets)
        if self.aim is None:
            return chosen
        targets = self.aim(row.targets) if row.targets else chosen.targets
        if targets:
            return Carrier(chosen.transport, targets)
        return None if row.targets else self.otherwise

    @property
    def spoken(self) -> frozenset[TransportName]:
        """Return the words of the transports that can carry this row here."""
        main: TransportName = "direct" if isinstance(self.transport, DirectTransport) else self.speaks
        return frozenset(self.others) | (frozenset() if self.transport is None else {main})

    def shown(self, row: Row) -> tuple[State, str | None]:
        """Return the state of `row` and what substitutes it.

        A row that another role would answer over a wire is substituted while a direct call carries it.
        """
        carrier = self.carrier(row)
        if self.state == "in-use" and not self.arrivals:
            if carrier is None:
                return "absent", None
            if row.transport != "direct" and isinstance(carrier.transport, DirectTransport):
                return "substituted", self.substituted_by or "a direct call in this process"
            if self.agreed and row.transport != self.speaks and carrier.transport is self.transport:
                return "substituted", f"{self.speaks}, while no process takes calls by {row.transport}"
        return self.state, self.substituted_by


NOTHING = Wired(state="absent", hint=DOCTOR)


class RowLink:
    """Implements `Link` for one row, whatever becomes of the row."""

    __slots__ = ("_absent", "_id", "_pipeline", "refused")

    def __init__(self, row: str) -> None:
        self._id = row
        self._pipeline: Pipeline | None = None
        self._absent: str | None = None
        self.refused = 0
        """Calls that found nothing to call."""

    @property
    def id(self) -> str:
        """The row's name."""
        return self._id

    @property
    def pipeline(self) -> Pipeline | None:
        """The pipeline in force."""
        return self._pipeline

    def use(self, pipeline: Pipeline | None, absent: str | None = None) -> None:
        """Take another pipeline; the very next call runs on it.

        Without one, `absent` is the step that adds what is missing, None when the matrix has no such row.
        """
        self._pipeline, self._absent = pipeline, absent

    def _missing(self) -> AutoBotError:
        self.refused += 1
        if self._absent is not None:
            return Absent(self._id, f"Nothing is connected to the link {self._id}.", hint=self._absent)
        return LinkMissing(f"The matrix has no row {self._id}, so this hop does not exist.", link=self._id)

    def call(self, operation: Operation, payload: Any, context: CallContext) -> Coroutine[Any, Any, Any]:
        """Send and return the answer."""
        pipeline = self._pipeline
        if pipeline is None:
            raise self._missing()
        # The pipeline's own coroutine: a frame of ours around it would cost as much as a strategy.
        return pipeline.call(operation, payload, context)  # type: ignore[return-value]

    def stream(self, operation: Operation, payload: Any, context: CallContext) -> AsyncIterator[Any]:
        """Send and yield the answer's chunks."""
        pipeline = self._pipeline
        if pipeline is None:
            raise self._missing()
        return pipeline.stream(operation, payload, context)
