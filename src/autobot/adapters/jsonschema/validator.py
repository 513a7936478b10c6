"""Implements `SchemaValidator`. The library is imported when a schema is first judged: it costs 8 MB and 0.15 s."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import orjson

from autobot.kernel.core.errors import FieldError
from autobot.kernel.core.pointer import pointer_to

KEPT: Final = 256
"""Compiled schemas that are kept."""
DETAIL_MAX: Final = 300
ERRORS_MAX: Final = 100
META: Final = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
"""The schema of schemas; the library carries it."""
VALUES: Final = frozenset({"const", "enum", "default", "examples"})
NAMED: Final = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas"})


class JsonSchemaValidator:
    """Compiles each schema once. Formats are asserted; unknown ones say nothing, as the standard has it."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[bytes, Any] = OrderedDict()

    def faults(self, schema: Any) -> Sequence[FieldError]:
        import jsonschema_rs

        leaving = [
            FieldError(detail="must stay inside the schema: nothing is fetched", pointer=at)
            for at, reference in _references(schema, "")
            if not (isinstance(reference, str) and reference.startswith("#"))
        ]
        found = leaving[:ERRORS_MAX] or _listed(self._validator(META).iter_errors(schema))
        if found:
            return found
        try:
            self._validator(schema)
        except jsonschema_rs.ValidationError as error:
            pointer = pointer_to(error.instance_path)
            return (FieldError(detail=_short(f"cannot be used: {error.message}"), pointer=pointer),)
        return ()

    def errors(self, schema: Any, data: bytes) -> Sequence[FieldError]:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            return (FieldError(detail="is not JSON", pointer=""),)
        return _listed(self._validator(schema).iter_errors(value))

    def _validator(self, schema: Any) -> Any:
        import jsonschema_rs

        key = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)
        found = self._compiled.get(key)
        if found is None:
            found = jsonschema_rs.Draft202012Validator(
                schema,
                validate_formats=True,
                pattern_options=jsonschema_rs.RegexOptions(size_limit=1_000_000),
                offline=True,
            )
            self._compiled[key] = found
            if len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        return found


def _listed(errors: Iterable[Any]) -> list[FieldError]:
    return [
        FieldError(detail=_short(one.message), pointer=pointer_to(one.instance_path))
        for one in islice(errors, ERRORS_MAX)
    ]


def _short(text: str) -> str:
    return text if len(text) <= DETAIL_MAX else text[: DETAIL_MAX - 1] + "…"


def _references(schema: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Yield every reference with its place; values and names that only look like one are passed over."""
    if isinstance(schema, list):
        for index, one in enumerate(schema):
            yield from _references(one, f"{at}/{index}")
    elif isinstance(schema, dict):
        for word, value in schema.items():
            way = at + pointer_to((word,))
            if word in ("$ref", "$dynamicRef"):
                yield way, value
            elif word in NAMED and isinstance(value, dict):
                for name, one in value.items():
                    yield from _references(one, way + pointer_to((name,)))
            elif word not in VALUES:
                yield from _references(value, way)
