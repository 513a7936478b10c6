"""The adapter of JSON Schema keeps its port's promises, and the suite finds what does not."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jsonschema
import orjson
import pytest

from autobot.adapters.jsonschema.validator import JsonSchemaValidator
from autobot.contexts.schemas.ports import SchemaValidator
from autobot.kernel.core.errors import FieldError
from autobot.testing.conformance.schema_validator import SchemaValidatorSuite


class TestJsonSchemaValidator(SchemaValidatorSuite):
    def validator(self) -> SchemaValidator:
        return JsonSchemaValidator()

    def test_a_schema_is_compiled_once_and_the_oldest_is_let_go(self) -> None:
        """However many schemas come by, a bounded number is kept, and each still judges."""
        validator = JsonSchemaValidator()
        for number in range(600):
            assert not validator.errors({"const": number}, b"%d" % number)
            assert validator.errors({"const": number}, b"-1")


class SharedValidator(SchemaValidatorSuite):
    """The suite over a validator with a fault."""

    made: type[JsonSchemaValidator]

    def validator(self) -> SchemaValidator:
        return self.made()


class IgnoresFormats(JsonSchemaValidator):
    def errors(self, schema: Any, data: bytes) -> Sequence[FieldError]:
        return [one for one in super().errors(schema, data) if "date-time" not in one.detail]


class PointsAtTheRoot(JsonSchemaValidator):
    def errors(self, schema: Any, data: bytes) -> Sequence[FieldError]:
        return [replace(one, pointer="") for one in super().errors(schema, data)]


class StopsAtTheFirst(JsonSchemaValidator):
    def errors(self, schema: Any, data: bytes) -> Sequence[FieldError]:
        return super().errors(schema, data)[:1]


class ForgetsToEscape(JsonSchemaValidator):
    def errors(self, schema: Any, data: bytes) -> Sequence[FieldError]:
        return [replace(one, pointer=one.pointer.replace("~1", "/")) for one in super().errors(schema, data)]


class TakesEverySchema(JsonSchemaValidator):
    def faults(self, schema: Any) -> Sequence[FieldError]:
        return ()


class TellsAll(JsonSchemaValidator):
    def errors(self, schema: Any, data: bytes) -> Sequence[FieldError]:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            return super().errors(schema, data)
        found = jsonschema.Draft202012Validator(schema).iter_errors(value)
        return [FieldError(detail=one.message, pointer="") for one in found]


FAULTS = (IgnoresFormats, PointsAtTheRoot, StopsAtTheFirst, ForgetsToEscape, TakesEverySchema, TellsAll)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
def test_each_planted_fault_is_found(fault: type[JsonSchemaValidator]) -> None:
    """Over a validator with this fault at least one test of the suite fails."""
    suite = type("Suite", (SharedValidator,), {"made": fault})()
    failed = 0
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if name.startswith("test_") and not (fault is TellsAll and "linear" in name):
            try:
                test()
            except (AssertionError, pytest.fail.Exception, ValueError):
                failed += 1
    assert failed
