"""A JSON Schema taken apart: references followed, combinations spread out into branches of plain keywords."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from autobot.kernel.core.canonical import canonical_json
from autobot.kernel.core.pointer import escaped

BRANCHES_MAX: Final = 256
"""Branches of one place; a schema with more is not compared but called too large."""

TYPES: Final[Mapping[str, frozenset[str]]] = {
    "null": frozenset({"null"}),
    "boolean": frozenset({"boolean"}),
    "string": frozenset({"string"}),
    "array": frozenset({"array"}),
    "object": frozenset({"object"}),
    "integer": frozenset({"integer"}),
    "number": frozenset({"integer", "fraction"}),
}
"""The types of JSON Schema in kinds that exclude one another: a number is whole or a fraction."""
ALL_KINDS: Final = frozenset().union(*TYPES.values())
COMBINED: Final = ("$ref", "allOf", "anyOf", "oneOf")


class Incomparable(Exception):
    """A schema uses what cannot be compared; `at` is its pointer, the text says what."""

    def __init__(self, reason: str, at: str) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


@dataclass(frozen=True, slots=True)
class Node:
    """A schema with its JSON Pointer (`/properties/a`, empty for the whole document)."""

    schema: Any
    at: str

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.schema

    def __getitem__(self, keyword: str) -> Any:
        return self.schema[keyword]

    def child(self, *steps: str | int) -> Node:
        """Return the schema below keywords and indexes."""
        found, way = self.schema, self.at
        for step in steps:
            found, way = found[step], f"{way}/{escaped(step)}"
        return Node(found, way)


Branch = tuple[Node, ...]
"""Nodes of plain keywords that hold together; no node: everything is allowed."""


def kind_of(value: Any) -> str:
    """Return the kind of a JSON value; 1.0 is whole, as JSON Schema has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "fraction"
    return "object" if isinstance(value, Mapping) else "array"


def same(one: Any, other: Any) -> bool:
    """Say whether two JSON values are equal, with 1 equal to 1.0 and not to true."""
    return canonical_json(one) == canonical_json(other)


class Document:
    """One schema document. `root` is its whole.

    Raises Incomparable for parts with an `$id` of their own: references would mean something else below them.
    """

    def __init__(self, schema: Any) -> None:
        self.root = Node(schema, "")
        if isinstance(schema, Mapping):
            for at, part in _parts(schema, ""):
                if at and isinstance(part.get("$id"), str) and not _is_name(at):
                    raise Incomparable("a part has an $id of its own", at)

    def resolve(self, reference: Any, at: str) -> Node:
        """Return what a reference leads to. Raises Incomparable for one that leaves the document or into nothing."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise Incomparable(f"the reference {reference!r} leaves the document", at)
        node, way = self.root.schema, ""
        for step in reference[2:].split("/") if reference != "#" else ():
            name = step.replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(name)] if isinstance(node, list) else node[name]
            except (LookupError, TypeError, ValueError):
                raise Incomparable(f"the reference {reference} leads nowhere", at) from None
            way += f"/{step}"
        return Node(node, way)

    def branches(self, nodes: Iterable[Node], *, reader: bool) -> list[Branch]:
        """Return the alternatives of schemas that hold together; no branch: nothing is allowed.

        For a writer the alternatives may allow more than the schemas do, for a reader never: `oneOf` counts as
        alternatives for a reader only where no value can match two of them.
        """
        found: list[Branch] = [()]
        for node in nodes:
            found = self._joined(found, self._spread(node, frozenset(), reader), node.at)
        return found

    def _joined(self, left: list[Branch], right: list[Branch], at: str) -> list[Branch]:
        if len(left) * len(right) > BRANCHES_MAX:
            raise Incomparable(f"there are more than {BRANCHES_MAX} alternatives", at)
        return [one + other for one in left for other in right]

    def _spread(self, node: Node, seen: frozenset[str], reader: bool) -> list[Branch]:
        schema = node.schema
        if isinstance(schema, bool):
            return [()] if schema else []
        plain = {word: value for word, value in schema.items() if word not in COMBINED}
        options: list[Branch] = []
        if "oneOf" in schema:
            parts = [node.child("oneOf", index) for index in range(len(schema["oneOf"]))]
            options = [branch for part in parts for branch in self._spread(part, seen, reader)]
            if reader and not self._exclusive(parts, seen):
                plain["oneOf"], options = schema["oneOf"], [()]
            elif not reader:
                plain["oneOf"] = schema["oneOf"]
        found: list[Branch] = [(Node(plain, node.at),)] if plain else [()]
        if "oneOf" in schema:
            found = self._joined(found, options, node.at)
        if "$ref" in schema:
            reference = schema["$ref"]
            if reference in seen:
                raise Incomparable(f"the reference {reference} leads back to itself", node.at)
            target = self.resolve(reference, node.at)
            found = self._joined(found, self._spread(target, seen | {reference}, reader), node.at)
        for index in range(len(schema.get("allOf", ()))):
            found = self._joined(found, self._spread(node.child("allOf", index), seen, reader), node.at)
        if "anyOf" in schema:
            parts = [node.child("anyOf", index) for index in range(len(schema["anyOf"]))]
            spread = [branch for part in parts for branch in self._spread(part, seen, reader)]
            found = self._joined(found, spread, node.at)
        return found

    def _exclusive(self, parts: list[Node], seen: frozenset[str]) -> bool:
        """Say whether no value can match two of the parts."""
        spread = [self._spread(part, seen, False) for part in parts]
        for index, ones in enumerate(spread):
            for others in spread[index + 1 :]:
                if not all(self._apart(one, other) for one in ones for other in others):
                    return False
        return True

    def _apart(self, one: Branch, other: Branch) -> bool:
        common = kinds(one) & kinds(other)
        if not common:
            return True
        left, right = values(one), values(other)
        if left is not None and right is not None:
            return not any(same(a, b) for a in left for b in right)
        return common == {"object"} and any(
            self._told_apart(one, other, name) for name in required(one) & required(other)
        )

    def _told_apart(self, one: Branch, other: Branch, name: str) -> bool:
        """Say whether a member that both demand has values that differ."""
        found = []
        for branch in (one, other):
            nodes = [
                node.child("properties", name) for node in branch if name in node.schema.get("properties", ())
            ]
            allowed: list[Any] = []
            for choice in self.branches(nodes, reader=False):
                some = values(choice)
                if some is None:
                    return False
                allowed += some
            found.append(allowed)
        return not any(same(a, b) for a in found[0] for b in found[1])


def _parts(schema: Any, at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(schema, Mapping):
        yield at, schema
        for name, value in schema.items():
            if name not in ("const", "enum", "default", "examples"):
                yield from _parts(value, f"{at}/{escaped(name)}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from _parts(value, f"{at}/{index}")


def _is_name(at: str) -> bool:
    """Say whether a pointer ends in a map from names to schemas, where `$id` is a name like another."""
    return at.rpartition("/")[2] in ("properties", "$defs", "patternProperties", "dependentSchemas")


# -------------------------------------------------------------------------------------- facts of a branch


def kinds(branch: Branch) -> frozenset[str]:
    """Return the kinds of values that a branch can allow."""
    found = ALL_KINDS
    for node in branch:
        if "type" in node:
            named = node["type"]
            listed = named if isinstance(named, list) else [named]
            found &= frozenset().union(*(TYPES.get(one, frozenset()) for one in listed))
    allowed = values(branch)
    return found if allowed is None else found & {kind_of(one) for one in allowed}


def values(branch: Branch) -> list[Any] | None:
    """Return the values that `enum` and `const` leave, None where neither stands."""
    found: list[Any] | None = None
    for node in branch:
        for listed in ([node["enum"]] if "enum" in node else []) + (
            [[node["const"]]] if "const" in node else []
        ):
            found = (
                list(listed) if found is None else [one for one in found if any(same(one, b) for b in listed)]
            )
    return found


def required(branch: Branch) -> set[str]:
    """Return the members that a branch demands; a single value has its own."""
    found = {name for node in branch for name in node.schema.get("required", ())}
    for node in branch:
        if isinstance(node.schema.get("const"), Mapping):
            found |= node["const"].keys()
    return found
