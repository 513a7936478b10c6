"""Whether all that one schema allows another one reads, and if not, where and why.

Sound, not complete: no difference means that every message valid under the writer's schema is valid under the
reader's. Where that cannot be shown (keywords that only equality settles, alternatives that only together cover
another, documents too large), a difference says so. The rules are those of JSON Schema 2020-12; keywords that
assert nothing count for nothing. `format` counts as asserted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from autobot.kernel.core.canonical import canonical_json
from autobot.kernel.messaging.schemas import members
from autobot.kernel.messaging.schemas.document import (
    Branch,
    Document,
    Incomparable,
    Node,
    kind_of,
    kinds,
    required,
    same,
    values,
)
from autobot.kernel.messaging.schemas.measures import opaque, scalar

STEPS_MAX: Final = 10_000
"""Alternatives compared with one another; beyond it the documents are called too large. Takes some 0.3 s."""

Kind = Literal["type", "value", "limit", "required", "member", "closed", "rule", "incomparable"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A message of the writer that the reader refuses, or may refuse.

    The pointers lead into the writer's and the reader's document, to the schemas that are compared.
    """

    kind: Kind
    detail: str
    writer_at: str
    reader_at: str


def differences(writer: Any, reader: Any, *, tolerant: bool = False) -> list[Difference]:
    """Return why the reader's schema may refuse what the writer's allows; empty: it never does.

    A `tolerant` reader skips members that its closed schema does not name.
    """
    if same(writer, reader):
        return []
    try:
        comparison = _Comparison(Document(writer), Document(reader), tolerant)
        found = comparison.included((Node(writer, ""),), (Node(reader, ""),))
    except Incomparable as reason:
        found = [Difference("incomparable", f"cannot be compared: {reason.reason}", reason.at, reason.at)]
    except RecursionError:
        found = [Difference("incomparable", "cannot be compared: too deep", "", "")]
    return list(dict.fromkeys(found))


class _Comparison:
    """One comparison of two documents. Pairs of places under way count as fitting, so circles end."""

    def __init__(self, writer: Document, reader: Document, tolerant: bool) -> None:
        self._writer, self._reader, self.tolerant = writer, reader, tolerant
        self._under_way: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
        self._steps = 0
        self._same_definitions = same(_definitions(writer.root.schema), _definitions(reader.root.schema))

    def included(self, writer: Iterable[Node], reader: Iterable[Node]) -> list[Difference]:
        """Compare schemas that hold together with others that hold together."""
        writer, reader = tuple(writer), tuple(reader)
        pair = (_names(writer), _names(reader))
        if pair in self._under_way:
            return []
        place = (writer[0].at if writer else "", reader[0].at if reader else "")
        self._under_way.add(pair)
        try:
            readers = self._reader.branches(reader, reader=True)
            return [
                one
                for branch in self._writer.branches(writer, reader=False)
                for kind in sorted(kinds(branch))
                if not self._empty(branch, kind)
                for one in self._read(branch, kind, readers, place)
            ]
        finally:
            self._under_way.discard(pair)

    def _read(
        self, writer: Branch, kind: str, readers: Sequence[Branch], place: tuple[str, str]
    ) -> list[Difference]:
        """Compare one kind of one branch with the reader's branch that fits best."""
        able = [one for one in readers if kind in kinds(one)]
        allowed = values(writer)
        if not able:
            return [_untyped(kind, readers, allowed, place)]
        if allowed is None:
            return self._best(writer, kind, able, place)
        return [
            one
            for value in allowed
            if kind_of(value) == kind
            for one in self._best((*writer, Node({"const": value}, place[0])), kind, able, place)
        ]

    def _best(
        self, writer: Branch, kind: str, readers: Sequence[Branch], place: tuple[str, str]
    ) -> list[Difference]:
        best: list[Difference] | None = None
        for branch in readers:
            self._steps += 1
            if self._steps > STEPS_MAX:
                raise Incomparable("the documents are too large", place[1])
            found = [one for node in branch for one in self._node(writer, node, kind, place[0])]
            if not found:
                return []
            if best is None or len(found) < len(best):
                best = found
        return best or []

    def _node(self, writer: Branch, node: Node, kind: str, at: str) -> Iterator[Difference]:
        """Compare one kind of a writer's branch with one node of the reader."""
        for word, listed in (("enum", node.schema.get("enum")), ("const", [node.schema.get("const")])):
            if word not in node:
                continue
            allowed = values(writer)
            if allowed is None:
                yield Difference("value", "only certain values are read", at, node.at)
                return
            for value in allowed:
                if kind_of(value) == kind and not any(same(value, one) for one in listed):
                    yield Difference(
                        "value", f"the value {canonical_json(value).decode()} is not read", at, node.at
                    )
        for detail in scalar(writer, node, kind):
            yield Difference("limit", detail, at, node.at)
        for detail in opaque(
            writer, node, kind, same_references=self._same_definitions, tolerant=self.tolerant
        ):
            yield Difference("rule", detail, at, node.at)
        if kind == "object":
            yield from self._members(writer, node, at)
        elif kind == "array":
            yield from self._items(writer, node, at)

    def _members(self, writer: Branch, node: Node, at: str) -> Iterator[Difference]:
        given = required(writer)
        for name in node.schema.get("required", ()):
            if name not in given:
                yield Difference(
                    "required", f"the member {name!r} is required, and may be missing", at, node.at
                )
        for name in sorted(members.named(writer) | members.named((node,))):
            theirs = members.of(writer, name)
            if any(one.schema is False for one in theirs):
                continue
            ours = members.of((node,), name)
            if _closed(ours):
                if not self.tolerant:
                    yield Difference(
                        "closed", f"the member {name!r} is not read", _first(theirs, at), node.at
                    )
                continue
            found = self.included(theirs, ours)
            if found and not theirs:
                detail = f"the member {name!r} may hold anything in messages whose schema is open"
                found = [Difference("member", detail, at, ours[0].at)]
            yield from found
        yield from self._others(writer, node, at)

    def _others(self, writer: Branch, node: Node, at: str) -> Iterator[Difference]:
        """Compare the members that neither names."""
        for theirs, ours in members.others(writer, node):
            if any(one.schema is False for one in theirs):
                continue
            if _closed(ours):
                if not self.tolerant:
                    yield Difference(
                        "closed", "members without a name here are not read", _first(theirs, at), node.at
                    )
                continue
            yield from self.included(theirs, ours)

    def _items(self, writer: Branch, node: Node, at: str) -> Iterator[Difference]:
        length = max(members.prefix(one) for one in (*writer, node))
        longest = members.longest(writer)
        for index in range(length + 1):
            if longest is not None and index >= longest:
                return
            theirs = [item for one in writer for item in members.item(one, index)]
            if any(one.schema is False for one in theirs):
                return
            ours = members.item(node, index)
            if _closed(ours):
                yield Difference(
                    "closed", f"more than {index} items are not read", _first(theirs, at), node.at
                )
                return
            yield from self.included(theirs, ours)

    def _empty(self, writer: Branch, kind: str) -> bool:
        """Say whether a branch allows nothing of a kind, as far as that is easily seen."""
        allowed = values(writer)
        if allowed is not None and not any(kind_of(one) == kind for one in allowed):
            return True
        if kind == "object":
            return any(
                any(one.schema is False for one in members.of(writer, name)) for name in required(writer)
            )
        return False


def _untyped(kind: str, readers: Sequence[Branch], allowed: Any, place: tuple[str, str]) -> Difference:
    read = sorted(frozenset().union(*(kinds(one) for one in readers))) if readers else []
    words = " or ".join({"integer": "whole number"}.get(one, one) for one in read) or "nothing"
    given = {"integer": "whole number"}.get(kind, kind)
    if allowed is not None and kind in ("string", "integer", "fraction", "boolean", "null"):
        given += f" ({', '.join(canonical_json(one).decode() for one in allowed if kind_of(one) == kind)})"
    return Difference("type", f"a {given} is not read, only {words}", *place)


def _names(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Name schemas by their places; a single value, which has none of its own, by itself."""
    return tuple(
        sorted(
            {
                f"{one.at} = {canonical_json(one.schema).decode()}"
                if isinstance(one.schema, Mapping) and "const" in one
                else one.at
                for one in nodes
            }
        )
    )


def _closed(nodes: Iterable[Node]) -> bool:
    return any(one.schema is False for one in nodes)


def _first(nodes: Sequence[Node], otherwise: str) -> str:
    return nodes[0].at if nodes else otherwise


def _definitions(schema: Any) -> Any:
    return schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
