"""A small group in one statement: its rows go into a view whose trigger passes them on to their tables.

One statement is one step of SQLite: begin, rows, flush and commit run without a single return to Python, and so
without waiting for the interpreter in between, which the loop has meanwhile. Statement by statement the writer
would queue behind a busy loop once for each of them, for up to the interpreter's switch interval.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from typing import Final

import apsw

from autobot.kernel.event_store.rows import Row

LIMIT: Final = 4
"""Rows of one table at most. For more of them single statements cost less than the trigger, all in all."""

INTO: Final = {
    "events(position, stream, revision, committed, id, type, correlation, time, hash, meta, data)": 11,
    "audit(sequence, hash, body)": 3,
    "answers(number, place, expires, scope, key, fingerprint, status, body)": 8,
    "checkpoints(consumer, position)": 2,
}
"""Where rows go that only ever come at the end, and how many values each has."""
FORWARD: Final = (
    "ON CONFLICT(consumer) DO UPDATE SET position = excluded.position WHERE excluded.position > position"
)
"""A checkpoint that is moved: only ever forward."""

_WIDTHS: Final = tuple(INTO.values())
_NOTHING: Final = tuple((None,) * width for width in _WIDTHS)
_flat = chain.from_iterable


def install(connection: apsw.Connection) -> None:
    """Make the view and its trigger, for this connection only; the file does not know them."""
    columns, parts = [], []
    for table, (into, width) in enumerate(INTO.items()):
        mine = [f"c{table}_{one}" for one in range(width)]
        columns += mine
        values = ", ".join(f"new.{one}" for one in mine)
        conflict = f" {FORWARD}" if into.startswith("checkpoints") else ""
        parts.append(f"INSERT INTO {into} SELECT {values} WHERE new.{mine[0]} IS NOT NULL{conflict};")
    # What is read of a group's rows stands in memory until its trigger runs.
    connection.execute("PRAGMA temp_store = MEMORY").fetchall()
    view = ", ".join(f"NULL AS {one}" for one in columns)
    connection.execute(f"CREATE TEMP VIEW joint AS SELECT {view}")
    connection.execute(
        f"CREATE TEMP TRIGGER joint_rows INSTEAD OF INSERT ON joint BEGIN {' '.join(parts)} END"
    )


_ROW: Final = f"({','.join('?' * sum(_WIDTHS))})"
_STATEMENTS: Final = tuple(f"INSERT INTO joint VALUES {','.join([_ROW] * rows)}" for rows in range(LIMIT + 1))  # noqa: S608


@dataclass(slots=True)
class Joint:
    """A statement and its values."""

    statement: str
    values: Row

    def run(self, connection: apsw.Connection) -> None:
        """Insert the rows; outside of a transaction that is one, durable on return."""
        connection.execute(self.statement, self.values)


def joined(
    events: Collection[Row], audit: Collection[Row], answers: Collection[Row], checkpoints: Collection[Row]
) -> Joint | None:
    """Return what inserts these rows, None when a table gets more than LIMIT, or no table anything."""
    tables = (events, audit, answers, checkpoints)
    most = max(map(len, tables))
    if not 0 < most <= LIMIT:
        return None
    padded = [
        rows if len(rows) == most else (*rows, *(nothing,) * (most - len(rows)))
        for rows, nothing in zip(tables, _NOTHING, strict=True)
    ]
    return Joint(_STATEMENTS[most], tuple(_flat(_flat(zip(*padded, strict=True)))))
