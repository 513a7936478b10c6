"""The call context over a hop and back."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import Malformed
from autobot.kernel.links.baggage import LENGTH_MAX, format_baggage, parse_baggage
from autobot.kernel.links.propagation import Arrived, extract, inject

TRACE = TraceContext(trace_id="1" * 32, span_id="2" * 16, flags=3, state="congo=t61")
CONTEXT = CallContext(correlation_id="order-7:a", principal=SYSTEM, trace=TRACE)
NOW = 1_000.0


def read(headers: dict[bytes, bytes], *, trusted: bool = True) -> Arrived:
    """Extract with fixed surroundings."""
    return extract(
        headers, now=NOW, chance=random.Random(3), new_correlation_id=lambda: "made", trusted=trusted
    )


def carried(context: CallContext, now: float = NOW) -> dict[bytes, bytes]:
    """What the other side sees of an injected context."""
    return {
        name.encode(): value.encode()
        for name, value in inject(context, now=now, chance=random.Random(5)).items()
    }


def test_a_context_survives_a_hop() -> None:
    """Correlation id, trace, state, baggage, deadline and attempt arrive as they left."""
    sent = replace(
        CONTEXT, deadline=NOW + 2.5, attempt=2, baggage=(("user_id", "ann"), ("tenant_id", "x y/ü"))
    )
    arrived = read(carried(sent))
    assert arrived.correlation_id == "order-7:a"
    assert arrived.given
    assert (arrived.trace.trace_id, arrived.trace.flags, arrived.trace.state) == ("1" * 32, 3, "congo=t61")
    assert arrived.baggage == sent.baggage
    assert arrived.deadline == NOW + 2.5
    assert arrived.attempt == 2


def test_each_side_of_a_hop_is_a_span_of_its_own() -> None:
    """The hop's span is below the caller's, the callee's is below the hop's; none repeats."""
    fields = carried(CONTEXT)
    arrived = read(fields)
    hop = fields[b"traceparent"].split(b"-")[2].decode()
    assert arrived.parent_span_id == hop
    assert len({"2" * 16, hop, arrived.trace.span_id}) == 3


def test_two_hops_of_one_context_have_two_spans() -> None:
    """Each attempt is told apart by its parent id."""
    chance = random.Random(1)
    first, second = (inject(CONTEXT, now=NOW, chance=chance)["traceparent"] for _ in range(2))
    assert first != second
    assert first.split("-")[1] == second.split("-")[1]


def test_nothing_is_sent_that_is_not_there() -> None:
    """Without state, baggage, deadline and attempt only two fields travel."""
    bare = replace(CONTEXT, trace=replace(TRACE, state=""))
    assert set(carried(bare)) == {b"traceparent", b"x-correlation-id"}


def test_the_deadline_travels_as_what_is_left() -> None:
    """Milliseconds that are left are rounded down, and never below 0."""
    sent = replace(CONTEXT, deadline=NOW + 0.0999)
    assert carried(sent)[b"x-deadline-ms"] == b"99"
    assert carried(sent, now=NOW + 5)[b"x-deadline-ms"] == b"0"


@pytest.mark.parametrize(
    ("headers", "deadline"),
    [
        ({}, None),
        ({b"x-deadline-ms": b"1500"}, NOW + 1.5),
        ({b"x-deadline-ms": b"0"}, NOW),
        ({b"x-envoy-expected-rq-timeout-ms": b"250"}, NOW + 0.25),
        ({b"x-envoy-expected-rq-timeout-ms": b"0"}, None),
        ({b"x-deadline-ms": b"100", b"x-envoy-expected-rq-timeout-ms": b"9000"}, NOW + 0.1),
    ],
)
def test_deadlines_are_read(headers: dict[bytes, bytes], deadline: float | None) -> None:
    """Our own field wins over Envoy's, where 0 means that there is no limit."""
    assert read(headers).deadline == deadline


@pytest.mark.parametrize(
    "field", [b"", b"-1", b"1.5", b"1e3", b"soon", b"12345678901", b"1, 2", "１".encode()]
)
def test_a_deadline_that_is_no_number_is_refused(field: bytes) -> None:
    """A caller that sends nonsense hears so instead of waiting for ever."""
    with pytest.raises(Malformed):
        read({b"x-deadline-ms": field})


@pytest.mark.parametrize("field", [b"", b"a b", b"a\n", b"x" * 129, b"a/b", b"<script>", "ü".encode()])
def test_a_correlation_id_that_is_not_well_formed_is_replaced(field: bytes) -> None:
    """Such an id would go into logs and facts; a new one takes its place."""
    arrived = read({b"x-correlation-id": field})
    assert (arrived.correlation_id, arrived.given) == ("made", False)


def test_an_invalid_traceparent_takes_its_tracestate_along() -> None:
    """Without a valid parent the state of nobody's trace is not read."""
    arrived = read({b"traceparent": b"00-zz", b"tracestate": b"foo=1"})
    assert (arrived.trace.state, arrived.parent_span_id) == ("", "")
    assert arrived.trace.trace_id != "0" * 32


def test_an_invalid_tracestate_leaves_the_trace() -> None:
    """The trace goes on without the state."""
    fields = {**carried(CONTEXT), b"tracestate": b"foo=1,foo=2"}
    assert (read(fields).trace.trace_id, read(fields).trace.state) == ("1" * 32, "")


def test_a_stranger_is_not_believed_about_identity_and_attempts() -> None:
    """Baggage and attempts of a caller outside the installation are not read; its trace and deadline are."""
    fields = carried(replace(CONTEXT, attempt=3, deadline=NOW + 1, baggage=(("user_id", "root"),)))
    arrived = read(fields, trusted=False)
    assert (arrived.baggage, arrived.attempt) == ((), 0)
    assert (arrived.trace.trace_id, arrived.deadline) == ("1" * 32, NOW + 1)


@pytest.mark.parametrize(
    ("headers", "attempt"),
    [
        ({}, 0),
        ({b"x-attempt": b"2"}, 2),
        ({b"x-retry-scope": b"caller"}, 1),
        ({b"x-attempt": b"0", b"x-retry-scope": b"none"}, 0),
        ({b"x-attempt": b"9999"}, 99),
        ({b"x-attempt": b"-3"}, 0),
    ],
)
def test_a_caller_that_retries_is_heard(headers: dict[bytes, bytes], attempt: int) -> None:
    """The number of the attempt, or the word that the caller retries, keeps those below from retrying."""
    assert read(headers).attempt == attempt


# --------------------------------------------------------------------------------------------------- baggage


@pytest.mark.parametrize(
    ("field", "members"),
    [
        (b"user_id=ann", (("user_id", "ann"),)),
        (b"user_id \t = \t ann \t , \t tenant_id=t1 ", (("user_id", "ann"), ("tenant_id", "t1"))),
        (b"user_id=ann;secret;level=3 ; x = y", (("user_id", "ann"),)),
        (b"user_id=a=b=c", (("user_id", "a=b=c"),)),
        (b"user_id=", (("user_id", ""),)),
        (b"user_id=DF%2028%C3%BC", (("user_id", "DF 28ü"),)),
        (b"user_id=%ff%C3x", (("user_id", "\ufffd\ufffdx"),)),
        (b"user_id=100%", (("user_id", "100%"),)),
        (b"user_id=a,user_id=b", (("user_id", "a"),)),
        (b"other=1,user_id=ann", (("user_id", "ann"),)),
        (b"user_id=a b,tenant_id=t", (("tenant_id", "t"),)),
        (b'user_id="a",tenant_id=t', (("tenant_id", "t"),)),
        (b"user_id=a\\b", ()),
        (b"us er_id=1", ()),
        (b"USER_ID=1", ()),
        (b"=1,user_id", ()),
        (b"", ()),
        ("user_id=ü".encode(), ()),
    ],
)
def test_baggage_is_read(field: bytes, members: tuple[tuple[str, str], ...]) -> None:
    """Allowed keys are kept, values decoded, properties and malformed members left out, the first of two counts."""
    assert parse_baggage(field) == members


def test_baggage_has_limits() -> None:
    """Sixty-four members are read, and 8,192 bytes."""
    many = b",".join(b"k%d=1" % one for one in range(63))
    assert parse_baggage(many + b",user_id=in") == (("user_id", "in"),)
    assert parse_baggage(many + b",k=1,user_id=out") == ()
    long = b"k=" + b"v" * (LENGTH_MAX - 2 - len(b",user_id=in"))
    assert parse_baggage(long + b",user_id=in") == (("user_id", "in"),)
    assert parse_baggage(b"k=" + b"v" * LENGTH_MAX + b",user_id=out") == ()
    assert format_baggage([("user_id", "v" * LENGTH_MAX)]) == ""


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_survives_as_baggage(user: str, tenant: str) -> None:
    """Values are percent-encoded UTF-8 within the allowed octets."""
    encodable = [one.encode("utf-8", "ignore").decode() for one in (user, tenant)]
    members = (("user_id", encodable[0]), ("tenant_id", encodable[1]))
    field = format_baggage(members)
    assert field.isascii()
    assert parse_baggage(field.encode()) == members


@given(st.binary(max_size=120))
def test_no_bytes_make_the_baggage_reader_fail(field: bytes) -> None:
    """Whatever is sent, only allowed keys come out, each once."""
    keys = [key for key, _ in parse_baggage(field)]
    assert set(keys) <= {"user_id", "tenant_id"}
    assert len(keys) == len(set(keys))


def test_only_allowed_keys_leave() -> None:
    """What is not on the list never reaches another service."""
    assert format_baggage([("password", "x"), ("tenant_id", "a,b;c")]) == "tenant_id=a%2Cb%3Bc"
