"""The matrix: rows in three layers (shipped < file < run-time), each field with the layer it comes from."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.row import Row, read_row

Layer = Literal["shipped", "file", "run-time"]
FORMAT: Final = 1
DELETED: Final = "deleted"
"""A layer that says `deleted = true` takes the row away; the hop then fails."""


def read_layer(text: str, name: str) -> dict[str, dict[str, Any]]:
    """Read one matrix file: row name to its given fields. Raises ConfigurationError naming `name` and the fault."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name} is not TOML: {error}.", hint="autobot matrix check") from error
    unknown = sorted(set(table) - {"format", "rows"})
    if unknown:
        raise ConfigurationError(f"{name}: {unknown[0]} is unknown; rows stand under [rows.<from>-<to>].")
    if table.get("format", FORMAT) != FORMAT:
        raise ConfigurationError(f"{name} has format {table['format']}; this version reads {FORMAT}.")
    rows = table.get("rows", {})
    for row_id, fields in rows.items():
        if not isinstance(fields, dict):
            raise ConfigurationError(f"{name}: rows.{row_id} must be a table.")
    return dict(rows)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All rows in force. Immutable: a change makes a new matrix."""

    shipped: Mapping[str, Mapping[str, Any]]
    file: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    run_time: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(init=False)
    sources: Mapping[str, Layer] = field(init=False)

    def __post_init__(self) -> None:
        """Lay the layers over one another and build every row. Raises ConfigurationError."""
        rows: dict[str, Row] = {}
        sources: dict[str, Layer] = {}
        for row_id in {**self.shipped, **self.file, **self.run_time}:
            fields, source = self._laid(row_id)
            if not fields.pop(DELETED, False):
                rows[row_id] = read_row(row_id, fields)
                sources[row_id] = source
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "sources", sources)

    def _laid(self, row_id: str) -> tuple[dict[str, Any], Layer]:
        fields: dict[str, Any] = {}
        source: Layer = "shipped"
        layers: tuple[tuple[Layer, Mapping[str, Mapping[str, Any]]], ...] = (
            ("shipped", self.shipped),
            ("file", self.file),
            ("run-time", self.run_time),
        )
        for name, layer in layers:
            given = layer.get(row_id)
            if given:
                fields.update(given)
                source = name
        return fields, source

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows in the order of the files."""
        return iter(self.rows.values())

    def with_run_time(self, row_id: str, fields: Mapping[str, Any] | None) -> Matrix:
        """Return the matrix with these run-time fields for a row, or without any. Raises ConfigurationError."""
        run_time = {key: value for key, value in self.run_time.items() if key != row_id}
        if fields:
            run_time[row_id] = dict(fields)
        return Matrix(self.shipped, self.file, run_time)
