"""What a change of a schema breaks: the kinds of changes one by one, each proven by a message that shows it."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from autobot.kernel.messaging.schemas.inclusion import Difference, differences
from autobot.kernel.messaging.schemas.modes import breaks

JSON = Any
STRING, WHOLE = {"type": "string"}, {"type": "integer"}


def thing(*required: str, closed: bool = False, **properties: JSON) -> JSON:
    """A schema of an object."""
    found: dict[str, JSON] = {"type": "object", "properties": properties}
    if required:
        found["required"] = list(required)
    if closed:
        found["additionalProperties"] = False
    return found


def valid(schema: JSON, message: JSON) -> bool:
    """The word of an independent validator."""
    return bool(jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(message))


DEFINED = {"$defs": {"Id": {"type": "string", "maxLength": 8}}, **thing("id", id={"$ref": "#/$defs/Id"})}
TREE = {"$defs": {"Tree": thing("of", of=STRING, parts={"type": "array", "items": {"$ref": "#/$defs/Tree"}})}}
LEAFY = {"$defs": {"Tree": thing("of", of=WHOLE, parts={"type": "array", "items": {"$ref": "#/$defs/Tree"}})}}
KEYED = {"type": "object", "patternProperties": {"^x-": STRING}, "additionalProperties": False}
CAT = thing("kind", "lives", kind={"const": "cat"}, lives=WHOLE)
DOG = thing("kind", kind={"const": "dog"})

BREAKING: dict[str, tuple[JSON, JSON, JSON, str, str]] = {
    # name: what is written, what is read, a message, the kind and the reader's place of the difference
    "a member became required": (thing(a=STRING), thing("a", a=STRING), {}, "required", ""),
    "a new required member": (thing(), thing("b", b=STRING), {}, "required", ""),
    "another type": (thing(a=STRING), thing(a=WHOLE), {"a": "x"}, "type", "/properties/a"),
    "a narrower type": (thing(a={"type": "number"}), thing(a=WHOLE), {"a": 1.5}, "type", "/properties/a"),
    "null is gone": (thing(a={"type": ["string", "null"]}), thing(a=STRING), {"a": None}, "type", "/properties/a"),
    "null is gone from a union": (
        thing(a={"anyOf": [STRING, {"type": "null"}]}), thing(a=STRING), {"a": None}, "type", "/properties/a",
    ),
    "a value is gone": (
        thing(a={"enum": ["x", "y"]}), thing(a={"enum": ["x"]}), {"a": "y"}, "value", "/properties/a",
    ),
    "only certain values": (thing(a=STRING), thing(a={"enum": ["x"]}), {"a": "z"}, "value", "/properties/a"),
    "true is not 1": ({"const": True}, {"const": 1}, True, "type", ""),
    "a limit rose": ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 2}, 1, "limit", ""),
    "a limit was excluded": ({"type": "number", "maximum": 5}, {"type": "number", "exclusiveMaximum": 5}, 5, "limit", ""),
    "a new limit": (STRING, {"type": "string", "maxLength": 2}, "abc", "limit", ""),
    "a value over a new limit": ({"enum": [1, 9]}, {"type": "integer", "maximum": 5}, 9, "limit", ""),
    "fewer items": ({"type": "array", "maxItems": 3}, {"type": "array", "maxItems": 2}, [1, 2, 3], "limit", ""),
    "unique items": ({"type": "array"}, {"type": "array", "uniqueItems": True}, [1, 1], "limit", ""),
    "fewer members": ({"type": "object"}, {"type": "object", "maxProperties": 0}, {"a": 1}, "limit", ""),
    "only multiples": (WHOLE, {"type": "integer", "multipleOf": 2}, 3, "limit", ""),
    "it was closed": (thing(a=STRING), thing(a=STRING, closed=True), {"b": 1}, "closed", ""),
    "a member is gone and it is closed": (
        thing(a=STRING, b=STRING, closed=True), thing(a=STRING, closed=True), {"b": "x"}, "closed", "",
    ),
    "a member was added to an open schema": (thing(a=STRING), thing(a=STRING, b=WHOLE), {"b": "x"}, "member", "/properties/b"),
    "others got a type": (
        thing(), {"type": "object", "additionalProperties": WHOLE}, {"b": "x"}, "type", "/additionalProperties",
    ),
    "inside an object": (thing(a=thing(b=STRING)), thing(a=thing(b=WHOLE)), {"a": {"b": "x"}}, "type", "/properties/a/properties/b"),
    "inside items": (
        {"type": "array", "items": STRING}, {"type": "array", "items": WHOLE}, ["x"], "type", "/items",
    ),
    "inside a tuple": (
        {"type": "array", "prefixItems": [STRING, WHOLE]}, {"type": "array", "prefixItems": [STRING, STRING]},
        ["x", 1], "type", "/prefixItems/1",
    ),
    "behind a reference": (DEFINED, {"$defs": {"Id": {"type": "string", "maxLength": 4}}, **thing("id", id={"$ref": "#/$defs/Id"})},
        {"id": "12345"}, "limit", "/$defs/Id"),
    "in a circle of references": (
        {**TREE, "$ref": "#/$defs/Tree"}, {**LEAFY, "$ref": "#/$defs/Tree"}, {"of": "x"}, "type", "/$defs/Tree/properties/of",
    ),
    "a variant is gone": ({"oneOf": [CAT, DOG]}, CAT, {"kind": "dog"}, "required", ""),
    "a variant narrowed": (
        {"oneOf": [CAT, DOG]}, {"oneOf": [{**CAT, "required": ["kind", "lives", "name"]}, DOG]},
        {"kind": "cat", "lives": 9}, "required", "/oneOf/0",
    ),
    "one of two that overlap": (
        {"type": "integer"}, {"oneOf": [{"minimum": 0}, {"maximum": 10}]}, 5, "rule", "",
    ),
    "a pattern": (STRING, {"type": "string", "pattern": "^a"}, "b", "rule", ""),
    "a value that does not match": ({"enum": ["ab", "cd"]}, {"type": "string", "pattern": "^a"}, "cd", "rule", ""),
    "a format": (STRING, {"type": "string", "format": "date-time"}, "b", "rule", ""),
    "not": (WHOLE, {"type": "integer", "not": {"const": 3}}, 3, "rule", ""),
    "if and then": (
        thing(), {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, "rule", "",
    ),
    "a member calls for another": (thing(), {"dependentRequired": {"a": ["b"]}}, {"a": 1}, "rule", ""),
    "names of members": (thing(), {"propertyNames": {"maxLength": 1}}, {"ab": 1}, "rule", ""),
    "named by a pattern": (KEYED, {**KEYED, "patternProperties": {"^x-": WHOLE}}, {"x-a": "b"}, "type", "/patternProperties/^x-"),
    "a pattern over open members": ({"type": "object"}, {"patternProperties": {"^x": STRING}}, {"x": 1}, "type", "/patternProperties/^x"),
    "a name under a pattern": (thing(x=WHOLE, closed=True), {"patternProperties": {"^x": STRING}}, {"x": 1}, "type", "/patternProperties/^x"),
    "in all of": (thing(), {"allOf": [thing("a", a=STRING)]}, {}, "required", "/allOf/0"),
    "a whole object among the values": ({"const": {"a": 1}}, thing("a", a=STRING), {"a": 1}, "type", "/properties/a"),
    "an object without a member among the values": ({"const": {}}, thing("a"), {}, "required", ""),
    "a list among the values": ({"enum": [[1, "x"]]}, {"type": "array", "items": WHOLE}, [1, "x"], "type", "/items"),
    "nothing is read": (STRING, False, "x", "type", ""),
    "unevaluated members": (thing(), {"unevaluatedProperties": False}, {"a": 1}, "rule", ""),
}  # fmt: skip

HARMLESS: dict[str, tuple[JSON, JSON]] = {
    "the same": (DEFINED, DEFINED),
    "words only": (thing(a=STRING), {**thing(a={"type": "string", "title": "A"}), "description": "x"}),
    "an optional member added to a closed schema": (thing(a=STRING, closed=True), thing(a=STRING, b=WHOLE, closed=True)),
    "a member gone from an open schema": (thing(a=STRING, b=WHOLE), thing(a=STRING)),
    "a required member became optional": (thing("a", a=STRING), thing(a=STRING)),
    "a wider type": (thing(a=WHOLE), thing(a={"type": "number"})),
    "null came": (thing(a=STRING), thing(a={"anyOf": [{"type": "null"}, STRING]})),
    "a value came": ({"enum": ["x"]}, {"enum": ["x", "y"]}),
    "values of the type": ({"enum": ["x", "yy"]}, {"type": "string", "minLength": 1, "maxLength": 2}),
    "a wider limit": ({"type": "integer", "minimum": 2}, {"type": "integer", "exclusiveMinimum": 1}),
    "the other way to say a limit": ({"type": "integer", "exclusiveMaximum": 3}, {"type": "integer", "maximum": 2}),
    "the size of a closed object": (thing("a", a=STRING, closed=True), {"type": "object", "minProperties": 1, "maxProperties": 1}),
    "multiples of multiples": ({"type": "integer", "multipleOf": 6}, {"type": "integer", "multipleOf": 3}),
    "a reference in place": ({"$defs": {"S": STRING}, **thing(a={"$ref": "#/$defs/S"})}, thing(a=STRING)),
    "a circle": ({**TREE, "$ref": "#/$defs/Tree"}, {"$ref": "#/$defs/T", "$defs": {"T": thing(
        of=STRING, parts={"type": "array", "items": {"$ref": "#/$defs/T"}})}}),
    "a variant came": (CAT, {"oneOf": [DOG, CAT]}),
    "variants in another order": ({"oneOf": [CAT, DOG]}, {"anyOf": [DOG, CAT]}),
    "variants that overlap, unchanged": ({"title": "a", "oneOf": [{"minimum": 0}, {"maximum": 10}]}, {"oneOf": [{"minimum": 0}, {"maximum": 10}]}),
    "the same pattern": ({"type": "string", "pattern": "^a", "maxLength": 3}, {"pattern": "^a"}),
    "values that match": ({"enum": ["ab", "a"]}, {"pattern": "^a"}),
    "all of, spread out": ({"allOf": [thing("a", a=STRING), thing("b", b=WHOLE)]}, thing("a", "b", a=STRING, b=WHOLE)),
    "a whole object among the values": ({"const": {"a": "x"}}, thing("a", a=STRING, closed=True)),
    "a list among the values": ({"const": [1, 2]}, {"type": "array", "items": WHOLE, "maxItems": 2, "minItems": 2}),
    "nothing is written": (False, STRING),
    "anything is read": (thing(a=STRING), True),
    "1 is 1.0": ({"const": 1}, {"const": 1.0}),
    "a member that cannot be there": (thing(a=False), thing(a=WHOLE)),
    "pattern and names": (KEYED, {"type": "object", "patternProperties": {"^x-": {"type": ["string", "null"]}}}),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_found_where_it_is(name: str) -> None:
    """A change that makes a message unreadable is named with its kind and its place in the reader's schema."""
    writer, reader, message, kind, place = BREAKING[name]
    assert valid(writer, message), "the message shows nothing: nobody may write it"
    assert not valid(reader, message), "the message shows nothing: it is read"
    found = differences(writer, reader)
    assert (kind, place) in {(one.kind, one.reader_at) for one in found}, found


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_passes(name: str) -> None:
    """A change that every message survives is no difference."""
    writer, reader = HARMLESS[name]
    assert differences(writer, reader) == []


def test_a_tolerant_reader_skips_what_its_closed_schema_does_not_name() -> None:
    """For readers that ignore unknown members a closed schema refuses none, at any depth; the rest still counts."""
    old, new = (
        thing(a=thing(closed=True), closed=True),
        thing(a=thing(x=STRING, closed=True), b=WHOLE, closed=True),
    )
    assert {one.kind for one in differences(new, old)} == {"closed"}
    assert differences(new, old, tolerant=True) == []
    assert [one.kind for one in differences(thing(a=WHOLE), thing(a=STRING, closed=True), tolerant=True)] == [
        "type"
    ]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "https://elsewhere.example/schema"}, "leaves the document"),
        ({"$ref": "#/$defs/Nowhere"}, "leads nowhere"),
        ({"$ref": "#"}, "leads back to itself"),
        (thing(a={"$id": "urn:x", "$ref": "#/a"}), "$id of its own"),
        ({"allOf": [{"anyOf": [{"minimum": n} for n in range(20)]}] * 3}, "alternatives"),
    ],
)
def test_what_cannot_be_compared_is_a_difference(schema: JSON, reason: str) -> None:
    """A schema whose meaning the comparison cannot follow never passes for compatible."""
    for found in (differences(schema, STRING), differences(WHOLE, schema)):
        assert [one.kind for one in found] == ["incomparable"]
        assert reason in found[0].detail


def test_modes_say_who_reads_whom() -> None:
    """Backward: new reads old; forward: old reads new; full: both; transitive: every version, not only the last."""
    one, two, three = thing(a=WHOLE, b=WHOLE), thing(b=WHOLE), thing(a=STRING, b=WHOLE)
    earlier = {1: one, 2: two}
    closed = {number: {**schema, "additionalProperties": False} for number, schema in earlier.items()}
    new = {**three, "additionalProperties": False}
    assert breaks(new, closed, "none") == []
    assert breaks(new, closed, "backward") == []
    assert [(b.version, b.direction, b.at) for b in breaks(new, closed, "backward_transitive")] == [
        (1, "backward", "/properties/a")
    ]
    assert [(b.version, b.direction, b.kind) for b in breaks(new, closed, "forward")] == [
        (2, "forward", "closed")
    ]
    assert breaks(new, closed, "full", tolerant=True) == []
    found = breaks(new, closed, "full_transitive", tolerant=True)
    assert {(b.version, b.direction) for b in found} == {(1, "backward"), (1, "forward")}
    assert {b.at for b in found} == {"/properties/a"}


def test_differences_are_named_once() -> None:
    """One cause is one difference, also where whole numbers and fractions are judged apart."""
    found = differences({"type": "number"}, {"type": "number", "minimum": 0})
    assert found == [Difference("limit", "numbers below 0 are not read", "", "")]
