"""Limits of numbers, texts and sizes, and the keywords that only equality settles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from autobot.kernel.messaging.schemas import members
from autobot.kernel.messaging.schemas.document import Branch, Node, kind_of, required, same, values

SIZES: Final = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
RULES: Final = {
    "string": (("pattern",), ("format",)),
    "array": (("contains", "minContains", "maxContains"),),
    "object": (("propertyNames",), ("dependentRequired",), ("dependentSchemas",), ("dependencies",)),
}
ANY_KIND: Final = (
    ("not",),
    ("if", "then", "else"),
    ("oneOf",),
    ("unevaluatedProperties",),
    ("unevaluatedItems",),
    ("$dynamicRef",),
)
NEVER_EQUAL: Final = ("unevaluatedProperties", "unevaluatedItems", "$dynamicRef")
"""What these mean depends on what stands around them, so that equal words prove nothing."""


def scalar(writer: Branch, node: Node, kind: str) -> Iterator[str]:
    """Yield the limits of a reader's node that values of the writer's branch may break."""
    if kind in ("integer", "fraction"):
        yield from _numbers(writer, node, kind)
    low, high = SIZES.get(kind, ("", ""))
    if low in node and node[low] > _smallest(writer, kind, low):
        yield f"{low} is {node[low]}, and smaller ones are written"
    if high in node and node[high] < _largest(writer, kind, high):
        yield f"{high} is {node[high]}, and larger ones are written"
    if kind == "array" and node.schema.get("uniqueItems"):
        one_at_most = _largest(writer, kind, "maxItems") <= 1
        if not one_at_most and not any(one.schema.get("uniqueItems") for one in writer):
            yield "items must differ from one another, and equal ones are written"


def _sizes(writer: Branch, kind: str) -> list[int] | None:
    listed = values(writer)
    return None if listed is None else [len(one) for one in listed if kind_of(one) == kind]


def _smallest(writer: Branch, kind: str, word: str) -> float:
    sizes = _sizes(writer, kind)
    given = [one[word] for one in writer if word in one] + ([min(sizes)] if sizes else [])
    if kind == "object":
        given.append(len(required(writer)))
    return max(given, default=0)


def _largest(writer: Branch, kind: str, word: str) -> float:
    sizes = _sizes(writer, kind)
    given = [one[word] for one in writer if word in one] + ([max(sizes)] if sizes else [])
    if kind == "array":
        given += [
            len(one.schema.get("prefixItems", ())) for one in writer if one.schema.get("items", True) is False
        ]
    if kind == "object":
        given += [
            len(one.schema.get("properties", ()))
            for one in writer
            if one.schema.get("additionalProperties", True) is False and "patternProperties" not in one
        ]
    return min(given, default=math.inf)


def _numbers(writer: Branch, node: Node, kind: str) -> Iterator[str]:
    low, high = _lower(node, kind), _upper(node, kind)
    listed = [one for one in values(writer) or () if kind_of(one) == kind]
    given_low = max((_lower(one, kind) for one in writer), default=(-math.inf, 0))
    given_high = min((_upper(one, kind) for one in writer), default=(math.inf, 0))
    if listed:
        given_low, given_high = max(given_low, (min(listed), 0)), min(given_high, (max(listed), 0))
    if given_low < low:
        yield f"numbers {'from' if low[1] else 'below'} {low[0]} {'down ' if low[1] else ''}are not read"
    if given_high > high:
        yield f"numbers {'from' if high[1] else 'above'} {high[0]} {'up ' if high[1] else ''}are not read"
    if "multipleOf" in node and not (kind == "integer" and node["multipleOf"] == 1):
        steps = [one["multipleOf"] for one in writer if "multipleOf" in one]
        if listed:
            fits = all(_multiple(one, node["multipleOf"]) for one in listed)
        else:
            fits = any(_multiple(one, node["multipleOf"]) for one in steps)
        if not fits:
            yield f"only multiples of {node['multipleOf']} are read"


def _multiple(value: float, step: float) -> bool:
    """Say whether a number is surely a multiple: whole numbers are exact, others only when equal."""
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    return value == step


def _lower(node: Node, kind: str) -> tuple[float, int]:
    """Return (limit, 1 when the limit itself is excluded); the larger one is the stricter."""
    found: list[tuple[float, int]] = [(-math.inf, 0)]
    if "minimum" in node:
        found.append((node["minimum"], 0))
    if "exclusiveMinimum" in node:
        found.append((node["exclusiveMinimum"], 1))
    low, open_ = max(found)
    if kind == "integer" and not math.isinf(low):
        return (math.floor(low) + 1 if open_ else math.ceil(low), 0)
    return low, open_


def _upper(node: Node, kind: str) -> tuple[float, int]:
    """Return (limit, -1 when the limit itself is excluded); the smaller one is the stricter."""
    found: list[tuple[float, int]] = [(math.inf, 0)]
    if "maximum" in node:
        found.append((node["maximum"], 0))
    if "exclusiveMaximum" in node:
        found.append((node["exclusiveMaximum"], -1))
    high, open_ = min(found)
    if kind == "integer" and not math.isinf(high):
        return (math.ceil(high) - 1 if open_ else math.floor(high), 0)
    return high, open_


def opaque(writer: Branch, node: Node, kind: str, *, same_references: bool, tolerant: bool) -> Iterator[str]:
    """Yield the rules of a reader's node that stand in no node of the writer in the same words."""
    for words in (*ANY_KIND, *RULES.get(kind, ())):
        ours = {word: node[word] for word in words if word in node}
        if not ours or not _says_something(words[0], ours, kind, tolerant):
            continue
        if words[0] == "pattern" and _all_match(writer, ours["pattern"], node.at):
            continue
        comparable = words[0] not in NEVER_EQUAL and (same_references or "$ref" not in str(ours))
        if not comparable or not any(
            same({word: one[word] for word in words if word in one}, ours) for one in writer
        ):
            yield f"{words[0]} may refuse what is written: it is not the same there"


def _says_something(word: str, ours: dict[str, Any], kind: str, tolerant: bool) -> bool:
    if word == "unevaluatedProperties":
        return kind == "object" and ours[word] is not True and not (tolerant and ours[word] is False)
    if word == "unevaluatedItems":
        return kind == "array" and ours[word] is not True
    if word == "if":
        return "if" in ours and len(ours) > 1
    if word == "contains":
        return "contains" in ours
    return True


def _all_match(writer: Branch, pattern: str, at: str) -> bool:
    listed = values(writer)
    if listed is None:
        return False
    return all(members.matches(pattern, one, at) for one in listed if isinstance(one, str))
