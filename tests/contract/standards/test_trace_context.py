"""W3C Trace Context: the Working Group's harness (w3c/trace-context, test/test.py at strict level 2), in our words.

The harness sends header lines to a service that calls out, and judges the lines of that call. Here the service is
the running product, and the call is the one that it makes to a model server outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.contract.standards.conftest import HELLO
from tests.contract.standards.raw import Asker
from tests.integration.product.stand_in import ModelServer

TRACE = "12345678901234567890123456789012"
SPAN = "1234567890123456"
PARENT = ("traceparent", f"00-{TRACE}-{SPAN}-00")
FORMAT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")

Line = tuple[str, str]
Forward = Callable[..., tuple[str, str, int, str]]


@pytest.fixture
def forward(ask: Asker, model_server: ModelServer) -> Forward:
    """Sends lines in, and returns (trace id, span id, flags, tracestate) of what went out."""

    def send(*lines: Line) -> tuple[str, str, int, str]:
        before = len(model_server.seen)
        body = {"model": "stand-in", "messages": [{"role": "user", "content": HELLO}], "stream": True}
        assert ask("POST", "/v1/chat/completions", *lines, body=body).status == 200
        (call,) = model_server.seen[before:]
        parents = [value for name, value in call.lines if name.lower() == "traceparent"]
        assert len(parents) == 1, "exactly one traceparent goes out"
        match = FORMAT.fullmatch(parents[0])
        assert match is not None, f"no valid traceparent of version 00 but {parents[0]}"
        states = [value for name, value in call.lines if name.lower() == "tracestate"]
        assert "" not in states, "an empty tracestate is not sent"
        return match[1], match[2], int(match[3], 16), ",".join(states)

    return send


def test_a_trace_begins_where_there_is_none(forward: Forward) -> None:
    """Without a traceparent a new trace begins, whose id is wholly random and says so (level 2, random flag)."""
    first, second = forward(), forward()
    assert first[0] != second[0]
    assert first[2] & 2


@pytest.mark.parametrize(
    "line",
    [
        ("traceparent", f"00-{TRACE}-{SPAN}-01"),
        ("TraceParent", f"00-{TRACE}-{SPAN}-01"),
        ("TrAcEpArEnT", f"00-{TRACE}-{SPAN}-01"),
        ("TRACEPARENT", f"00-{TRACE}-{SPAN}-01"),
        ("traceparent", f" 00-{TRACE}-{SPAN}-01"),
        ("traceparent", f"\t00-{TRACE}-{SPAN}-01"),
        ("traceparent", f"00-{TRACE}-{SPAN}-01 "),
        ("traceparent", f"00-{TRACE}-{SPAN}-01\t"),
        ("traceparent", f"\t 00-{TRACE}-{SPAN}-01 \t"),
        ("traceparent", f"cc-{TRACE}-{SPAN}-01"),
        ("traceparent", f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
        ("traceparent", f"01-{TRACE}-{SPAN}-01-"),
    ],
)
def test_a_valid_trace_goes_on_in_a_span_of_its_own(forward: Forward, line: Line) -> None:
    """Name in any case, white space around, a later version: trace id and flag stay, the parent id is new."""
    trace_id, span_id, flags, _ = forward(line)
    assert (trace_id, flags) == (TRACE, 1)
    assert span_id != SPAN


@pytest.mark.parametrize(
    ("sent", "passed"), [("00", 0), ("01", 1), ("02", 2), ("03", 3), ("fc", 0), ("ff", 3)]
)
def test_known_flags_pass_and_others_become_zero(forward: Forward, sent: str, passed: int) -> None:
    """The sampled and the random flag (level 2) are passed on as they came; reserved bits are sent as zero."""
    assert forward(("traceparent", f"00-{TRACE}-{SPAN}-{sent}"))[2] == passed


@pytest.mark.parametrize(
    "lines",
    [
        [("traceparent", f"00-{TRACE[:-1]}1-{SPAN}-01"), ("traceparent", f"00-{TRACE}-{SPAN}-01")],
        [("traceparent", f"00-{TRACE}-{SPAN}-01"), ("traceparent", f"00-{TRACE}-{SPAN}-01")],
        [("trace-parent", f"00-{TRACE}-{SPAN}-01")],
        [("trace.parent", f"00-{TRACE}-{SPAN}-01")],
        *(
            [("traceparent", value)]
            for value in (
                f"00-{TRACE}-{SPAN}-01.",
                f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
                f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like",
                f"ff-{TRACE}-{SPAN}-01",
                f".0-{TRACE}-{SPAN}-01",
                f"0.-{TRACE}-{SPAN}-01",
                f"000-{TRACE}-{SPAN}-01",
                f"0000-{TRACE}-{SPAN}-01",
                f"0-{TRACE}-{SPAN}-01",
                f"00-{'0' * 32}-{SPAN}-01",
                f"00-.{TRACE[1:]}-{SPAN}-01",
                f"00-{TRACE[:-1]}.-{SPAN}-01",
                f"00-{TRACE}3-{SPAN}-01",
                f"00-{TRACE[:-1]}-{SPAN}-01",
                f"00-{TRACE}-{'0' * 16}-01",
                f"00-{TRACE}-.{SPAN[1:]}-01",
                f"00-{TRACE}-{SPAN[:-1]}.-01",
                f"00-{TRACE}-{SPAN}7-01",
                f"00-{TRACE}-{SPAN[:-1]}-01",
                f"00-{TRACE}-{SPAN}-.0",
                f"00-{TRACE}-{SPAN}-0.",
                f"00-{TRACE}-{SPAN}-001",
                f"00-{TRACE}-{SPAN}-1",
                f"00-{'AB' * 16}-{SPAN}-01",
                f"0A-{TRACE}-{SPAN}-01",
                "",
            )
        ),
    ],
)
def test_an_invalid_trace_begins_anew_without_its_state(forward: Forward, lines: list[Line]) -> None:
    """Doubled, misnamed, malformed, forbidden: a new trace begins, and nobody's tracestate is carried along."""
    trace_id, span_id, _, state = forward(*lines, ("tracestate", "foo=1"))
    assert trace_id not in (TRACE, TRACE[:-1] + "1", "0" * 32, "ab" * 16)
    assert span_id not in (SPAN, "0" * 16)
    assert state == ""


# ------------------------------------------------------------------------------------------------ tracestate

KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
VALUE = "".join(chr(one) for one in range(0x20, 0x7F) if chr(one) not in ",=")
TENS = [",".join(f"bar{one:02}={one:02}" for one in range(first, first + 10)) for first in (1, 11, 21)]


@pytest.mark.parametrize(
    ("lines", "passed"),
    [
        (["foo=1,bar=2"], "foo=1,bar=2"),
        ([""], ""),
        (["foo=1", ""], "foo=1"),
        (["", "foo=1"], "foo=1"),
        (["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        ([f"{KEY}={VALUE}"], f"{KEY}={VALUE}"),
        ([f"{KEY}@a-z0-9_-*/={VALUE}"], f"{KEY}@a-z0-9_-*/={VALUE}"),
        (["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3"),
        ([" foo=1"], "foo=1"),
        (["\tfoo=1"], "foo=1"),
        (["foo=1 "], "foo=1"),
        (["foo=1\t"], "foo=1"),
        (["\t foo=1 \t"], "foo=1"),
        (["foo=1,,bar=2,"], "foo=1,bar=2"),
        ([*TENS, "bar31=31,bar32=32"], ",".join([*TENS, "bar31=31,bar32=32"])),
        (["foo=1", "z" * 256 + "=1"], "foo=1," + "z" * 256 + "=1"),
        (["foo=1", "t" * 241 + "@" + "v" * 14 + "=1"], "foo=1," + "t" * 241 + "@" + "v" * 14 + "=1"),
        (["foo=" + "v" * 256], "foo=" + "v" * 256),
    ],
)
def test_a_valid_tracestate_is_passed_on(forward: Forward, lines: list[str], passed: str) -> None:
    """Every legal character and length passes in order, several lines as one list, white space and empties left out."""
    trace_id, _, _, state = forward(PARENT, *(("tracestate", line) for line in lines))
    assert (trace_id, state) == (TRACE, passed)


@pytest.mark.parametrize("name", ["TraceState", "TrAcEsTaTe", "TRACESTATE"])
def test_the_name_of_tracestate_has_no_case(forward: Forward, name: str) -> None:
    """The field is found however its name is written."""
    assert forward(PARENT, (name, "foo=1"))[3] == "foo=1"


@pytest.mark.parametrize(
    "lines",
    [
        [("trace-state", "foo=1")],
        [("trace.state", "foo=1")],
        *(
            [("tracestate", line) for line in state]
            for state in (
                ["foo=1,foo=1"],
                ["foo=1,foo=2"],
                ["foo=1", "foo=1"],
                ["foo=1", "foo=2"],
                ["foo =1"],
                ["FOO=1"],
                ["foo.bar=1"],
                ["foo@=1,bar=2"],
                ["@foo=1,bar=2"],
                ["foo@@bar=1,bar=2"],
                ["foo@bar@baz=1,bar=2"],
                [*TENS, "bar31=31,bar32=32,bar33=33"],
                ["foo=1", "z" * 257 + "=1"],
                ["foo=1", "t" * 242 + "@v=1"],
                ["foo=1", "t@" + "v" * 15 + "=1"],
                ["foo=bar=baz"],
                ["foo=,bar=3"],
                ["foo=" + "v" * 257],
                ["foo"],
                ["=1"],
            )
        ),
    ],
)
def test_an_invalid_tracestate_is_dropped_and_the_trace_goes_on(forward: Forward, lines: list[Line]) -> None:
    """A doubled key, a 33rd member, a malformed key or value: nothing of the list is passed on."""
    trace_id, _, _, state = forward(PARENT, *lines)
    assert (trace_id, state) == (TRACE, "")


def test_five_hundred_and_twelve_characters_are_passed_on_whole(forward: Forward) -> None:
    """At least 512 characters of combined tracestate are propagated (section 3.3.1.5)."""
    state = ",".join(f"k{one}=" + "v" * 99 for one in range(5))[:512]
    assert len(state) == 512
    assert forward(PARENT, ("tracestate", state))[3] == state


def test_each_call_out_is_a_span_of_its_own(forward: Forward) -> None:
    """Three calls of one trace share its id and no parent id; an illegal traceparent gives no zero id."""
    calls = [forward(("traceparent", f"00-{TRACE}-{SPAN}-01")) for _ in range(3)]
    assert {one[0] for one in calls} == {TRACE}
    assert len({one[1] for one in calls}) == 3
    fresh = [forward(("traceparent", f"00-{'0' * 32}-{SPAN}-01")) for _ in range(3)]
    assert len({one[1] for one in fresh}) == 3


def test_baggage_stays_inside(forward: Forward, model_server: ModelServer) -> None:
    """Baggage of a caller is not believed, and nobody outside gets any: not the caller's, not ours."""
    forward(("baggage", "user_id=root,tenant_id=other,secret=1"), ("baggage", "more=2;prop"))
    names = {name.lower() for name, _ in model_server.seen[-1].lines}
    assert "traceparent" in names
    assert "baggage" not in names
