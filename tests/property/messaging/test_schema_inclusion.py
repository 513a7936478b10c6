"""The comparison of schemas against an independent validator: what passes never loses a message, what breaks is found."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import jsonschema_rs
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from autobot.kernel.messaging.schemas.inclusion import differences
from autobot.kernel.messaging.schemas.modes import breaks

JSON = Any
NAMES = st.sampled_from(["a", "b", "x-1"])
SMALL = st.integers(0, 3)
SCALARS: st.SearchStrategy[JSON] = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 4), st.sampled_from([0.5, 2.0, 3.5]), st.text("ab", max_size=4)
)
MESSAGES: st.SearchStrategy[JSON] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
TYPE = st.sampled_from(["null", "boolean", "string", "integer", "number", "array", "object"])


def keywords(inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    """Schemas from few keywords, so that two of them often speak of the same."""
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(TYPE, st.lists(TYPE, min_size=1, max_size=3, unique=True)),
            "enum": st.lists(MESSAGES, min_size=1, max_size=3),
            "minimum": SMALL,
            "exclusiveMaximum": SMALL,
            "multipleOf": st.sampled_from([1, 2, 4, 0.5]),
            "minLength": SMALL,
            "maxLength": SMALL,
            "pattern": st.sampled_from(["^a", "b"]),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^x-", "a"]), inner, max_size=1),
            "minProperties": SMALL,
            "maxProperties": SMALL,
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "minItems": SMALL,
            "maxItems": SMALL,
            "uniqueItems": st.booleans(),
            "contains": inner,
            "not": inner,
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "$ref": st.sampled_from(["#/$defs/One", "#/$defs/Two"]),
        },
    ).map(lambda found: dict(list(found.items())[:4]))


SCHEMAS = st.recursive(st.one_of(st.booleans(), st.just({})), keywords, max_leaves=6)


@st.composite
def documents(draw: st.DrawFn) -> JSON:
    """A whole schema with two definitions."""
    root = draw(SCHEMAS)
    root = dict(root) if isinstance(root, dict) else {"allOf": [root]}
    root["$defs"] = {"One": draw(SCHEMAS), "Two": {"type": "object", "properties": {"a": {"$ref": "#"}}}}
    return root


@st.composite
def changed(draw: st.DrawFn, document: JSON) -> JSON:
    """The document with a keyword taken away, put in or swapped somewhere: what people do to schemas."""
    found = deepcopy(document)
    places = [found]
    for place in places:
        for value in place.values() if isinstance(place, dict) else place:
            if isinstance(value, dict | list):
                places.append(value)
    place = draw(st.sampled_from([one for one in places if isinstance(one, dict)]))
    for _ in range(draw(st.integers(1, 2))):
        if place and draw(st.booleans()):
            place.pop(draw(st.sampled_from(sorted(place))))
        else:
            place.update(
                draw(st.one_of(keywords(st.booleans()), st.dictionaries(NAMES, st.booleans(), max_size=1)))
            )
    return found


def validator(schema: JSON) -> Any:
    """The independent validator; schemas that are none are not of interest."""
    try:
        return jsonschema_rs.Draft202012Validator(schema)
    except (ValueError, jsonschema_rs.ReferencingError):
        assume(False)


def opened(schema: JSON) -> JSON:
    """The schema as a reader sees it who skips what it does not know."""
    if isinstance(schema, list):
        return [opened(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value if name in ("enum", "const") else opened(value)
        for name, value in schema.items()
        if not (name == "additionalProperties" and value is False)
    }


def holds(check: Any, message: JSON) -> bool:
    """The validator's word; circles without an end have none."""
    try:
        return bool(check.is_valid(message))
    except (ValueError, RecursionError):
        assume(False)
        raise AssertionError from None


@settings(max_examples=200, deadline=None)
@given(st.data(), documents(), st.lists(MESSAGES, min_size=1, max_size=12))
def test_messages_survive_what_passes(data: st.DataObject, old: JSON, messages: list[JSON]) -> None:
    """No difference: every message valid under the one is valid under the other, in the direction that was asked."""
    new = data.draw(st.one_of(changed(old), documents()))
    before, after = validator(old), validator(new)
    for writer, reader, first, second in ((old, new, before, after), (new, old, after, before)):
        if differences(writer, reader):
            continue
        event("passed")
        for message in messages:
            if holds(first, message):
                event("a message crossed")
                assert holds(second, message), (writer, reader, message)


@settings(max_examples=120, deadline=None)
@given(st.data(), documents(), st.lists(MESSAGES, min_size=1, max_size=12))
def test_tolerant_readers_lose_nothing_either(data: st.DataObject, old: JSON, messages: list[JSON]) -> None:
    """No difference for a tolerant reader: every message is valid under its schema with the closed parts opened."""
    new = data.draw(changed(old))
    # `not` and its kin turn open into closed; a reader that skips unknown members has no such rules.
    assume(not {"not", "contains", "oneOf"} & set(str(new).replace("'", " ").split()))
    first, second = validator(old), validator(opened(new))
    if not differences(old, new, tolerant=True):
        for message in messages:
            if holds(first, message):
                assert holds(second, message), (old, new, message)


WITNESSED = st.fixed_dictionaries(
    {
        "a": st.integers(0, 3),
        "b": st.text("ab", min_size=1, max_size=3),
        "c": st.lists(st.integers(0, 3), max_size=2),
    }
)


@settings(max_examples=120, deadline=None)
@given(st.data(), WITNESSED)
def test_planted_breaks_are_found(data: st.DataObject, message: JSON) -> None:
    """A change that was made to refuse a message that was valid is found, in the direction that it breaks."""
    old = {
        "type": "object",
        "required": ["a", "b", "c"],
        "additionalProperties": False,
        "properties": {
            "a": {"type": "integer", "minimum": 0, "maximum": 3},
            "b": {"type": "string", "minLength": 1, "maxLength": 3},
            "c": {"type": "array", "maxItems": 2, "items": {"type": "integer", "minimum": 0, "maximum": 3}},
        },
    }
    new: JSON = deepcopy(old)
    members = new["properties"]
    plants = {
        "type": lambda: members.update(a={"type": "string"}),
        "over": lambda: members["a"].update(minimum=message["a"] + 1),
        "under": lambda: members["a"].update(exclusiveMaximum=message["a"]),
        "enum": lambda: members.update(b={"enum": [message["b"] + "z"]}),
        "length": lambda: members["b"].update(maxLength=len(message["b"]) - 1),
        "longer": lambda: members["b"].update(minLength=len(message["b"]) + 1),
        "pattern": lambda: members["b"].update(pattern="z"),
        "items": lambda: members["c"].update(minItems=len(message["c"]) + 1),
        "required": lambda: (members.update(d={}), new["required"].append("d")),
        "gone": lambda: (members.pop("c"), new["required"].remove("c")),
        "not": lambda: members["b"].update({"not": {"const": message["b"]}}),
        "deep": lambda: new.update(allOf=[{"anyOf": [{"required": ["e"]}, {"properties": {"a": False}}]}]),
        "null": lambda: new.update(type="null"),
    }
    plant = data.draw(st.sampled_from(sorted(plants)))
    event(plant)
    plants[plant]()
    assert validator(old).is_valid(message)
    assert not validator(new).is_valid(message)
    assert breaks(new, {1: old}, "backward")
    assert breaks(old, {1: new}, "forward")
    assert breaks(new, {1: old}, "full")
    assert not breaks(new, {1: old}, "none")
