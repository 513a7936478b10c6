"""W3C Trace Context level 2: the header fields `traceparent` and `tracestate`, read and written. Pure.

Source: W3C Trace Context Level 2 (Candidate Recommendation), sections 3.2 to 3.4 and 4. Where the
specification lets a participant choose, this follows the Working Group's own test suite: a `tracestate`
that breaks one rule (a key twice, a 33rd member, a malformed key) is dropped whole.
"""

from __future__ import annotations

import re
from typing import Final

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.context import TraceContext

SAMPLED: Final = 0x01
RANDOM: Final = 0x02
KNOWN_FLAGS: Final = SAMPLED | RANDOM
"""Flags that version 00 defines; all others are sent as zero."""

STATE_MEMBERS_MAX: Final = 32
STATE_LENGTH_MAX: Final = 2048
"""Characters of a `tracestate` that are passed on (at least 512 by section 3.3.1.5)."""
STATE_MEMBER_LONG: Final = 128
"""Members longer than this leave first when a `tracestate` is too long."""

_PARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.DOTALL)
_PARENT_LENGTH: Final = 55
"""Characters of the four fields that every version has, each at its own place."""
_KEY: Final = (
    rb"(?:[a-z0-9][a-z0-9_*/-]{0,255}"  # one system
    rb"|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"  # a tenant of a system
)
_MEMBER: Final = re.compile(
    rb"(" + _KEY + rb")=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_OWS: Final = b" \t"
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16


def parse_traceparent(field: bytes) -> TraceContext | None:
    """Return the trace that a `traceparent` names, None when it is invalid and the trace must begin anew.

    Version 00 is read strictly; of a later version the four known fields are read and what follows a
    further dash is ignored; ff is invalid. Flags that version 00 does not define are dropped.
    """
    known = parent_fields(field)
    if known is None:
        return None
    trace_id, span_id, flags = known
    return TraceContext(trace_id=trace_id, span_id=span_id, flags=flags)


def parent_fields(field: bytes) -> tuple[str, str, int] | None:
    """Return trace id, span id and known flags of a `traceparent`, None when it is invalid (`parse_traceparent`)."""
    if len(field) != _PARENT_LENGTH:
        field = field.strip(_OWS)
    if _PARENT.fullmatch(field) is None:
        return None
    text = field.decode("latin-1")
    version, trace_id, span_id = text[:2], text[3:35], text[36:52]
    if trace_id == _NO_TRACE or span_id == _NO_SPAN or version == "ff":
        return None
    if version == "00" and len(text) != _PARENT_LENGTH:
        return None
    return trace_id, span_id, int(text[54], 16) & KNOWN_FLAGS


def parse_tracestate(field: bytes) -> str:
    """Return a `tracestate` (several lines joined by commas) as it is passed on; empty when it is invalid.

    Empty members and white space around members go; a list that is longer than 2,048 characters loses
    members over 128 characters first, then members from its end.
    """
    members: dict[bytes, bytes] = {}
    for part in field.split(b","):
        member = part.strip(_OWS)
        if not member:
            continue
        match = _MEMBER.fullmatch(member)
        if match is None or match[1] in members or len(members) == STATE_MEMBERS_MAX:
            return ""
        members[match[1]] = member
    return _shortened(list(members.values())).decode("ascii")


def _shortened(members: list[bytes]) -> bytes:
    excess = sum(map(len, members)) + len(members) - 1 - STATE_LENGTH_MAX
    for long_ones in (True, False):
        for index in range(len(members) - 1, -1, -1):
            if excess <= 0:
                return b",".join(members)
            if not long_ones or len(members[index]) > STATE_MEMBER_LONG:
                excess -= len(members.pop(index)) + 1
    return b",".join(members)


def new_span_id(chance: Chance) -> str:
    """Return a random span id that is not all zero."""
    return "%016x" % (chance.getrandbits(64) or 1)


def new_trace(chance: Chance, *, sampled: bool = True) -> TraceContext:
    """Begin a trace. Its id is wholly random, which the random flag says (section 3.2.2.5.2)."""
    return TraceContext(
        trace_id=f"{chance.getrandbits(128) or 1:032x}",
        span_id=new_span_id(chance),
        flags=RANDOM | (SAMPLED if sampled else 0),
    )


def child_of(trace: TraceContext, chance: Chance) -> TraceContext:
    """Return the same trace with a new span below `trace.span_id`."""
    return TraceContext(
        trace_id=trace.trace_id, span_id=new_span_id(chance), flags=trace.flags, state=trace.state
    )
