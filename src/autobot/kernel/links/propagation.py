"""How a call context travels: header fields out of a context, and a context's parts out of header fields. Pure.

The same names serve HTTP header fields, gRPC metadata and message attributes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.context import CallContext, TraceContext
from autobot.kernel.core.errors import Malformed
from autobot.kernel.links.baggage import format_baggage, parse_baggage
from autobot.kernel.links.trace_context import (
    child_of,
    new_span_id,
    new_trace,
    parent_fields,
    parse_tracestate,
)

__all__ = [
    "ATTEMPT",
    "BAGGAGE",
    "CONTEXT_FIELDS",
    "CORRELATION",
    "CORRELATION_ID",
    "DEADLINE",
    "ENVOY_DEADLINE",
    "RETRY_SCOPE",
    "TRACEPARENT",
    "TRACESTATE",
    "Arrived",
    "continue_trace",
    "extract",
    "inject",
    "new_span_id",
    "new_trace",
    "parse_correlation_id",
    "remaining_s",
]

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
BAGGAGE: Final = "baggage"
CORRELATION: Final = "x-correlation-id"
DEADLINE: Final = "x-deadline-ms"
ENVOY_DEADLINE: Final = "x-envoy-expected-rq-timeout-ms"
ATTEMPT: Final = "x-attempt"
RETRY_SCOPE: Final = "x-retry-scope"

CONTEXT_FIELDS: Final = frozenset(
    {TRACEPARENT, TRACESTATE, BAGGAGE, CORRELATION, DEADLINE, ENVOY_DEADLINE, ATTEMPT, RETRY_SCOPE}
)
"""Every field that carries context, in lower case: what a caller's own fields may never set on a link."""

CORRELATION_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
"""What is accepted as a correlation id: it goes into logs, facts and answers."""

DEADLINE_DIGITS_MAX: Final = 10
ATTEMPT_MAX: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What header fields say of a call.

    `trace` is the trace to go on with: its `span_id` is new and names the work of this process;
    `parent_span_id` is the caller's span, empty where the trace begins here. `deadline` is monotonic
    seconds of this process, None when the caller gave none. `given` says whether the correlation id
    is the caller's.
    """

    correlation_id: str
    given: bool
    trace: TraceContext
    parent_span_id: str
    deadline: float | None
    baggage: tuple[tuple[str, str], ...]
    attempt: int


def extract(
    headers: Mapping[bytes, bytes],
    *,
    now: float,
    chance: Chance,
    new_correlation_id: Callable[[], str],
    trusted: bool = False,
) -> Arrived:
    """Read the fields of a call that arrived at `now` (monotonic seconds).

    `headers` has lower-case names; lines of one name are joined with a comma (RFC 9110 §5.3), which
    makes a `traceparent` that was sent twice invalid, as it must be. Only a `trusted` caller (a role of
    this installation) is believed about baggage and attempts. Ids that are not well formed are replaced.
    Raises Malformed for a deadline that is no number of milliseconds.
    """
    trace, parent = continue_trace(headers, chance)
    correlation_id = parse_correlation_id(headers.get(b"x-correlation-id"))
    remaining = remaining_s(headers)
    baggage = headers.get(b"baggage") if trusted else None
    return Arrived(
        correlation_id=correlation_id or new_correlation_id(),
        given=correlation_id is not None,
        trace=trace,
        parent_span_id=parent,
        deadline=None if remaining is None else now + remaining,
        baggage=() if baggage is None else parse_baggage(baggage),
        attempt=_attempt(headers) if trusted else 0,
    )


def continue_trace(headers: Mapping[bytes, bytes], chance: Chance) -> tuple[TraceContext, str]:
    """Return the trace to go on with, and the caller's span id (empty: the trace begins here)."""
    field = headers.get(b"traceparent")
    parent = None if field is None else parent_fields(field)
    if parent is None:
        return new_trace(chance), ""
    trace_id, span_id, flags = parent
    state = headers.get(b"tracestate")
    own = TraceContext(
        trace_id=trace_id,
        span_id=new_span_id(chance),
        flags=flags,
        state="" if state is None else parse_tracestate(state),
    )
    return own, span_id


def parse_correlation_id(field: bytes | None) -> str | None:
    """Return the correlation id, None when there is none or it is not 1–128 of `A-Z a-z 0-9 . _ : -`."""
    if field is None or CORRELATION_ID.fullmatch(field) is None:
        return None
    return field.decode("ascii")


def remaining_s(headers: Mapping[bytes, bytes]) -> float | None:
    """Return the seconds that the caller still waits, None when it does not say.

    `X-Deadline-Ms` wins over Envoy's field, which may say 0 for *no limit*. Raises Malformed for
    anything but 1–10 digits.
    """
    field = headers.get(b"x-deadline-ms")
    if field is not None:
        return _milliseconds(field, "X-Deadline-Ms") / 1000
    field = headers.get(b"x-envoy-expected-rq-timeout-ms")
    if field is None:
        return None
    milliseconds = _milliseconds(field, "x-envoy-expected-rq-timeout-ms")
    return milliseconds / 1000 if milliseconds else None


def _milliseconds(field: bytes, name: str) -> int:
    digits = field.strip(b" \t")
    if not digits.isdigit() or len(digits) > DEADLINE_DIGITS_MAX:
        raise Malformed(f"{name} must be a whole number of milliseconds.")
    return int(digits)


def _attempt(headers: Mapping[bytes, bytes]) -> int:
    """Return the attempt's number; at least 1 where the caller says that it retries by itself."""
    field = headers.get(b"x-attempt", b"").strip(b" \t")
    number = min(int(field), ATTEMPT_MAX) if field.isdigit() and len(field) <= DEADLINE_DIGITS_MAX else 0
    return max(number, 1) if headers.get(b"x-retry-scope", b"").strip(b" \t") == b"caller" else number


def inject(context: CallContext, *, now: float, chance: Chance) -> dict[str, str]:
    """Return the fields that carry `context` over one hop at `now` (monotonic seconds).

    Each hop is a span of its own: `traceparent` names a new span id below the context's. What is left
    of the deadline is rounded down to milliseconds, never below 0.
    """
    fields = {
        TRACEPARENT: child_of(context.trace, chance).traceparent,
        CORRELATION: context.correlation_id,
    }
    if context.trace.state:
        fields[TRACESTATE] = context.trace.state
    if context.baggage:
        baggage = format_baggage(context.baggage)
        if baggage:
            fields[BAGGAGE] = baggage
    if context.deadline is not None:
        fields[DEADLINE] = str(max(0, int((context.deadline - now) * 1000)))
    if context.attempt:
        fields[ATTEMPT] = str(context.attempt)
        fields[RETRY_SCOPE] = "caller"
    return fields
