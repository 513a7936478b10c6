"""What `SchemaValidator` promises. Subclass `SchemaValidatorSuite`, and override `validator`."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from typing import Any

import msgspec
import pytest

from autobot.contexts.schemas.ports import SchemaValidator

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "at"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "at": {"type": "string", "format": "date-time"},
        "a/b~c": {"type": "array", "items": {"enum": ["x", "y"]}},
        "next": {"$ref": "#"},
    },
    "additionalProperties": False,
}
GOOD = {"id": 1, "at": "2026-01-31T12:00:00Z"}
BAD: list[tuple[Any, list[str]]] = [
    ({"id": 0, "at": GOOD["at"]}, ["/id"]),
    ({"id": 1, "at": "yesterday"}, ["/at"]),
    ({"id": 1}, [""]),
    ({**GOOD, "more": 1}, [""]),
    ({**GOOD, "a/b~c": ["x", "z"]}, ["/a~1b~0c/1"]),
    ({**GOOD, "next": {"id": "1", "at": GOOD["at"]}}, ["/next/id"]),
    ({"id": 0, "at": "yesterday"}, ["/at", "/id"]),
    ("text", [""]),
]
FAULTY: list[tuple[Any, str]] = [
    ({"type": "strin"}, "/type"),
    ({"properties": {"a": {"minimum": "low"}}}, "/properties/a/minimum"),
    ({"pattern": "("}, "/pattern"),
    ({"$ref": "#/$defs/nowhere"}, ""),
    ({"allOf": [{"$ref": "http://127.0.0.1:9/schema"}]}, "/allOf/0/$ref"),
    ({"items": {"$ref": "other.json"}}, "/items/$ref"),
    (7, ""),
]


class SchemaValidatorSuite(ABC):
    """Judging schemas, and data by them."""

    @abstractmethod
    def validator(self) -> SchemaValidator:
        """Return the implementation under test."""

    def judge(self, schema: Any, data: Any) -> list[str]:
        """Return where data is wrong."""
        found = self.validator().errors(schema, msgspec.json.encode(data))
        assert all(one.detail and len(one.detail) <= 300 for one in found)
        return sorted(one.pointer for one in found)

    def test_good_data_has_no_errors(self) -> None:
        """What the schema says is let pass, also behind a reference."""
        assert self.judge(ORDER, GOOD) == []
        assert self.judge(ORDER, {**GOOD, "next": {**GOOD, "a/b~c": []}}) == []
        assert self.judge(True, "anything") == []

    def test_each_error_is_pointed_at(self) -> None:
        """Wrong data is refused with a pointer to each place (RFC 6901), formats included."""
        for data, places in BAD:
            assert self.judge(ORDER, data) == places, data

    def test_what_is_no_json_is_one_error(self) -> None:
        """Bytes that are no JSON, not a number in it, or no UTF-8 are an error at the root."""
        for data in (b"", b"{", b'{"id": NaN}', b'"\xff"', b"[" * 100_000):
            assert [one.pointer for one in self.validator().errors(True, data)] == [""], data

    def test_a_good_schema_has_no_faults(self) -> None:
        """A schema of the dialect is usable, also one that speaks of itself or names a member `$ref`."""
        for schema in (
            ORDER,
            True,
            {},
            {"properties": {"$ref": {"type": "string"}}},
            {"const": {"$ref": "x"}},
        ):
            assert list(self.validator().faults(schema)) == [], schema

    def test_each_fault_of_a_schema_is_pointed_at(self) -> None:
        """What is no schema, and references that lead nowhere or outside, are faults at their place."""
        for schema, place in FAULTY:
            assert {one.pointer for one in self.validator().faults(schema)} == {place}, schema

    def test_nothing_is_fetched(self) -> None:
        """A reference to another address is a fault, and nobody is asked there."""
        with socket.create_server(("127.0.0.1", 0)) as asked:
            asked.setblocking(False)
            port = asked.getsockname()[1]
            assert self.validator().faults({"$ref": f"http://127.0.0.1:{port}/schema"})
            with pytest.raises(BlockingIOError):
                asked.accept()

    def test_patterns_take_linear_time(self) -> None:
        """A pattern that makes backtracking engines take for ever is judged at once, or is a fault."""
        schema = {"pattern": "^(a+)+$"}
        if not self.validator().faults(schema):
            assert self.judge(schema, "a" * 50_000 + "!") == [""]

    def test_errors_do_not_grow_with_the_data(self) -> None:
        """However much is wrong, details are short and there are at most a few hundred."""
        found = self.validator().errors(
            {"items": {"type": "integer"}}, msgspec.json.encode(["x" * 9_000] * 1_000)
        )
        assert 0 < len(found) <= 300
        assert all(len(one.detail) <= 300 for one in found)
