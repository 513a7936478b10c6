"""The matrix: rows in three layers (shipped < file < run-time), each field with the layer it comes from. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.reading import check_fields, check_name, read_row, similar, wrong
from autobot.kernel.links.row import FIELDS, NEEDED, OPTIONS, Row, field_value

Layer = Literal["shipped", "file", "run-time"]
Fields = Mapping[str, Any]
FORMAT: Final = 1
DELETED: Final = "deleted"
"""A layer that says `deleted = true` takes the row away; the hop then fails."""
SHIPPED_ALONE: Final = frozenset({"origin", "accepted"})
"""Fields that say why a shipped row is as it is; no other layer can claim them."""


def read_layer(text: str, name: str) -> dict[str, dict[str, Any]]:
    """Read one matrix file: row name to its given fields. Raises ConfigurationError naming `name` and the fault."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name} is not TOML: {error}.", hint="autobot matrix check") from error
    unknown = sorted(set(table) - {"format", "rows"})
    if unknown:
        raise ConfigurationError(
            f"{name}: {unknown[0]} is unknown.",
            hint="Rows stand under [rows.<from>-<to>], beside format = 1.",
        )
    if table.get("format", FORMAT) != FORMAT or isinstance(table.get("format"), bool):
        raise ConfigurationError(
            f"{name} has format {table['format']!r}; this version reads {FORMAT}.", hint=f"format = {FORMAT}"
        )
    rows = table.get("rows", {})
    if not isinstance(rows, dict):
        raise ConfigurationError(f"{name}: rows must be a table.", hint="[rows.<from>-<to>]")
    for row_id, fields in rows.items():
        if not isinstance(fields, dict):
            raise ConfigurationError(f"{name}: rows.{row_id} must be a table.", hint=f"[rows.{row_id}]")
    return rows


@dataclass(frozen=True, slots=True)
class Matrix:
    """All rows in force. Immutable: a change makes a new matrix.

    Layers hold fields as files write them. A table of a higher layer is laid over the same table below it;
    `false` (or null) takes a policy away, `deleted = true` the row. `sources` tells for each row which
    layer each of its fields comes from.
    """

    shipped: Mapping[str, Fields]
    file: Mapping[str, Fields] = field(default_factory=dict)
    run_time: Mapping[str, Fields] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(init=False)
    sources: Mapping[str, Mapping[str, Layer]] = field(init=False)

    def __post_init__(self) -> None:
        """Lay the layers over one another and build every row. Raises ConfigurationError."""
        rows: dict[str, Row] = {}
        sources: dict[str, dict[str, Layer]] = {}
        for row_id in {**self.shipped, **self.file, **self.run_time}:
            fields, origins = self._laid(row_id)
            if not fields.pop(DELETED, False):
                rows[row_id] = read_row(row_id, fields)
                sources[row_id] = origins
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "sources", sources)

    def _layers(self) -> tuple[tuple[Layer, Mapping[str, Fields]], ...]:
        return ("shipped", self.shipped), ("file", self.file), ("run-time", self.run_time)

    def _laid(self, row_id: str) -> tuple[dict[str, Any], dict[str, Layer]]:
        fields: dict[str, Any] = {}
        origins: dict[str, Layer] = {}
        for name, layer in self._layers():
            given = layer.get(row_id)
            if given is None:
                continue
            self._check_layer(row_id, name, given, known=bool(fields))
            for key, value in given.items():
                below = fields.get(key)
                whole = (
                    {**below, **value} if isinstance(value, Mapping) and isinstance(below, Mapping) else value
                )
                fields[key] = whole
                origins[key] = name
        return fields, origins

    def _check_layer(self, row_id: str, name: Layer, given: Fields, *, known: bool) -> None:
        check_name(row_id)
        check_fields(row_id, {key: value for key, value in given.items() if key != DELETED})
        if not isinstance(given.get(DELETED, False), bool):
            raise wrong(row_id, DELETED, "must be true or false.")
        if name == "shipped":
            return
        claimed = sorted(SHIPPED_ALONE & set(given))
        if claimed:
            raise wrong(
                row_id, claimed[0], "only a shipped row can say this.", hint=f"Leave {claimed[0]} out."
            )
        if not known and not all(key in given for key in NEEDED):
            raise ConfigurationError(
                f"matrix row {row_id} is not one of the shipped rows.{similar(row_id, self.shipped)}",
                hint=f"To add a row, give {', '.join(NEEDED)}.",
            )

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows in the order of the files."""
        return iter(self.rows.values())

    @property
    def names(self) -> frozenset[str]:
        """Every row that a layer speaks of, deleted ones too."""
        return frozenset({*self.shipped, *self.file, *self.run_time})

    def source(self, row_id: str) -> Layer:
        """Return the highest layer that has a say in a row."""
        found: Layer = "shipped"
        for name, layer in self._layers():
            if row_id in layer:
                found = name
        return found

    def with_run_time(self, row_id: str, fields: Fields | None) -> Matrix:
        """Return the matrix with these run-time fields for a row, or without any. Raises ConfigurationError."""
        run_time = {key: value for key, value in self.run_time.items() if key != row_id}
        if fields:
            run_time[row_id] = dict(fields)
        return Matrix(self.shipped, self.file, run_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a row that differs; `before` and `after` as files write them, None for none."""

    row: str
    field: str
    before: Any
    after: Any


def diff(before: Matrix, after: Matrix) -> tuple[FieldChange, ...]:
    """Return what changed, in the order of the rows. A row that came or went changes its field `deleted`."""
    changes: list[FieldChange] = []
    for row_id in dict.fromkeys((*before.rows, *after.rows)):
        old, new = before.rows.get(row_id), after.rows.get(row_id)
        if old == new:
            continue
        if old is None or new is None:
            changes.append(FieldChange(row=row_id, field=DELETED, before=old is None, after=new is None))
            continue
        changes.extend(
            FieldChange(row=row_id, field=key, before=was, after=now)
            for key in sorted(FIELDS)
            if (was := field_value(old, key)) != (now := field_value(new, key))
        )
    return tuple(changes)


def told(change: FieldChange) -> tuple[str, str]:
    """Return both sides of a change as short texts: of a table the members that differ."""
    before, after = change.before, change.after
    if change.field in OPTIONS and isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [key for key in after if before.get(key) != after[key]]
        before, after = {key: before[key] for key in keys}, {key: after[key] for key in keys}
    return f"{change.field} {before}", f"{change.field} {after}"
