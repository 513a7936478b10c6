"""The call context: who, why, until when. Made once at the edge, passed explicitly, carried on every hop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Self

PrincipalKind = Literal["user", "service", "key"]
Role = Literal["admin", "operator", "user", "viewer", "service"]

DEFAULT_TENANT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who acts. Never made from a body.

    `id` is the user's, service's or key's own id; `user_id` the user whose objects it may see (a key
    belongs to a user). `scopes` are `context:verb` words; `*` stands for all that the role allows.
    """

    id: str
    kind: PrincipalKind
    role: Role
    user_id: str
    tenant: str = DEFAULT_TENANT
    scopes: frozenset[str] = frozenset({"*"})
    username: str = ""


def principal_data(principal: Principal) -> dict[str, Any]:
    """Return a principal as JSON types: what accepted work keeps of who asked for it."""
    return {**asdict(principal), "scopes": sorted(principal.scopes)}


def principal_of(data: Mapping[str, Any]) -> Principal:
    """Return the principal of `principal_data`."""
    return Principal(**{**data, "scopes": frozenset(data["scopes"])})


SYSTEM = Principal(id="system", kind="service", role="service", user_id="system", username="system")
ANONYMOUS = Principal(id="anonymous", kind="user", role="viewer", user_id="", scopes=frozenset())


def _setters(kind: type[Any]) -> tuple[Callable[[Any, Any], None], ...]:
    """Return what sets each field of a slotted dataclass, in their order.

    One or more of these objects is made on every hop. The constructor that a frozen dataclass gets looks the
    setter of `object` up for each field, and takes nearly twice as long.
    """
    return tuple(kind.__dict__[one.name].__set__ for one in fields(kind))


@dataclass(frozen=True, slots=True, init=False)
class TraceContext:
    """W3C Trace Context level 2: ids as lower-case hex, flags (bit 0 sampled, bit 1 random), tracestate as sent."""

    trace_id: str
    span_id: str
    flags: int = 0
    state: str = ""

    def __init__(self, *, trace_id: str, span_id: str, flags: int = 0, state: str = "") -> None:
        """Hold the four values."""
        _set_trace_id(self, trace_id)
        _set_span_id(self, span_id)
        _set_flags(self, flags)
        _set_state(self, state)

    @property
    def traceparent(self) -> str:
        """The `traceparent` header, version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


_set_trace_id, _set_span_id, _set_flags, _set_state = _setters(TraceContext)


def stored_trace(traceparent: str) -> TraceContext:
    """Return the trace of a `traceparent` that this code wrote itself (what arrives is read by `links.propagation`)."""
    _, trace_id, span_id, flags = traceparent.split("-")
    return TraceContext(trace_id=trace_id, span_id=span_id, flags=int(flags, 16))


@dataclass(frozen=True, slots=True, init=False)
class CallContext:
    """What travels with a call.

    `deadline` is monotonic seconds of this process (None: no limit); on the wire it is what is left
    (`X-Deadline-Ms`). `attempt` > 0 says that a caller above already retries, so nobody below does.
    `baggage` holds allow-listed W3C Baggage members only.
    """

    correlation_id: str
    principal: Principal
    trace: TraceContext
    causation_id: str | None = None
    deadline: float | None = None
    baggage: tuple[tuple[str, str], ...] = ()
    attempt: int = 0
    client: str = ""

    def __init__(
        self,
        *,
        correlation_id: str,
        principal: Principal,
        trace: TraceContext,
        causation_id: str | None = None,
        deadline: float | None = None,
        baggage: tuple[tuple[str, str], ...] = (),
        attempt: int = 0,
        client: str = "",
    ) -> None:
        """Hold the eight values."""
        _set_correlation_id(self, correlation_id)
        _set_principal(self, principal)
        _set_trace(self, trace)
        _set_causation_id(self, causation_id)
        _set_deadline(self, deadline)
        _set_baggage(self, baggage)
        _set_attempt(self, attempt)
        _set_client(self, client)

    def caused_by(self, message_id: str) -> Self:
        """Return the context of work that the message `message_id` causes."""
        return replace(self, causation_id=message_id)

    def within(self, deadline: float) -> Self:
        """Return this context with the earlier of its own deadline and `deadline`."""
        if self.deadline is not None and self.deadline <= deadline:
            return self
        # Written out: `replace` costs three times as much, and every call that leaves the process comes by here.
        return type(self)(
            correlation_id=self.correlation_id,
            principal=self.principal,
            trace=self.trace,
            causation_id=self.causation_id,
            deadline=deadline,
            baggage=self.baggage,
            attempt=self.attempt,
            client=self.client,
        )

    def detached(self) -> Self:
        """Return the context of accepted background work: same identity and trace, no caller's deadline."""
        return replace(self, deadline=None, attempt=0)


(
    _set_correlation_id,
    _set_principal,
    _set_trace,
    _set_causation_id,
    _set_deadline,
    _set_baggage,
    _set_attempt,
    _set_client,
) = _setters(CallContext)
