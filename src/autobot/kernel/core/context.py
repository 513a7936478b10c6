"""The call context: who, why, until when. Made once at the edge, passed explicitly, carried on every hop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """W3C Trace Context level 2: ids as lower-case hex, flags (bit 0 sampled, bit 1 random), tracestate as sent."""

    trace_id: str
    span_id: str
    flags: int = 0
    state: str = ""

    @property
    def traceparent(self) -> str:
        """The `traceparent` header, version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def stored_trace(traceparent: str) -> TraceContext:
    """Return the trace of a `traceparent` that this code wrote itself (what arrives is read by `links.propagation`)."""
    _, trace_id, span_id, flags = traceparent.split("-")
    return TraceContext(trace_id=trace_id, span_id=span_id, flags=int(flags, 16))


@dataclass(frozen=True, slots=True, kw_only=True)
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
    baggage: tuple[tuple[str, str], ...] = field(default=())
    attempt: int = 0
    client: str = ""

    def caused_by(self, message_id: str) -> Self:
        """Return the context of work that the message `message_id` causes."""
        return replace(self, causation_id=message_id)

    def within(self, deadline: float) -> Self:
        """Return this context with the earlier of its own deadline and `deadline`."""
        if self.deadline is not None and self.deadline <= deadline:
            return self
        return replace(self, deadline=deadline)

    def detached(self) -> Self:
        """Return the context of accepted background work: same identity and trace, no caller's deadline."""
        return replace(self, deadline=None, attempt=0)
