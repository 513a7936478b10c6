"""A message that a schema allows, for people to look at and for golden files. The same schema gives the same one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from autobot.kernel.messaging.schemas.document import Document, Incomparable, Node

DEPTH_MAX: Final = 12
FORMATS: Final = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "uuid": "01931b8e-5c00-7000-8000-000000000000",
    "email": "ada@example.org",
    "uri": "https://example.org/",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
TEXTS: Final = (
    "text",
    "a",
    "A1",
    "1",
    "a-b",
    "autobot.example.v1",
    "a.b",
    "#aabbcc",
    "00000000",
    "EUR",
    "aa-bb",
)
"""Tried in this order for a text with a pattern."""


def example(schema: Any, *, full: bool = True) -> Any:
    """Return a value for a schema: with every named member when `full`, else with the required ones alone.

    It follows types, values, limits and formats; it does not solve `not`, `if` or hard patterns, so who needs a
    valid one asks a validator. Raises Incomparable for references that leave the document.
    """
    return _Maker(Document(schema), full).value(Node(schema, ""), 0)


class _Maker:
    def __init__(self, document: Document, full: bool) -> None:
        self._document, self._full = document, full

    def value(self, node: Node, depth: int) -> Any:
        schema = self._merged(node, 0)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind == "object" or (kind is None and "properties" in schema):
            return self._object(schema, node.at, depth)
        if kind == "array":
            return self._array(schema, node.at, depth)
        if kind in ("integer", "number"):
            return _number(schema, kind)
        return {"string": _text(schema), "boolean": True, "null": None}.get(kind or "", "anything")

    def _merged(self, node: Node, hops: int) -> dict[str, Any]:
        """Return the keywords of a schema with references, `allOf` and the first fitting alternative laid in."""
        if hops > DEPTH_MAX:
            raise Incomparable("the references lead in a circle", node.at)
        if not isinstance(node.schema, Mapping):
            return {}
        found = dict(node.schema)
        below = []
        if "$ref" in found:
            below.append(self._document.resolve(found.pop("$ref"), node.at))
        below += [node.child("allOf", index) for index in range(len(found.pop("allOf", ())))]
        for word in ("anyOf", "oneOf"):
            parts = [node.child(word, index) for index in range(len(found.pop(word, ())))]
            below += [one for one in parts if one.schema != {"type": "null"}][:1] or parts[:1]
        for one in below:
            more = self._merged(one, hops + 1)
            properties = {**more.get("properties", {}), **found.get("properties", {})}
            required = [*found.get("required", ()), *more.get("required", ())]
            found = {
                **more,
                **found,
                **({"properties": properties} if properties else {}),
                "required": required,
            }
        return found

    def _object(self, schema: Mapping[str, Any], at: str, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        names = [
            name
            for name, one in schema.get("properties", {}).items()
            if one is not False and (name in required or (self._full and depth < DEPTH_MAX))
        ]
        if depth > 2 * DEPTH_MAX:
            raise Incomparable("required members lead in a circle", at)
        found = {
            name: self.value(Node(schema["properties"][name], f"{at}/properties/{name}"), depth + 1)
            for name in names
        }
        others = schema.get("additionalProperties")
        if self._full and not found and isinstance(others, Mapping) and depth < DEPTH_MAX:
            found["name"] = self.value(Node(others, f"{at}/additionalProperties"), depth + 1)
        return found

    def _array(self, schema: Mapping[str, Any], at: str, depth: int) -> list[Any]:
        parts = schema.get("prefixItems", ())
        found = [
            self.value(Node(one, f"{at}/prefixItems/{index}"), depth + 1) for index, one in enumerate(parts)
        ]
        items = schema.get("items")
        wanted = max(schema.get("minItems", 0), 1 if self._full and depth < DEPTH_MAX else 0)
        wanted = min(wanted, schema.get("maxItems", wanted))
        while isinstance(items, Mapping) and len(found) < wanted <= 100:
            found.append(self.value(Node(items, f"{at}/items"), depth + 1))
        return found


def _number(schema: Mapping[str, Any], kind: str) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf", 1 if kind == "integer" else None)
    if low is None and high is None:
        return step if step is not None else 1.5
    found: float = low if low is not None else high
    if step is not None:
        found = -(-found // step) * step if low is not None else found // step * step
    if found == schema.get("exclusiveMinimum"):
        found += step if step is not None else ((high - found) / 2 if high is not None else 1)
    if found == schema.get("exclusiveMaximum"):
        found -= step if step is not None else 1
    return int(found) if kind == "integer" else found


def _text(schema: Mapping[str, Any]) -> str:
    found: str = FORMATS.get(schema.get("format", ""), "text")
    pattern = schema.get("pattern")
    if pattern is not None:
        try:
            found = next((one for one in TEXTS if re.search(pattern, one)), found)
        except re.error:
            return found
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if len(found) < least <= 1000:
        found = (found * least)[:least]
    return found if most is None or len(found) <= most else found[:most]
