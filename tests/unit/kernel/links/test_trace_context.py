"""W3C Trace Context level 2, rule by rule."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.links.trace_context import (
    RANDOM,
    SAMPLED,
    STATE_LENGTH_MAX,
    child_of,
    new_span_id,
    new_trace,
    parse_traceparent,
    parse_tracestate,
)
from autobot.testing.virtual_time import FixedChance

TRACE = b"0af7651916cd43dd8448eb211c80319c"
SPAN = b"b7ad6b7169203331"
VALID = b"00-" + TRACE + b"-" + SPAN + b"-01"


def test_a_valid_traceparent_is_read() -> None:
    """Trace id, parent id and flags come out as they were sent."""
    trace = parse_traceparent(VALID)
    assert trace is not None
    assert (trace.trace_id, trace.span_id, trace.flags) == (TRACE.decode(), SPAN.decode(), SAMPLED)
    assert trace.traceparent.encode() == VALID


@pytest.mark.parametrize("field", [b" " + VALID, VALID + b"\t", b"\t " + VALID + b" \t"])
def test_white_space_around_a_traceparent_is_ignored(field: bytes) -> None:
    """Optional white space around the field does not make it invalid."""
    assert parse_traceparent(field) is not None


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"00",
        VALID.upper(),
        VALID[:-1],
        VALID + b"1",
        VALID + b".",
        VALID + b"-what-the-future-brings",
        VALID + b", " + VALID,
        VALID.replace(b"-", b"_"),
        b"ff" + VALID[2:],
        b"0" + VALID[2:],
        b"000" + VALID[2:],
        b".0" + VALID[2:],
        b"0." + VALID[2:],
        b"00-" + b"0" * 32 + b"-" + SPAN + b"-01",
        b"00-" + TRACE + b"-" + b"0" * 16 + b"-01",
        b"00-" + b"." + TRACE[1:] + b"-" + SPAN + b"-01",
        b"00-" + TRACE[1:] + b"-" + SPAN + b"-01",
        b"00-" + TRACE + b"1-" + SPAN + b"-01",
        b"00-" + TRACE + b"-." + SPAN[1:] + b"-01",
        b"00-" + TRACE + b"-" + SPAN + b"1-01",
        b"00-" + TRACE + b"-" + SPAN + b"-.0",
        b"00-" + TRACE + b"-" + SPAN + b"-0.",
        b"00-" + TRACE + b"-" + SPAN + b"-001",
        b"00-" + TRACE + b"-" + SPAN + b"-1",
        b"cc-" + TRACE + b"-" + SPAN + b"-01.what",
        b"cc-" + TRACE + b"-" + SPAN + b"-0",
        b"cc-" + TRACE + b"-" + SPAN + b"-01, cc-" + TRACE,
        VALID + b"\n",
        "００".encode() + VALID[2:],
    ],
)
def test_an_invalid_traceparent_begins_a_new_trace(field: bytes) -> None:
    """Any deviation from the grammar, a forbidden version and an all-zero id are refused."""
    assert parse_traceparent(field) is None


@pytest.mark.parametrize("rest", [b"", b"-", b"-what-the-future-brings"])
def test_a_future_version_is_read_as_far_as_it_is_known(rest: bytes) -> None:
    """Of a later version the known fields count, what follows a dash is ignored, and version 00 goes on."""
    trace = parse_traceparent(b"cc" + VALID[2:] + rest)
    assert trace is not None
    assert trace.traceparent.encode() == VALID


@pytest.mark.parametrize(
    ("sent", "kept"), [(b"00", 0), (b"02", RANDOM), (b"03", 3), (b"ff", 3), (b"fc", 0), (b"09", 1)]
)
def test_unknown_flags_are_sent_as_zero(sent: bytes, kept: int) -> None:
    """The sampled and the random flag pass; flags that version 00 does not define become zero."""
    trace = parse_traceparent(VALID[:-2] + sent)
    assert trace is not None
    assert trace.flags == kept


@given(st.binary(max_size=80))
def test_no_bytes_make_the_traceparent_reader_fail(field: bytes) -> None:
    """Whatever is sent is either a trace that is written back in the same form, or none."""
    trace = parse_traceparent(field)
    assert trace is None or parse_traceparent(trace.traceparent.encode()) == trace


# ------------------------------------------------------------------------------------------------ tracestate

PRINTABLE = "".join(chr(one) for one in range(0x20, 0x7F) if chr(one) not in ",=")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"foo=1", "foo=1"),
        (b"foo=1,bar=2", "foo=1,bar=2"),
        (b"foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3"),
        (b"\t foo=1 \t", "foo=1"),
        (b"foo=1,,bar=2,", "foo=1,bar=2"),
        (b", foo=1", "foo=1"),
        (b"", ""),
        (b" ,\t, ", ""),
        (b"0foo=1", "0foo=1"),
        (b"foo= 1", "foo= 1"),
        (b"t@v=1", "t@v=1"),
        (b"z" * 256 + b"=1", "z" * 256 + "=1"),
        (b"t" * 241 + b"@" + b"v" * 14 + b"=1", "t" * 241 + "@" + "v" * 14 + "=1"),
        (b"foo=" + b"v" * 256, "foo=" + "v" * 256),
        (b"foo=" + PRINTABLE.encode() + b"!", "foo=" + PRINTABLE + "!"),
        (b"abcdefghijklmnopqrstuvwxyz0123456789_-*/@a-z0-9_-*/=1",) * 2,
    ],
)
def test_a_valid_tracestate_passes(sent: bytes, kept: str | bytes) -> None:
    """Members keep their order; empty members and white space around members go."""
    assert parse_tracestate(sent) == (kept if isinstance(kept, str) else kept.decode())


@pytest.mark.parametrize(
    "field",
    [
        b"foo",
        b"foo=",
        b"=1",
        b"foo =1",
        b"FOO=1",
        b"foo.bar=1",
        b"_foo=1",
        b"@foo=1,bar=2",
        b"foo@=1,bar=2",
        b"foo@@bar=1,bar=2",
        b"foo@bar@baz=1,bar=2",
        b"foo@1bar=1",
        b"foo=bar=baz",
        b"foo=,bar=3",
        b"foo=1,foo=1",
        b"foo=1,bar=2,foo=2",
        b"z" * 257 + b"=1",
        b"foo=1," + b"t" * 242 + b"@v=1",
        b"foo=1,t@" + b"v" * 15 + b"=1",
        b"foo=" + b"v" * 257,
        b"foo=\x7f",
        b"foo=\x01",
        "foo=ü".encode(),
        ",".join(f"bar{one:02}={one}" for one in range(33)).encode(),
    ],
)
def test_one_broken_rule_drops_the_whole_tracestate(field: bytes) -> None:
    """A malformed member, a key given twice, or a 33rd member makes the list invalid as a whole."""
    assert parse_tracestate(field) == ""


def test_thirty_two_members_pass() -> None:
    """A list of 32 members is the longest valid one; empty members do not count."""
    members = ",".join(f"bar{one:02}={one}" for one in range(32))
    assert parse_tracestate(members.encode()) == members
    assert parse_tracestate(members.replace(",", ",,").encode()) == members


def test_a_long_tracestate_loses_its_long_members_first() -> None:
    """Over 2,048 characters, members of more than 128 characters leave from the right until it fits."""
    long_ones = [f"long{one}=" + "v" * 250 for one in range(8)]
    field = ",".join(["first=1", *long_ones, "last=2"])
    kept = parse_tracestate(field.encode())
    assert kept == ",".join(["first=1", *long_ones[:7], "last=2"])
    assert len(kept) <= STATE_LENGTH_MAX < len(field)


def test_a_long_tracestate_of_short_members_loses_its_end() -> None:
    """When no member is long, the members furthest from the newest leave."""
    members = [f"m{one:02}=" + "v" * 96 for one in range(32)]
    kept = parse_tracestate(",".join(members).encode()).split(",")
    assert kept == members[: len(kept)]
    assert STATE_LENGTH_MAX - 101 < len(",".join(kept)) <= STATE_LENGTH_MAX


@given(st.binary(max_size=200))
def test_a_tracestate_that_passed_passes_again(field: bytes) -> None:
    """What is sent on is itself valid and unchanged by a second reading."""
    kept = parse_tracestate(field)
    assert parse_tracestate(kept.encode()) == kept


# ------------------------------------------------------------------------------------------------- new ids


def test_a_new_trace_says_that_its_id_is_random() -> None:
    """The random flag is set, and the sampled flag as asked."""
    trace = new_trace(random.Random(1))
    assert trace.flags == SAMPLED | RANDOM
    assert new_trace(random.Random(1), sampled=False).flags == RANDOM
    assert parse_traceparent(trace.traceparent.encode()) == trace


def test_no_id_is_ever_all_zero() -> None:
    """Chance that draws zero yields a valid id all the same."""
    zero = FixedChance(0.0)
    assert new_span_id(zero) == "0" * 15 + "1"
    assert parse_traceparent(new_trace(zero).traceparent.encode()) is not None


def test_a_child_is_the_same_trace_with_another_span() -> None:
    """Trace id, flags and state stay, the span id is new."""
    chance = random.Random(2)
    parent = new_trace(chance)
    child = child_of(parent, chance)
    assert (child.trace_id, child.flags, child.state) == (parent.trace_id, parent.flags, parent.state)
    assert child.span_id != parent.span_id
