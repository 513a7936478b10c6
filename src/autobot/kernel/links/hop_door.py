"""The door of a role: who may come in over a hop, on which row, with which context. One for all wires.

HTTP, gRPC and streams bring fields and a body; what they mean is judged here, so that no wire is laxer than another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    ConfigurationError,
    DeadlineExceeded,
    Overloaded,
    TooLarge,
    Unauthenticated,
)
from autobot.kernel.core.ids import IdSource
from autobot.kernel.core.stepping import Late, at_most
from autobot.kernel.links.propagation import extract
from autobot.kernel.links.service_token import ServiceCall, ServiceTokens, body_mark
from autobot.kernel.links.wire import Wire, Wires
from autobot.kernel.telemetry.listener import Change, Hop, Listener

Handler = Callable[[Any, CallContext], Coroutine[Any, Any, Any]]
StreamHandler = Callable[[Any, CallContext], AsyncIterator[Any]]
T = TypeVar("T")

BEARER: Final = b"Bearer "
SPENT: Final = "The time that the caller gave is spent."
AGAIN_S: Final = 2.0
"""Seconds after which a role that starts or stops is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopRow:
    """What one role may ask here: the row of the matrix, its wires, and the handlers behind it.

    `calls` and `streams` are those that a direct transport of the row would have. Raises ConfigurationError
    for a handler without a wire.
    """

    row: str
    wires: Wires
    calls: Mapping[str, Handler] = field(default_factory=dict)
    streams: Mapping[str, StreamHandler] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that each handler can be reached."""
        for name in (*self.calls, *self.streams):
            if name not in self.wires:
                raise ConfigurationError(f"{self.row} has no wire for {name}.")
        if both := self.calls.keys() & self.streams.keys():
            raise ConfigurationError(f"{self.row} has {', '.join(sorted(both))} as call and as stream.")

    def has(self, operation: str) -> bool:
        """Say whether there is a handler for an operation."""
        return operation in self.calls or operation in self.streams

    def served(self, operation: str) -> tuple[Wire, Handler | None, StreamHandler | None]:
        """Return the wire of an operation and what handles it. Raises Absent when nothing does."""
        wire, handler = self.wires.get(operation), self.calls.get(operation)
        streamer = self.streams.get(operation)
        if wire is None or (handler is None and streamer is None):
            raise Absent(
                "handler",
                f"Nothing in this role handles {operation} on {self.row}.",
                hint="autobot doctor",
            )
        return wire, handler, streamer


class Admitted(NamedTuple):
    """A call that may come in: what its token vouches for, and its row."""

    call: ServiceCall
    row: HopRow


class HopDoor:
    """Judges what comes in, and tells listeners how it went.

    Attributes:
        role: this process's role: the audience that tokens must name.
        rows: what each other role may ask, by that role's name: the token's issuer and operation choose. No two rows
            of one role have an operation in common.
        phase: `starting`, `ready` or `draining`; outside of ready nothing comes in.
        deadline_s: how long a call or stream may take whatever its caller says.
        blameless: whether an error is the handler's answer rather than a failure of the hop.
        arrived: counts a call on its row as it comes, and raises LinkMissing when the row was taken away.
    """

    def __init__(
        self,
        *,
        role: str,
        rows: Mapping[str, Sequence[HopRow]],
        tokens: ServiceTokens,
        phase: Callable[[], str],
        clock: Clock,
        chance: Chance,
        ids: IdSource,
        deadline_s: float,
        blameless: Callable[[BaseException], bool],
        listener: Listener | None = None,
        arrived: Callable[[str], None] | None = None,
    ) -> None:
        self.role, self._rows, self._tokens, self._phase = role, rows, tokens, phase
        self._now, self._chance, self._ids = clock.monotonic, chance, ids
        self._deadline_s, self._blameless = deadline_s, blameless
        self._listener, self._arrived = listener, arrived

    def open(self) -> None:
        """Raise Overloaded unless this role takes work."""
        phase = self._phase()
        if phase != "ready":
            word = "starting" if phase == "starting" else "stopping"
            raise Overloaded(f"This role is {word}.", link="", retry_after=AGAIN_S)

    def admit(self, fields: Mapping[bytes, bytes], operation: str) -> Admitted:
        """Return what a call may reach; nothing has begun. Raises Overloaded or Unauthenticated."""
        self.open()
        try:
            call = self._proven(fields, operation)
            rows = self._rows.get(call.issuer)
            if not rows:
                raise Unauthenticated(f"The role {call.issuer} calls nothing here.")
        except Unauthenticated as error:
            self.unproven(error)
            raise
        return Admitted(call, next((one for one in rows if one.has(operation)), rows[0]))

    def unproven(self, error: AutoBotError) -> None:
        """Count a call that proves nothing, and tell of it: its sender is unknown, whatever it says of itself."""
        if self._listener is None:
            return
        self._listener.counted("hop_unauthenticated_total", 1.0, (("role", self.role),))
        told = Change(
            kind="call",
            subject=f"calls to {self.role}",
            before="",
            after="refused",
            reason=error.detail,
            error=error,
        )
        self._listener.changed(told)

    def _proven(self, fields: Mapping[bytes, bytes], operation: str) -> ServiceCall:
        field = fields.get(b"authorization", b"")
        if not field.startswith(BEARER):
            raise Unauthenticated(
                "A call between roles needs a service token.", hint="Send it as authorization: Bearer TOKEN."
            )
        token = field[len(BEARER) :].decode("latin-1")
        call = self._tokens.read(token, audience=self.role, operation=operation)
        beside = fields.get(b"x-correlation-id")
        vouched = call.correlation_id
        if beside is not None and vouched and beside.decode("latin-1") != vouched:
            raise Unauthenticated("The correlation id is not the one that the service token vouches for.")
        return call

    def begin(self, fields: Mapping[bytes, bytes], at: float, admitted: Admitted) -> Hop:
        """Return the call that arrived `at` (monotonic seconds) as listeners hear of it.

        Raises LinkMissing for a row that was taken away, Malformed for a deadline that is no number.
        """
        call, row = admitted
        arrived = extract(fields, now=at, chance=self._chance, new_correlation_id=self._ids.new, trusted=True)
        own = at + self._deadline_s
        context = CallContext(
            correlation_id=call.correlation_id or arrived.correlation_id,
            principal=call.principal,
            trace=arrived.trace,
            causation_id=call.causation_id,
            deadline=own if arrived.deadline is None else min(own, arrived.deadline),
            baggage=arrived.baggage,
            attempt=arrived.attempt,
            client=call.client,
        )
        if self._arrived is not None:
            self._arrived(row.row)
        hop = Hop(row.row, self.role, call.operation, arrived.attempt, context)
        if self._listener is not None:
            self._listener.started(hop)
        return hop

    def in_time(self, context: CallContext) -> float:
        """Return the deadline. Raises DeadlineExceeded when it is past before work began."""
        assert context.deadline is not None
        if context.deadline <= self._now():
            raise DeadlineExceeded("The time that the caller gave was spent before work began.")
        return context.deadline

    async def within(self, work: Coroutine[Any, Any, T], deadline: float) -> T:
        """Return what `work` does. Raises DeadlineExceeded, with the work cancelled, when time is up."""
        try:
            return await at_most(work, deadline - self._now())
        except Late:
            raise DeadlineExceeded(SPENT) from None

    def completed(self, hop: Hop, at: float) -> None:
        """Tell of a call that arrived `at` and was answered."""
        if self._listener is not None:
            self._listener.completed(hop, self._now() - at)

    def failed(self, hop: Hop | None, at: float, error: BaseException) -> None:
        """Tell of what ended a call; a refusal that is the handler's answer is no failure of the hop."""
        if self._listener is None or hop is None:
            return
        if isinstance(error, AutoBotError) and self._blameless(error):
            self._listener.completed(hop, self._now() - at)
        else:
            self._listener.failed(hop, self._now() - at, error)


class Visit:
    """One call at the door that comes with its whole message, from `at` (monotonic seconds) to its end."""

    __slots__ = ("_at", "_door", "admitted", "hop")

    def __init__(self, door: HopDoor, at: float) -> None:
        self._door, self._at = door, at
        self.admitted: Admitted | None = None
        """Set once the token is believed: from then on the caller may be told what is raised."""
        self.hop: Hop | None = None

    def enter(self, fields: Mapping[bytes, bytes], operation: str, message: bytes) -> tuple[Admitted, Hop]:
        """Come in. Raises Overloaded, Unauthenticated (of the message too), LinkMissing or Malformed."""
        proven = self._door.admit(fields, operation)
        if proven.call.body and body_mark(message) != proven.call.body:
            unproven = Unauthenticated("The message is not the one that the service token vouches for.")
            self._door.unproven(unproven)
            raise unproven
        self.admitted = proven
        self.hop = self._door.begin(fields, self._at, proven)
        return proven, self.hop

    def unready(self, error: BaseException) -> bool:
        """Say whether an error means that nothing began and another process may be asked."""
        return self.admitted is None and isinstance(error, Overloaded)

    def completed(self) -> None:
        """Tell that it was answered."""
        if self.hop is not None:
            self._door.completed(self.hop, self._at)

    def failed(self, error: BaseException) -> None:
        """Tell what ended it."""
        self._door.failed(self.hop, self._at, error)


def fitting(body: bytes, most: int, what: str) -> bytes:
    """Return `body`. Raises TooLarge when it has more than `most` bytes; `what` names it (`The answer`)."""
    if len(body) > most:
        raise TooLarge(f"{what} has {len(body)} bytes; at most {most} cross a hop.")
    return body
