"""A new row of the communication matrix and the test that proves it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any, Final

from autobot.kernel.core.errors import Conflict, InvalidInput
from autobot.kernel.links.matrix import Matrix, read_layer
from autobot.kernel.links.proofs import require_sound

MATRIX: Final = "src/autobot/matrix.toml"
TEST: Final = "tests/unit/kernel/links/rows/test_{source}_{to}.py"
TEMPLATE: Final = "row_test.py.tmpl"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """What was asked for; times in seconds."""

    source: str
    to: str
    doc: str
    pattern: str
    transport: str
    error_handling: str
    timeout: float | None = None
    total: float | None = None
    retries: int = 0
    idempotency: str | None = None

    @property
    def id(self) -> str:
        """The row's name."""
        return f"{self.source}-{self.to}"

    def fields(self) -> dict[str, Any]:
        """Return the row as the matrix holds it, in the order of its lines."""
        retry = {"max": self.retries, "backoff": "exponential"} if self.retries else None
        given: dict[str, Any] = {
            "doc": self.doc,
            "pattern": self.pattern,
            "transport": self.transport,
            "timeout": self.timeout,
            "total": self.total,
            "retry": retry,
            "error_handling": self.error_handling,
            "idempotency": self.idempotency,
            "origin": "ours",
        }
        return {key: value for key, value in given.items() if value is not None}


def with_row(text: str, row: NewRow) -> str:
    """Return the matrix file with the row at its end.

    Raises Conflict for a row that is there, InvalidInput for one without a purpose,
    ConfigurationError for a value that no row may have and for a matrix that breaks a start-up proof.
    """
    if row.id in read_layer(text, MATRIX):
        raise Conflict(f"The matrix has a row {row.id} already.", hint="autobot matrix show")
    if not row.doc.strip():
        raise InvalidInput("A row says in one line what it is for.", hint="--doc 'Orders to the shop.'")
    lines = [f"[rows.{row.id}]", *(f"{key} = {_toml(value)}" for key, value in row.fields().items())]
    changed = f"{text.rstrip()}\n\n" + "\n".join(lines) + "\n"
    require_sound(Matrix(read_layer(changed, MATRIX)))
    return changed


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    # A basic string of TOML 1.0 has JSON's escapes.
    return json.dumps(value, ensure_ascii=False)


def row_test(row: NewRow, template: str) -> tuple[str, str]:
    """Return path and text of the test of a row."""
    words = {
        "id": row.id,
        "pattern": row.pattern,
        "transport": row.transport,
        "error_handling": row.error_handling,
        "timeout": repr(row.timeout),
        "total": repr(row.total),
        "retries": str(row.retries),
    }
    return TEST.format(source=row.source, to=row.to), Template(template).substitute(words)
