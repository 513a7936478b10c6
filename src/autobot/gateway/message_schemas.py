"""JSON Schemas of events, made from their contracts: what a message of a type holds, for those who read it.

A schema is closed: it names all that is written. Readers skip what they do not know, as ours do, so a member
that has a default may be added later (decision 0020).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter

from autobot.kernel.core.compatibility import Mode

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
STORED: Final[Mode] = "backward_transitive"
"""Events are kept for ever: what reads them today must read all that was ever written."""


def message_schema(kind: type[Any]) -> dict[str, Any]:
    """Return the schema of a contract's data. A member with a default is not required: older messages lack it."""
    found = _tidied(TypeAdapter(kind).json_schema(), named=True)
    return {"$schema": DIALECT, "$id": f"urn:autobot:schema:{kind.TYPE}", **found}


def contract_schema(kind: Any) -> dict[str, Any]:
    """Return the schema of any contract: a command, a query, an answer."""
    found: dict[str, Any] = _tidied(TypeAdapter(kind).json_schema())
    return found


def message_schemas(kinds: Iterable[type[Any]]) -> dict[str, dict[str, Any]]:
    """Return the schemas of contracts by their types, in the order of the types' names."""
    return {kind.TYPE: message_schema(kind) for kind in sorted(kinds, key=lambda one: str(one.TYPE))}


def _tidied(schema: Any, *, named: bool = False) -> Any:
    """Close objects, and take away the titles that only repeat a member's name."""
    if isinstance(schema, list):
        return [_tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "title" and not named:
            continue
        if word == "properties":
            found[word] = {name: _tidied(one) for name, one in value.items()}
        elif word == "$defs":
            found[word] = {name: _tidied(one, named=True) for name, one in value.items()}
        else:
            found[word] = value if word in ("default", "enum", "const", "examples") else _tidied(value)
    if "properties" in found:
        found.setdefault("additionalProperties", False)
    return found
