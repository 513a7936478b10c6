"""The words of passages and of questions, as PostgreSQL's full text search reads them."""

from __future__ import annotations

from typing import Any

from autobot.adapters.postgres.passages_reading import looked_up
from autobot.contexts.knowledge.ports.index import StoredWords


async def asked(connection: Any, text: str) -> tuple[str, ...]:
    """Return the words of a question, without those that say nothing in English."""
    return tuple(
        await connection.fetchval("SELECT tsvector_to_array(to_tsvector('english', $1))", looked_up(text))
    )


async def counted(connection: Any, after: int, limit: int) -> list[StoredWords]:
    """Return a page of passages with their words."""
    rows = await connection.fetch(
        "SELECT number, length, ARRAY(SELECT lexeme FROM unnest(words) ORDER BY lexeme),"
        " ARRAY(SELECT cardinality(positions) FROM unnest(words) ORDER BY lexeme)"
        " FROM autobot_passages.passages WHERE number > $1 ORDER BY number LIMIT $2",
        after,
        limit,
    )
    return [
        StoredWords(number=number, length=length, counts=dict(zip(words, counts, strict=True)))
        for number, length, words, counts in rows
    ]
