"""Reads passages into words anew that a version of AutoBot wrote which read texts otherwise."""

from __future__ import annotations

from typing import Any, Final

from autobot.adapters.postgres.passages_labels import REWORDED
from autobot.adapters.postgres.passages_reading import cut, searchable
from autobot.kernel.core.scripts import READING
from autobot.kernel.event_store.text import words

VERSIONS: Final = 50
"""Versions of documents that are looked through in one transaction."""
COLUMN: Final = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = 'autobot_passages'
                 AND table_name = 'versions' AND column_name = 'reading') THEN
    ALTER TABLE autobot_passages.versions ADD COLUMN reading integer NOT NULL DEFAULT 1;
  END IF;
END $$;
"""
"""How the words of a version were read. Versions of AutoBot that do not know the column read as 1."""
_OLD: Final = (
    "SELECT number FROM autobot_passages.versions WHERE number > $1 AND reading < $2 ORDER BY number LIMIT $3"
)


async def read_anew(connection: Any, after: int) -> int | None:
    """Read some versions after the number `after` anew; returns the last one's number, None when none is left.

    Needs a transaction that holds the lock of writers. A passage whose words are others now gets another number.
    """
    found: list[int] = [row[0] for row in await connection.fetch(_OLD, after, READING, VERSIONS)]
    if not found:
        return None
    rows = []
    for number, title, heading, text in await connection.fetch(
        "SELECT number, title, heading, text FROM autobot_passages.passages"
        " WHERE version = ANY($1::bigint[]) ORDER BY version, place",
        found,
    ):
        whole = f"{title.decode()} {heading.decode()} {text.decode()}"
        now, length = searchable(whole)
        if now != " ".join(cut(words(whole))):
            rows.append((number, title, length, now))
    await connection.executemany(REWORDED, rows)
    await connection.execute(
        "UPDATE autobot_passages.versions SET reading = $2 WHERE number = ANY($1::bigint[])", found, READING
    )
    return found[-1]
