"""Problem documents: one for every error, with nothing of the inside."""

import inspect
import re
from html import escape
from typing import Any

import pytest

from autobot.gateway.problem import failure_document, problem_of
from autobot.gateway.problems_catalogue import BY_CLASS, KINDS, kind_of
from autobot.kernel.core import errors
from autobot.kernel.core.failure import Failure
from tests.unit.gateway.edge import AUTHORIZED, edge

pytestmark = pytest.mark.anyio

TREE = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.AutoBotError)
]


def made(kind: type[errors.AutoBotError]) -> errors.AutoBotError:
    """One error of each class, with arguments that fit its signature."""
    values: dict[str, Any] = {
        "detail": "What happened.",
        "stream": "s-1",
        "expected": 1,
        "current": 2,
        "retry_after": 2.5,
        "part": "redis",
        "hint": "autobot add redis",
        "link": "backend-redis",
        "target": "127.0.0.1:6379",
        "since": 1.0,
        "phase": "gap",
        "status": 500,
    }
    wanted = inspect.signature(kind).parameters.values()
    given = {one.name: values[one.name] for one in wanted if one.default is inspect.Parameter.empty}
    return kind(**given)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_a_row(kind: type[errors.AutoBotError]) -> None:
    """Each class of the tree is mapped itself, not only by a class above it, and its slug is its code."""
    assert kind in BY_CLASS
    assert BY_CLASS[kind].slug == kind.code


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_becomes_a_document(kind: type[errors.AutoBotError]) -> None:
    """Each error has a status, what it says for people, and a Retry-After where waiting helps."""
    found = problem_of(made(kind))
    assert 400 <= found.status <= 599
    assert found.members["detail"]
    names = {name for name, _ in found.fields}
    if "retry_after" in found.members:
        assert b"retry-after" in names
        assert found.members["retry_after"] >= 1
    assert (b"www-authenticate" in names) == (found.status == 401)


def test_classes_below_the_tree_take_the_nearest_row() -> None:
    """An error class of a context is told as the class that it refines."""

    class Nearer(errors.Conflict):
        code = "nearer"

    assert kind_of(Nearer).slug == "conflict"


def test_refusals_for_now_always_say_when() -> None:
    """A 503 of our own pipeline carries Retry-After even where nobody knows the time."""
    found = problem_of(errors.BulkheadFull("Busy.", link="ai-ollama"))
    assert (b"retry-after", b"1") in found.fields


def test_titles_and_slugs_are_well_formed() -> None:
    """Slugs are words with dashes, titles are not empty, and each kind explains itself."""
    for slug, kind in KINDS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)
        assert kind.type == f"urn:autobot:problem:{slug}"
        assert all((kind.title, kind.meaning, kind.remedy))


def test_a_lost_race_is_412_under_if_match() -> None:
    """The same conflict is a failed precondition when the client asked for one."""
    error = errors.WrongExpectedVersion("s", 1, 2)
    assert problem_of(error).status == 409
    assert problem_of(error, conditional=True).status == 412


async def test_the_document_has_every_member() -> None:
    """Type, title, status, detail, instance, code and correlation id stand in each answer."""
    reply = await edge()("GET", "/api/v1/nothing", headers={**AUTHORIZED, "x-correlation-id": "order-7"})
    assert reply.status == 404
    assert reply["content-type"] == "application/problem+json"
    body = reply.json
    assert body["type"] == "urn:autobot:problem:not-found"
    assert body["status"] == 404
    assert body["code"] == "not-found"
    assert body["correlation_id"] == "order-7" == reply["x-correlation-id"]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", body["instance"])
    assert "error" not in body
    assert reply["cache-control"] == "no-store"


async def test_unexpected_errors_stay_inside() -> None:
    """What is not of the tree is answered by an opaque 500: no class, no text, no stack."""
    reply = await edge()("GET", "/api/v1/chat/fails/boom", headers=AUTHORIZED)
    assert reply.status == 500
    assert reply.json["code"] == "internal"
    for inside in (b"secret", b"Boom", b"Traceback", b".py"):
        assert inside not in reply.body


async def test_hints_and_parts_reach_the_person() -> None:
    """An absent part is named with the step that adds it."""
    reply = await edge()("GET", "/api/v1/chat/fails/absent", headers=AUTHORIZED)
    assert reply.status == 503
    assert reply.json["part"] == "redis"
    assert reply.json["hint"] == "autobot add redis"


async def test_validation_points_at_each_value() -> None:
    """Every broken rule of a body is listed with a JSON Pointer."""
    wrong = {"name": "too long", "parts": ["ok", "much too long"], "size": "x"}
    reply = await edge()("POST", "/api/v1/chat/things", headers=AUTHORIZED, json_body=wrong)
    assert reply.status == 422
    assert [one["pointer"] for one in reply.json["errors"]] == ["#/name", "#/parts/1", "#/size"]
    assert all(one["detail"] for one in reply.json["errors"])
    assert reply.json["detail"].startswith("name must have at most ")
    assert reply.json["detail"].endswith(" (2 more rules are broken).")


@pytest.mark.parametrize("size", [True, "3"])
async def test_another_kind_of_json_is_not_converted(size: object) -> None:
    """A boolean or a text where a number is due is a broken rule, told with all others."""
    wrong = {"name": "too long", "parts": [], "size": size}
    reply = await edge()("POST", "/api/v1/chat/things", headers=AUTHORIZED, json_body=wrong)
    assert reply.status == 422
    assert [one["pointer"] for one in reply.json["errors"]] == ["#/name", "#/size"]


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ([], "#", "must be an object"),
        ({"name": "a", "parts": "ok"}, "#/parts", "must be an array"),
    ],
)
async def test_broken_rules_are_told_in_the_words_of_json(body: object, pointer: str, detail: str) -> None:
    """A rule speaks of arrays and objects; no kind or class of this language is named."""
    reply = await edge()("POST", "/api/v1/chat/things", headers=AUTHORIZED, json_body=body)
    assert reply.json["errors"] == [{"detail": detail, "pointer": pointer}]


async def test_a_missing_member_is_pointed_at_where_it_should_be() -> None:
    """The pointer of a missing value names the place where it is missing."""
    reply = await edge()("POST", "/api/v1/chat/things", headers=AUTHORIZED, json_body={})
    assert [one["pointer"] for one in reply.json["errors"]] == ["#/name"]


async def test_query_parameters_are_named() -> None:
    """A broken query parameter is named in words, since it is not in the body."""
    reply = await edge()("GET", "/api/v1/chat/things", headers=AUTHORIZED, query="limit=0")
    assert reply.status == 422
    assert reply.json["errors"][0]["detail"].startswith("query parameter limit:")
    assert reply.json["detail"].startswith("The query parameter limit must be ")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nope",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b"\xff\xfe",
        b'{"name": "\xc3\x28"}',
        b"[" * 100_000,
        b'{"a": 1} x',
        b"\xef\xbb\xbf{}",
    ],
)
async def test_what_is_no_json_is_malformed(body: bytes) -> None:
    """Broken JSON, other encodings, NaN and bottomless nesting are 400, told as malformed."""
    headers = {**AUTHORIZED, "content-type": "application/json"}
    reply = await edge()("POST", "/api/v1/chat/things", headers=headers, body=body)
    assert reply.status == 400
    assert reply.json["code"] == "malformed"


async def test_the_dialect_gets_its_own_member_too() -> None:
    """Below /v1/ a problem also carries what clients of the OpenAI dialect read."""
    reply = await edge()("GET", "/v1/nothing", headers=AUTHORIZED)
    assert reply.json["type"] == "urn:autobot:problem:not-found"
    assert reply.json["error"] == {
        "message": reply.json["detail"],
        "type": "invalid_request_error",
        "param": None,
        "code": "not-found",
    }


def test_stored_failures_become_the_same_documents() -> None:
    """A failure that was stored as data is told like the error that it was."""
    failure = Failure(
        code="circuit-open", detail="Resting.", correlation_id="c-1", hint="Wait.", link="ai-ollama"
    )
    assert failure_document(failure) == {
        "type": "urn:autobot:problem:circuit-open",
        "title": KINDS["circuit-open"].title,
        "status": 503,
        "detail": "Resting.",
        "hint": "Wait.",
        "link": "ai-ollama",
        "code": "circuit-open",
        "correlation_id": "c-1",
    }


def test_unknown_failure_codes_are_internal() -> None:
    """A code that this version does not know is told as internal, with its own detail."""
    found = failure_document(Failure(code="from-the-future", detail="Hm.", correlation_id="c-1"))
    assert found["code"] == "internal"


async def test_each_type_has_a_page_and_data() -> None:
    """`/problems/<slug>` explains every type to people and to programs, without a credential."""
    client = edge()
    for slug, kind in KINDS.items():
        page = await client("GET", f"/problems/{slug}", headers={"accept": "text/html"})
        assert page.status == 200
        assert page["content-type"].startswith("text/html")
        assert escape(kind.title) in page.body.decode()
        data = await client("GET", f"/problems/{slug}")
        assert data.json["type"] == kind.type
    unknown = await client("GET", "/problems/nothing-of-that-name")
    assert unknown.status == 404
    listed = await client("GET", "/problems", headers={"accept": "text/html"})
    assert b"circuit-open" in listed.body
