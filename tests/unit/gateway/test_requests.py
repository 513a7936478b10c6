"""What a request may say about itself: ids, trace, deadline, idempotency key, preferences, body."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.types import Message

from autobot.gateway.middleware.body import is_json
from autobot.gateway.middleware.idempotency import idempotency_key, preferred_wait
from autobot.gateway.multipart import boundary_of
from autobot.gateway.problem import Refused
from autobot.gateway.routing import check_query
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.errors import ConfigurationError, InvalidInput, Malformed
from autobot.testing.virtual_time import run
from tests.unit.gateway.edge import AUTHORIZED, edge

pytestmark = pytest.mark.anyio

WRITE = ("POST", "/api/v1/chat/things")
JSON = {**AUTHORIZED, "content-type": "application/json"}


# ----------------------------------------------------------------------------------------- ids and trace


@pytest.mark.parametrize("given", ["order-7", "a", "A.b_c:d-9", "x" * 128])
async def test_a_good_correlation_id_is_taken_and_echoed(given: str) -> None:
    """The caller's correlation id travels with the call and comes back on the answer."""
    reply = await edge()("GET", "/api/v1/chat/things", headers={**AUTHORIZED, "x-correlation-id": given})
    assert reply["x-correlation-id"] == given
    assert reply.json["correlation"] == given


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 129, "ü", "<script>", "a\tb", "a, b"])
async def test_a_bad_correlation_id_is_replaced(given: str) -> None:
    """What could forge a log line is not taken; the answer carries a new id instead."""
    reply = await edge()("GET", "/api/v1/chat/things", headers={**AUTHORIZED, "x-correlation-id": given})
    assert reply.status == 200
    assert reply["x-correlation-id"] != given
    assert len(reply["x-correlation-id"]) == 36


async def trace(headers: list[tuple[str, str]]) -> dict[str, Any]:
    """The trace that a route sees."""
    reply = await edge()("GET", "/api/v1/chat/trace", headers=[*AUTHORIZED.items(), *headers])
    found: dict[str, Any] = reply.json
    return found


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_trace_goes_on() -> None:
    """The caller's trace id and state go on under a new span id."""
    found = await trace([("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")])
    assert found["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert found["span_id"] != "b7ad6b7169203331"
    assert found["flags"] == 1
    assert found["state"] == "a=1,b=2"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("traceparent", PARENT), ("traceparent", PARENT)],
        [("traceparent", PARENT.upper())],
        [("traceparent", "ff" + PARENT[2:])],
        [("traceparent", PARENT + "-x")],
        [("traceparent", "00-" + "0" * 32 + "-b7ad6b7169203331-01")],
    ],
)
async def test_a_bad_traceparent_begins_a_new_trace(headers: list[tuple[str, str]]) -> None:
    """An absent, doubled or invalid traceparent, and its tracestate, are not gone on with."""
    found = await trace([*headers, ("tracestate", "a=1")])
    assert found["trace_id"] != "0af7651916cd43dd8448eb211c80319c"
    assert len(found["trace_id"]) == 32
    assert found["state"] == ""


async def test_context_from_outside_is_not_believed() -> None:
    """Baggage and attempts of a caller are dropped: baggage names the principal that was proven."""
    found = await trace([("baggage", "user_id=admin"), ("x-attempt", "7"), ("x-tenant", "other")])
    assert found["baggage"] == [["user_id", "alice"], ["tenant_id", "default"]]
    assert found["attempt"] == 0


# ---------------------------------------------------------------------------------------------- deadline


@pytest.mark.parametrize("given", ["-1", "1.5", "soon", "", "1e3", "12345678901", "5, 5"])
async def test_a_deadline_that_is_no_number_is_400(given: str) -> None:
    """X-Deadline-Ms is a whole number of milliseconds."""
    reply = await edge()("GET", "/api/v1/chat/mine", headers={**AUTHORIZED, "x-deadline-ms": given})
    assert reply.status == 400


async def test_time_that_is_spent_on_arrival_is_504_without_work() -> None:
    """A caller who waits no longer gets no work done."""
    reply = await edge()(*WRITE, headers={**JSON, "x-deadline-ms": "0"}, body=b'{"name": "x"}')
    assert reply.status == 504
    assert reply.json["code"] == "deadline-exceeded"


def test_a_deadline_ends_work_that_takes_longer() -> None:
    """A route that would wait for ever is ended when the caller's time is spent."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        reply = await edge()("GET", "/api/v1/chat/slow", headers={**AUTHORIZED, "x-deadline-ms": "1500"})
        assert reply.status == 504
        assert loop.time() - began == pytest.approx(1.5)

    run(main())


# ------------------------------------------------------------------------------------------- idempotency


@pytest.mark.parametrize(
    ("field", "key"),
    [
        (b'"8e03978e-40d5"', "8e03978e-40d5"),
        (b"8e03978e-40d5", "8e03978e-40d5"),
        (b'"a\\"b\\\\c"', 'a"b\\c'),
        (b'  "padded"  ', "padded"),
        (b'"k";ignored=1', "k"),
        (b'"!~"', "!~"),
        (b'"' + b"x" * 255 + b'"', "x" * 255),
        (b"token/with:all*sorts", "token/with:all*sorts"),
    ],
)
def test_idempotency_keys(field: bytes, key: str) -> None:
    """The key is a String item; a bare token is borne; parameters are ignored."""
    assert idempotency_key(field) == key


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b'""',
        b'"with space"',
        b'"open',
        b'"a", "b"',
        b"a, b",
        b"a,b",
        b"\xff",
        b'"\xc3\xbc"',
        b'"' + b"x" * 256 + b'"',
        b"x" * 256,
        b'"a" x',
        b"a b",
        b"?1",
        b":YWJj:",
        b'%"display"',
        b"@1659578233",
        b"(inner)",
        b"token;p=1",
        b'a"b',
        b"a\\b",
    ],
)
def test_what_is_no_key_is_malformed(field: bytes) -> None:
    """Empty, too long, doubled or invisible keys are refused."""
    with pytest.raises(Malformed):
        idempotency_key(field)


async def test_the_key_reaches_the_route_and_a_replay_is_told() -> None:
    """A write sees its key; an answer given again says so; a read ignores the field."""
    client = edge()
    first = await client(
        *WRITE, headers={**AUTHORIZED, "idempotency-key": '"first"'}, json_body={"name": "x"}
    )
    assert first.json["key"] == "first"
    assert "idempotent-replayed" not in first
    again = await client(*WRITE, headers={**AUTHORIZED, "idempotency-key": "again"}, json_body={"name": "x"})
    assert again["idempotent-replayed"] == "true"
    bad = await client(*WRITE, headers={**AUTHORIZED, "idempotency-key": '""'}, json_body={"name": "x"})
    assert bad.status == 400
    read = await client("GET", "/api/v1/chat/things", headers={**AUTHORIZED, "idempotency-key": '""'})
    assert read.status == 200


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        (b"wait=5", 5),
        (b"respond-async, wait=10", 10),
        (b'wait="7"; x=1', 7),
        (b"Wait = 3", 3),
        (b"wait=9999", 300),
        (b"wait=0", 0),
        (b"wait", None),
        (b"wait=-1", None),
        (b"wait=x", None),
        (b"waiting=5", None),
        (b"return=minimal", None),
    ],
)
def test_preferred_wait(field: bytes, seconds: float | None) -> None:
    """`Prefer: wait=N` is read as RFC 7240 has it, capped, and ignored when malformed."""
    assert preferred_wait(field, 300) == seconds


# -------------------------------------------------------------------------------------------------- body


@pytest.mark.parametrize(
    "declared",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/ld+json",
    ],
)
async def test_json_is_accepted(declared: str) -> None:
    """JSON and its family are read, in the charset that JSON has."""
    assert is_json(declared.encode())
    reply = await edge()(*WRITE, headers={**AUTHORIZED, "content-type": declared}, body=b'{"name": "x"}')
    assert reply.status == 201


@pytest.mark.parametrize(
    "declared",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-16",
        "text/json",
        "json",
    ],
)
async def test_another_content_type_is_415(declared: str) -> None:
    """A body of another declared type, or none, is not guessed at."""
    reply = await edge()(*WRITE, headers={**AUTHORIZED, "content-type": declared}, body=b'{"name": "x"}')
    assert reply.status == 415
    assert reply["accept"] == "application/json"


async def test_every_type_that_is_taken_is_told() -> None:
    """Where files come in forms, the refusal names forms beside JSON."""
    headers = {**AUTHORIZED, "content-type": "application/pdf"}
    reply = await edge()("POST", "/api/v1/knowledge_base/documents", headers=headers, body=b"%PDF-1.7")
    assert reply.status == 415
    assert reply["accept"] == "application/json, multipart/form-data"
    assert "application/json or multipart/form-data" in reply.json["detail"]


@pytest.mark.parametrize("declared", ["", "application/json", "multipart/mixed; boundary=a"])
def test_what_is_no_form_is_415_where_forms_alone_are_taken(declared: str) -> None:
    """It is told so, and asked for no boundary."""
    with pytest.raises(Refused) as refused:
        boundary_of(declared)
    assert refused.value.kind.status == 415
    assert refused.value.fields == {"Accept": "multipart/form-data"}
    with pytest.raises(Malformed):
        boundary_of("multipart/form-data")


async def test_an_encoded_body_is_415() -> None:
    """A compressed body could unpack to anything, so it is refused."""
    reply = await edge()(*WRITE, headers={**JSON, "content-encoding": "gzip"}, body=b"\x1f\x8b")
    assert reply.status == 415


@pytest.mark.parametrize(
    ("query", "said"), [("limits=2", "'limits'"), ("limit=1&limit=2", "more than once"), ("x", "'x'")]
)
def test_a_query_that_is_not_understood_is_refused(query: str, said: str) -> None:
    """A parameter that the address does not know, and one that is given twice, is named, not passed over."""
    check_query(parse_qsl("limit=2&cursor=x"), frozenset({"limit", "cursor"}))
    with pytest.raises(InvalidInput, match=said):
        check_query(parse_qsl(query, keep_blank_values=True), frozenset({"limit", "cursor"}))


LIMITS = EdgeLimits(
    body_bytes=1024, body_gap_s=2, body_total_s=5, body_bytes_by_prefix=(("/api/v1/chat/seen", 4096),)
)


async def test_a_declared_length_over_the_limit_is_413_unread() -> None:
    """A body that says that it is too long is refused before a byte of it is read."""

    async def unread() -> AsyncIterator[Message]:
        raise AssertionError("the body was read")
        yield {}

    headers = {**JSON, "content-length": "1025"}
    reply = await edge(limits=LIMITS)(*WRITE, headers=headers, receive=unread())
    assert reply.status == 413


async def test_a_chunked_body_is_counted() -> None:
    """A body without a declared length is cut off at the same limit."""
    headers = {**JSON, "transfer-encoding": "chunked"}
    reply = await edge(limits=LIMITS)(*WRITE, headers=headers, body=[b" " * 600, b" " * 600, b"{}"])
    assert reply.status == 413
    assert "1024" in reply.json["detail"]


async def test_a_body_within_the_limit_may_come_in_pieces() -> None:
    """Pieces are put together."""
    headers = {**JSON, "transfer-encoding": "chunked"}
    reply = await edge(limits=LIMITS)(*WRITE, headers=headers, body=[b'{"na', b'me": "x', b'"}'])
    assert reply.status == 201


async def test_a_member_that_no_body_has_is_422() -> None:
    """A misspelt filter is told of, with its place, and nothing is done without it."""
    reply = await edge()(*WRITE, headers=AUTHORIZED, json_body={"name": "x", "naem": "y"})
    assert (reply.status, reply.json["code"]) == (422, "validation")
    assert reply.json["errors"] == [{"detail": "is no member of this body", "pointer": "#/naem"}]
    assert reply.json["hint"].startswith("Did you mean name?")


async def test_a_body_in_another_encoding_is_400() -> None:
    """The byte that is no UTF-8 is named."""
    reply = await edge()(*WRITE, headers=JSON, body='{"name": "ä"}'.encode("latin-1"))
    assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert "byte 10 (0xE4)" in reply.json["detail"]


@pytest.mark.parametrize("length", ["x", "-5", "5, 5"])
async def test_a_length_that_is_none_is_400(length: str) -> None:
    """Lengths that contradict one another or are no number are malformed."""
    reply = await edge()(*WRITE, headers={**JSON, "content-length": length}, body=[b"{}"])
    assert reply.status == 400


def test_a_body_that_stops_arriving_is_408() -> None:
    """A client that stops in the middle of its body is told so after the gap, not after for ever."""

    async def stalled() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b'{"na', "more_body": True}
        await asyncio.Event().wait()

    async def main() -> None:
        began = asyncio.get_running_loop().time()
        reply = await edge(limits=LIMITS)(*WRITE, headers={**JSON, "content-length": "20"}, receive=stalled())
        assert reply.status == 408
        assert asyncio.get_running_loop().time() - began == pytest.approx(2)

    run(main())


def test_a_body_that_drips_is_408() -> None:
    """A client that sends a byte now and then cannot hold a request open beyond the whole time."""

    async def dripping() -> AsyncIterator[Message]:
        while True:
            await asyncio.sleep(1.5)
            yield {"type": "http.request", "body": b" ", "more_body": True}

    async def main() -> None:
        began = asyncio.get_running_loop().time()
        reply = await edge(limits=LIMITS)(
            *WRITE, headers={**JSON, "content-length": "900"}, receive=dripping()
        )
        assert reply.status == 408
        assert asyncio.get_running_loop().time() - began == pytest.approx(5)

    run(main())


@pytest.mark.parametrize(
    "wrong", [{"body_bytes": 1}, {"body_total_s": 1.0}, {"queue_frames": 0}, {"reproof_s": 0}]
)
def test_limits_are_checked_when_built(wrong: dict[str, Any]) -> None:
    """A limit outside its range stops the start."""
    with pytest.raises(ConfigurationError):
        EdgeLimits(**wrong)
