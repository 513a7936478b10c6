"""What schemas say of members and items: by name, by pattern, and of all others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from autobot.kernel.messaging.schemas.document import Branch, Incomparable, Node, values


def named(branch: Branch) -> set[str]:
    """Return the members that a branch names, in its values as well."""
    found = {name for node in branch for name in node.schema.get("properties", ())}
    for value in values(branch) or ():
        if isinstance(value, dict):
            found |= value.keys()
    return found


def of(branch: Branch, name: str) -> list[Node]:
    """Return what holds for a member; one that is False: it may not be there. Empty: anything."""
    return [found for node in branch for found in _of(node, name)]


def _of(node: Node, name: str) -> list[Node]:
    if isinstance(node.schema.get("const"), dict):
        value = node["const"]
        return [Node({"const": value[name]} if name in value else False, node.at)]
    found = [node.child("properties", name)] if name in node.schema.get("properties", ()) else []
    found += [node.child("patternProperties", one) for one in _patterns(node) if matches(one, name, node.at)]
    return found or _rest(node)


def others(writer: Branch, node: Node) -> Iterator[tuple[list[Node], list[Node]]]:
    """Yield pairs of what the writer allows and the reader reads for members that neither names.

    A pattern of the reader that the writer does not have may match any of the writer's names, and the other
    way about.
    """
    ours = _patterns(node)
    theirs = [(one, pattern) for one in writer for pattern in _patterns(one)]
    shared = {pattern for _, pattern in theirs}
    for one, pattern in theirs:
        given = [one.child("patternProperties", pattern)]
        if pattern not in ours:
            yield given, _rest(node)
        for other in ours:
            yield given, [node.child("patternProperties", other)]
    rest = [found for one in writer for found in _rest(one)]
    if any(isinstance(one.schema.get("const"), dict) for one in writer):
        return
    yield rest, _rest(node)
    for pattern in ours:
        if pattern not in shared:
            yield rest, [node.child("patternProperties", pattern)]


def _patterns(node: Node) -> list[str]:
    return list(node.schema.get("patternProperties", ()))


def _rest(node: Node) -> list[Node]:
    return [node.child("additionalProperties")] if "additionalProperties" in node else []


def matches(pattern: str, text: str, at: str) -> bool:
    """Say whether a pattern matches anywhere in a text. Raises Incomparable for one that Python does not read."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        raise Incomparable(f"the pattern {pattern!r} cannot be read", at) from None


def item(node: Node, index: int) -> list[Node]:
    """Return what a node says of an item. Empty: anything."""
    if isinstance(node.schema.get("const"), list):
        value = node["const"]
        return [Node({"const": value[index]} if index < len(value) else False, node.at)]
    if index < len(node.schema.get("prefixItems", ())):
        return [node.child("prefixItems", index)]
    return [node.child("items")] if "items" in node else []


def prefix(node: Node) -> int:
    """Return of how many items a node speaks one by one."""
    value = node.schema.get("const")
    return len(value) if isinstance(value, list) else len(node.schema.get("prefixItems", ()))


def longest(branch: Branch) -> int | None:
    """Return how many items a branch allows at most, None without a limit."""
    limits: list[Any] = [node["maxItems"] for node in branch if "maxItems" in node]
    return min(limits, default=None)
