"""The schema check passes what only adds and names what breaks a client."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tools.check_openapi import breaking_changes, decided, undecided

Json = dict[str, Any]

BASE: Json = {
    "openapi": "3.1.0",
    "paths": {
        "/notes": {
            "parameters": [{"in": "header", "name": "X-Tenant", "schema": {"type": "string"}}],
            "get": {
                "parameters": [
                    {
                        "in": "query",
                        "name": "limit",
                        "schema": {"type": "integer", "minimum": 1, "maximum": 200},
                    },
                    {"in": "query", "name": "sort", "schema": {"type": "string", "enum": ["new", "old"]}},
                ],
                "responses": {
                    "200": {
                        "headers": {"ETag": {"schema": {"type": "string"}}},
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Note"}}
                            }
                        },
                    },
                    "404": {"$ref": "#/components/responses/Problem"},
                },
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewNote"}}},
                },
                "responses": {
                    "201": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}
                    }
                },
            },
        }
    },
    "components": {
        "responses": {"Problem": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}},
        "schemas": {
            "NewNote": {
                "type": "object",
                "required": ["text"],
                "properties": {
                    "text": {"type": "string", "minLength": 1, "maxLength": 100},
                    "colour": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "count": {"type": "number"},
                },
            },
            "Note": {
                "type": "object",
                "required": ["id", "text"],
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "text": {"type": "string"},
                    "state": {"type": "string", "enum": ["open", "done"]},
                    "parent": {"anyOf": [{"$ref": "#/components/schemas/Note"}, {"type": "null"}]},
                },
            },
        },
    },
}


def at(document: Json, *way: str | int) -> Any:
    """The node at the end of a way through the document."""
    node: Any = document
    for step in way:
        node = node[step]
    return node


def changed(change: Callable[[Json], object]) -> list[str]:
    """What the check says of BASE after a change."""
    document = copy.deepcopy(BASE)
    change(document)
    assert document != BASE
    return breaking_changes(BASE, document)


GET = ("paths", "/notes", "get")
NOTE = ("components", "schemas", "Note")
NEW = ("components", "schemas", "NewNote")

BREAKS: dict[str, tuple[Callable[[Json], object], str]] = {
    "path removed": (lambda d: d["paths"].clear(), "/notes: the path was removed"),
    "operation removed": (
        lambda d: at(d, "paths", "/notes").pop("post"),
        "POST /notes: the operation was removed",
    ),
    "parameter removed": (lambda d: at(d, *GET, "parameters").pop(), "parameter sort was removed"),
    "shared parameter removed": (
        lambda d: at(d, "paths", "/notes").pop("parameters"),
        "parameter X-Tenant was removed",
    ),
    "parameter required": (
        lambda d: at(d, *GET, "parameters", 0).update(required=True),
        "limit is required now",
    ),
    "required parameter added": (
        lambda d: at(d, *GET, "parameters").append({"in": "query", "name": "of", "required": True}),
        "a required query parameter of was added",
    ),
    "limit lowered": (
        lambda d: at(d, *GET, "parameters", 0, "schema").update(maximum=100),
        "maximum fell to 100",
    ),
    "limit raised": (lambda d: at(d, *GET, "parameters", 0, "schema").update(minimum=2), "minimum rose to 2"),
    "value refused": (
        lambda d: at(d, *GET, "parameters", 1, "schema", "enum").remove("old"),
        'the value "old" is no longer accepted',
    ),
    "request type narrowed": (
        lambda d: at(d, *NEW, "properties", "count").update(type="integer"),
        "the type changed from number to integer",
    ),
    "request variant removed": (
        lambda d: at(d, *NEW, "properties", "colour", "anyOf").pop(),
        "variant 2 is no longer accepted",
    ),
    "request member required": (
        lambda d: at(d, *NEW, "required").append("colour"),
        "the member colour is required now",
    ),
    "request member removed": (
        lambda d: at(d, *NEW, "properties").pop("count"),
        "the member count was removed",
    ),
    "request pattern added": (
        lambda d: at(d, *NEW, "properties", "text").update(pattern="^a"),
        'pattern is "^a" now',
    ),
    "unknown members refused": (
        lambda d: at(d, *NEW).update(additionalProperties=False),
        "unknown members are refused",
    ),
    "media type removed": (
        lambda d: at(d, *GET, "responses", "200", "content").clear(),
        "the media type application/json was removed",
    ),
    "answer removed": (lambda d: at(d, *GET, "responses").pop("404"), "the answer 404 was removed"),
    "answer header removed": (
        lambda d: at(d, *GET, "responses", "200").pop("headers"),
        "the header etag was removed",
    ),
    "answer member removed": (
        lambda d: at(d, *NOTE, "properties").pop("text"),
        "[]: the member text was removed",
    ),
    "answer member optional": (
        lambda d: at(d, *NOTE, "required").remove("id"),
        "the member id may be absent now",
    ),
    "answer type widened": (
        lambda d: at(d, *NOTE, "properties", "text").update(type=["string", "null"]),
        "the type changed from string to null or string",
    ),
    "answer variant added": (
        lambda d: at(d, *NOTE, "properties", "parent", "anyOf").append({"type": "integer"}),
        "variant 3 was not promised before",
    ),
    "answer format gone": (
        lambda d: at(d, *NOTE, "properties", "id").pop("format"),
        "the format uuid is no longer promised",
    ),
    "credentials needed": (lambda d: d.update(security=[{"key": []}]), "credentials are required now"),
}

ADDITIONS: dict[str, Callable[[Json], object]] = {
    "path": lambda d: d["paths"].update({"/more": {"get": {"responses": {}}}}),
    "operation": lambda d: at(d, "paths", "/notes").update(delete={"responses": {}}),
    "optional parameter": lambda d: at(d, *GET, "parameters").append(
        {"in": "query", "name": "q", "schema": {}}
    ),
    "optional request member": lambda d: at(d, *NEW, "properties").update(tag={"type": "string"}),
    "request limit widened": lambda d: at(d, *NEW, "properties", "text").update(maxLength=200),
    "request type widened": lambda d: at(d, *NEW, "properties", "text").update(type=["string", "null"]),
    "request value accepted": lambda d: at(d, *GET, "parameters", 1, "schema", "enum").append("best"),
    "answer member": lambda d: at(d, *NOTE, "properties").update(pinned={"type": "boolean"}),
    "answer member promised": lambda d: at(d, *NOTE, "required").append("state"),
    "answer value": lambda d: at(d, *NOTE, "properties", "state", "enum").append("late"),
    "answer variant never sent again": lambda d: at(d, *NOTE, "properties", "parent", "anyOf").pop(),
    "answer status": lambda d: at(d, *GET, "responses").update(
        {"429": {"$ref": "#/components/responses/Problem"}}
    ),
    "words": lambda d: at(d, *NOTE).update(description="A note."),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_breaking_change_is_named(case: str) -> None:
    """A change that an older client would feel is found, at its place and in words."""
    change, expected = BREAKS[case]
    found = changed(change)
    assert any(expected in line for line in found), found


@pytest.mark.parametrize("case", ADDITIONS)
def test_an_addition_passes(case: str) -> None:
    """A change that an older client cannot feel is no finding."""
    assert changed(ADDITIONS[case]) == []


def test_the_same_document_is_no_change() -> None:
    """A document with references that lead back to themselves compares equal to itself."""
    assert breaking_changes(BASE, copy.deepcopy(BASE)) == []


def test_a_renamed_schema_is_no_change() -> None:
    """Names of components are not on the wire: only their content counts."""
    document = copy.deepcopy(BASE)
    document["components"]["schemas"]["Draft"] = document["components"]["schemas"].pop("NewNote")
    content = at(document, "paths", "/notes", "post", "requestBody", "content", "application/json")
    content["schema"]["$ref"] = "#/components/schemas/Draft"
    assert breaking_changes(BASE, document) == []


def test_a_break_passes_only_by_a_decision_that_is_there() -> None:
    """A finding that a decision names passes, every other one stays; a number without a decision is refused."""
    breaks = decided('[[break]]\nfinding = "body: narrower now"\ndecision = "0055"\n')
    assert undecided(["POST /a body: narrower now", "GET /a: gone"], breaks) == ["GET /a: gone"]
    assert undecided(["GET /a: gone"], decided("")) == ["GET /a: gone"]
    with pytest.raises(SystemExit, match="9999"):
        decided('[[break]]\nfinding = "x"\ndecision = "9999"\n')
