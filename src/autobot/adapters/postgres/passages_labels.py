"""Gives the passages of a document another title, other tags, another collection, and keeps what they had."""

from __future__ import annotations

from typing import Any, Final

from autobot.adapters.postgres.passages_reading import searchable
from autobot.contexts.knowledge.ports.index import Labels

PAST: Final = """
CREATE TABLE IF NOT EXISTS autobot_passages.past (
    version bigint NOT NULL,
    title bytea NOT NULL,
    tags text[] COLLATE "C" NOT NULL,
    since bigint NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (version, since)
);
"""
"""Labels that a version had before those of now."""
REWORDED: Final = (
    "UPDATE autobot_passages.passages SET number = DEFAULT, title = $2, length = $3,"
    " words = to_tsvector('english', $4) WHERE number = $1"
)
"""Writes the title and the words of a passage. It gets another number, as its words are others now."""
_NOW: Final = """
SELECT d.number, d.tags, (SELECT p.title FROM autobot_passages.passages p WHERE p.version = d.number LIMIT 1) AS title,
  coalesce((SELECT max(until) FROM autobot_passages.past h WHERE h.version = d.number), d.since) AS since
FROM autobot_passages.versions d WHERE d.document = $1 AND d.until IS NULL
"""


async def label(connection: Any, labels: Labels) -> None:
    """Write the labels of a document. The version that is found now keeps those that it had as its past."""
    await connection.execute(
        "UPDATE autobot_passages.versions SET collection = $2 WHERE document = $1",
        labels.document_id,
        labels.collection,
    )
    row = await connection.fetchrow(_NOW, labels.document_id)
    title, tags = labels.title.encode(), list(labels.tags)
    if row is None or (row["title"], row["tags"]) == (title, tags):
        return
    if labels.position > row["since"]:
        await connection.execute(
            "INSERT INTO autobot_passages.past(version, title, tags, since, until) VALUES ($1, $2, $3, $4, $5)",
            row["number"],
            row["title"],
            row["tags"],
            row["since"],
            labels.position,
        )
    await connection.execute(
        "UPDATE autobot_passages.versions SET tags = $2 WHERE number = $1", row["number"], tags
    )
    if row["title"] != title:
        await _retitle(connection, row["number"], labels.title)


async def _retitle(connection: Any, version: int, title: str) -> None:
    """Write the title of every passage."""
    found = await connection.fetch(
        "SELECT number, heading, text FROM autobot_passages.passages WHERE version = $1 ORDER BY place",
        version,
    )
    rows = []
    for number, heading, text in found:
        words, length = searchable(f"{title} {heading.decode()} {text.decode()}")
        rows.append((number, title.encode(), length, words))
    await connection.executemany(REWORDED, rows)
