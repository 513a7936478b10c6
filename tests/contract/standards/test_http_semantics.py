"""RFC 9110 at the running product: conditions, content codings, methods, media types; RFC 9457 on every refusal."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from tests.contract.standards.raw import Answer, Asker

LONG = "/openapi.json"
SESSIONS = "/api/v1/chat/sessions"


def problem(answer: Answer, status: int, code: str) -> Any:
    """Return the problem document that an answer must be: RFC 9457 section 3, types of members included."""
    assert answer.status == status, answer
    assert answer.fields["content-type"] == "application/problem+json"
    found = answer.json
    assert (found["status"], found["code"]) == (status, code)
    assert found["type"] == f"urn:autobot:problem:{code}"
    assert all(
        isinstance(found[name], str) for name in ("type", "title", "instance", "detail") if name in found
    )
    assert found["instance"].startswith("urn:uuid:")
    extensions = found.keys() - {"type", "title", "status", "detail", "instance"}
    assert all(
        len(name) >= 3 and name.replace("_", "a").isalnum() and name[0].isalpha() for name in extensions
    )
    return found


@pytest.fixture
def tag(ask: Asker) -> str:
    """The entity tag of a long document."""
    return ask("GET", LONG).fields["etag"]


# ------------------------------------------------------------------------------------------------ conditions


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "*",
        "W/{}",
        '"x", {}',
        '"x",,{}',
        ",{},",
        '"x"  ,\t{} ',
        '"with,comma",{}',
    ],
)
def test_none_match_of_a_read_is_304(ask: Asker, tag: str, method: str, form: str) -> None:
    """§13.1.2: a list in any spelling, weakly compared, or `*`; the answer has no body and keeps tag and Vary."""
    answer = ask(method, LONG, ("If-None-Match", form.format(tag)))
    assert (answer.status, answer.body) == (304, b"")
    assert answer.fields["etag"].removeprefix("W/") == tag
    assert answer.fields["vary"].lower() == "accept-encoding"
    assert "content-type" not in answer.fields


@pytest.mark.parametrize("form", ['"other"', "{bare}", '"x" {}', "w/{}", "{}x", ""])
def test_none_match_that_is_another_or_no_list_reads(ask: Asker, tag: str, form: str) -> None:
    """Another tag, or a field that is no list of tags, leaves the read as it is."""
    assert ask("GET", LONG, ("If-None-Match", form.format(tag, bare=tag.strip('"')))).status == 200


def test_two_lines_are_one_list(ask: Asker, tag: str) -> None:
    """Several lines of a list are joined (§5.3)."""
    assert ask("GET", LONG, ("If-None-Match", '"x"'), ("If-None-Match", tag)).status == 304


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("{}", 200),
        ("*", 200),
        ('"x", {}', 200),
        (",{},,", 200),
        ('"x"', 412),
        ("W/{}", 412),
        ("x", 400),
        (",", 400),
    ],
)
def test_match_of_a_read_is_held(ask: Asker, tag: str, method: str, form: str, status: int) -> None:
    """§13.1.1: strongly compared, so a weak tag never matches; what is no list is malformed."""
    assert ask(method, LONG, ("If-Match", form.format(tag))).status == status


def test_match_goes_before_none_match(ask: Asker, tag: str) -> None:
    """§13.2.2: a failed If-Match is 412 although If-None-Match alone would be 304."""
    lost = ask("GET", LONG, ("If-Match", '"x"'), ("If-None-Match", tag))
    problem(lost, 412, "precondition-failed")
    assert ask("GET", LONG, ("If-Match", tag), ("If-None-Match", tag)).status == 304


def test_writes_are_held_to_both_conditions(ask: Asker) -> None:
    """§13.1.1, §13.1.2: a write whose condition fails is 412 and changes nothing."""
    made = ask("POST", SESSIONS, body={"title": "first"}).json
    path = f"{SESSIONS}/{made['id']}"
    tag = ask("GET", path).fields["etag"]
    for name, value in (
        ("If-None-Match", "*"),
        ("If-None-Match", tag),
        ("If-None-Match", f'"x", W/{tag}'),
        ("If-Match", '"x"'),
        ("If-Match", f"W/{tag}"),
    ):
        problem(ask("PATCH", path, (name, value), body={"title": "lost"}), 412, "precondition-failed")
    problem(ask("PATCH", path, ("If-None-Match", "x"), body={"title": "lost"}), 400, "malformed")
    assert ask("GET", path).json["title"] == "first"
    both = (("If-Match", f'"x",, {tag}'), ("If-None-Match", '"other"'))
    assert ask("PATCH", path, *both, body={"title": "second"}).status == 200
    assert ask("GET", path).json["title"] == "second"
    gone = f"{SESSIONS}/00000000-0000-7000-8000-000000000000"
    problem(ask("PATCH", gone, ("If-Match", "*"), body={"title": "x"}), 412, "precondition-failed")


def test_dates_and_ranges_are_not_claimed(ask: Asker) -> None:
    """Without Last-Modified and Accept-Ranges, conditions on dates and ranges are passed over (§13.1.3, §14.2)."""
    past = "Sun, 06 Nov 1994 08:49:37 GMT"
    whole = ask(
        "GET", LONG, ("If-Modified-Since", past), ("If-Unmodified-Since", past), ("Range", "bytes=0-1")
    )
    assert whole.status == 200
    assert not whole.fields.keys() & {"last-modified", "accept-ranges", "content-range"}


# ------------------------------------------------------------------------------------------------- codings


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip,br,zstd", "zstd"),
        ("*", "zstd"),
        ("*;q=0.5, zstd;q=0", "br"),
        ("br;q=0, *", "zstd"),
        ("gzip;q=1, br;q=0.2, zstd;q=0.1", "gzip"),
        ("zstd;q=0.5, gzip;q=1.0", "gzip"),
        ("gzip ; Q=0.001", "gzip"),
        ("identity, br", "br"),
        ("identity;q=0, br;q=0.1", "br"),
        ("identity;q=0.5, *;q=0.1", None),
        ("identity;q=1, gzip;q=0.5", None),
        ("gzip;q=0", None),
        ("gzip;q=0.000", None),
        ("deflate, compress", None),
        ("gzip;q=1.001", None),
        ("gzip;q=x", None),
        ("identity", None),
        ("", None),
        ("*;q=0", None),
    ],
)
def test_the_coding_with_the_highest_weight_is_used(
    ask: Asker, tag: str, accepted: str, coding: str | None
) -> None:
    """§12.5.3: weights decide, among equals our order; an encoded form has a tag of its own, Vary stands on all."""
    answer = ask("GET", LONG, ("Accept-Encoding", accepted))
    assert answer.status == 200
    assert answer.fields.get("content-encoding") == coding
    assert answer.fields["vary"].lower() == "accept-encoding"
    assert answer.fields["etag"] == (tag if coding is None else f'{tag[:-1]}-{coding}"')
    if coding == "gzip":
        assert b'"openapi"' in gzip.decompress(answer.body)


def test_who_refuses_the_plain_form_gets_no_plain_form(ask: Asker) -> None:
    """Short answers are encoded too for a client that says `identity;q=0`; for others they are not worth it."""
    path = "/api/v1/auth/me"
    assert "content-encoding" not in ask("GET", path, ("Accept-Encoding", "gzip")).fields
    answer = ask("GET", path, ("Accept-Encoding", "gzip, identity;q=0"))
    assert answer.fields["content-encoding"] == "gzip"
    assert b'"admin"' in gzip.decompress(answer.body)


def test_the_web_clients_files_keep_to_the_weights(ask: Asker) -> None:
    """Files that lie packed are sent plain to who refuses gzip."""
    page = ask("GET", "/").body.decode()
    (script,) = set(re.findall(r"/assets/index-[^\"]+\.js", page))
    assert ask("GET", script, ("Accept-Encoding", "gzip")).fields["content-encoding"] == "gzip"
    for refused in ("gzip;q=0", "identity", "gzip;q=0.5, identity;q=0.8"):
        assert "content-encoding" not in ask("GET", script, ("Accept-Encoding", refused)).fields


# ------------------------------------------------------------------------------------------------- methods


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (SESSIONS, "GET, HEAD, OPTIONS, POST"),
        ("/v1/models", "GET, HEAD, OPTIONS"),
        ("/v1/chat/completions", "OPTIONS, POST"),
        ("/ws", "GET, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("*", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_and_405_name_the_methods(ask: Asker, path: str, allowed: str) -> None:
    """§9.3.7, §15.5.6: OPTIONS is answered everywhere, `*` included; another method is 405 with the same Allow."""
    told = ask("OPTIONS", path)
    assert (told.status, told.body, told.fields["allow"]) == (204, b"", allowed)
    if path != "*":
        refused = ask("PUT", path, body={})
        problem(refused, 405, "method-not-allowed")
        assert refused.fields["allow"] == allowed


@pytest.mark.parametrize("path", [LONG, "/api/v1/auth/me", "/v1/models", "/"])
def test_head_is_get_without_its_body(ask: Asker, path: str) -> None:
    """§9.3.2: the same fields that describe the representation, no body."""
    got, head = ask("GET", path), ask("HEAD", path)
    assert (head.status, head.body) == (got.status, b"")
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.fields.get(name) == got.fields.get(name), name
    assert head.fields["content-length"] == str(len(got.body))


# --------------------------------------------------------------------------------------------- media types


@pytest.mark.parametrize(
    ("declared", "status"),
    [
        ("application/json", 201),
        ("Application/JSON", 201),
        ('application/json;charset="UTF-8"', 201),
        ("application/json ; charset=utf-8; profile=x", 201),
        ("application/vnd.autobot+json", 201),
        ("application/json; charset=latin1", 415),
        ("text/plain", 415),
        ("text/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
def test_bodies_are_json_by_their_declaration(ask: Asker, declared: str, status: int) -> None:
    """§15.5.16: another type is 415, and the answer says what is accepted."""
    answer = ask("POST", SESSIONS, ("Content-Type", declared), body={})
    assert answer.status == status
    if status == 415:
        problem(answer, 415, "unsupported-media-type")
        assert answer.fields["accept"] == "application/json"


def test_encoded_bodies_are_refused_by_name(ask: Asker) -> None:
    """§8.4.1, §15.5.16: a content coding of a request is 415 with Accept-Encoding."""
    refused = ask("POST", SESSIONS, ("Content-Encoding", "gzip"), body=gzip.compress(b"{}"))
    problem(refused, 415, "unsupported-media-type")
    assert refused.fields["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json", "application/problem+json", "image/png", "*/*", ""]
)
def test_a_problem_is_a_problem_whatever_is_accepted(ask: Asker, accept: str) -> None:
    """§12.4.1, RFC 9457: for errors Accept is passed over; nobody gets a 406 in place of what went wrong."""
    problem(ask("GET", "/api/v1/nothing", ("Accept", accept)), 404, "not-found")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("text/html", "text/html"),
        ("application/json", "application/json"),
        ("application/json, text/html;q=0.5", "application/json"),
        ("text/html;q=0, application/json", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
    ],
)
def test_a_problems_page_is_what_the_client_prefers(ask: Asker, accept: str, kind: str) -> None:
    """RFC 9457 §4: the type's documentation, as a page for people and as data for programs."""
    answer = ask("GET", "/problems/not-found", ("Accept", accept))
    assert answer.status == 200
    assert answer.fields["content-type"].startswith(kind)


# --------------------------------------------------------------------------------- keys and limits of drafts


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', 201),
        ('  "padded-by-spaces" ', 201),
        ('"with-a-parameter";draft=7', 201),
        ("f47ac10b-58cc-4372-a567-0e02b2c3d479", 201),
        ('"' + "x" * 255 + '"', 201),
        ('""', 400),
        ('"' + "x" * 256 + '"', 400),
        ('"open', 400),
        ('"two" "keys"', 400),
        ('"a", "b"', 400),
        ("a, b", 400),
        ("?1", 400),
        (":YWJj:", 400),
        ('%"display"', 400),
        ("@1659578233", 400),
        ('("inner")', 400),
        ("token;p=1", 400),
        ('"é"', 400),
        ("", 400),
    ],
)
def test_an_idempotency_key_is_a_string_item(ask: Asker, field: str, status: int) -> None:
    """draft-ietf-httpapi-idempotency-key-header-07 §2.1: a String of RFC 9651; items of other types are refused."""
    answer = ask("POST", SESSIONS, ("Idempotency-Key", field), body={"title": "once"})
    assert answer.status == status
    if status == 400:
        problem(answer, 400, "malformed")


def test_an_idempotency_key_replays_and_refuses_another_payload(ask: Asker) -> None:
    """Draft §2.6, §2.7: the first answer again, 422 for another payload, 400 for two keys; bare is the same key."""
    key = ("Idempotency-Key", '"standards-replay"')
    first = ask("POST", SESSIONS, key, body={"title": "once", "model": None})
    again = ask("POST", SESSIONS, key, body=b'{"model": null, "title": "once"}')
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.fields["idempotent-replayed"] == "true"
    bare = ask(
        "POST", SESSIONS, ("Idempotency-Key", "standards-replay"), body={"title": "once", "model": None}
    )
    assert bare.json == first.json
    problem(ask("POST", SESSIONS, key, body={"title": "other"}), 422, "idempotency-mismatch")
    problem(ask("POST", SESSIONS, key, ("Idempotency-Key", '"second"'), body={}), 400, "malformed")


def test_quotas_are_told_as_structured_lists(ask: Asker) -> None:
    """draft-ietf-httpapi-ratelimit-headers-10: Lists of String items, with q and w, r and t as whole numbers."""
    from autobot.gateway.structured_fields import Item, parse_list

    for path, name, quota in (
        ("/api/v1/auth/me", "default", 6_000),
        ("/api/v1/actions/types", "actions", 100),
    ):
        fields = ask("GET", path).fields
        (policy,) = parse_list(fields["ratelimit-policy"])
        (state,) = parse_list(fields["ratelimit"])
        assert isinstance(policy, Item)
        assert isinstance(state, Item)
        assert (policy.value, state.value) == (name, name)
        assert type(policy.value) is str
        assert dict(policy.params) == {"q": quota, "w": 60}
        assert set(state.params) == {"r", "t"}
        assert 0 <= state.params["r"] < quota  # type: ignore[operator]
        assert 0 <= state.params["t"] <= 60  # type: ignore[operator]
        assert not any(one.startswith("ratelimit-") and one != "ratelimit-policy" for one in fields)
