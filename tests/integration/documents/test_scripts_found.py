"""Passages in Chinese, Japanese, Korean and Thai are found by a word of a sentence and by questions, in every store."""

from __future__ import annotations

from pathlib import Path

import pytest

from autobot.adapters.postgres.passages import PostgresPassages
from autobot.adapters.postings.passages import ListOptions, WordPassages
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.testing.postgres import Cluster
from bench.scripts import asked, shares

pytestmark = pytest.mark.anyio

FIRST_MIN = NEAR_MIN = 0.95


async def well_found(index: PassageIndex) -> None:
    """Of each language and kind nearly all are found, at the first place."""
    found = shares(await asked(index))
    assert set(found) == {(one, kind) for one in ("zh", "ja", "ko", "th") for kind in ("words", "questions")}
    for key, (count, first, near) in found.items():
        assert count >= 5, key
        assert first >= FIRST_MIN, key
        assert near >= NEAR_MIN, key


async def test_in_sqlite(tmp_path: Path) -> None:
    """Words and questions find their passage by full text search, and by lists of words."""
    store = await SqlitePassages.open(tmp_path / "passages.db")
    await well_found(store)
    listed = WordPassages(store, tmp_path, ListOptions(least=1))
    assert await listed.tend()
    await well_found(listed)
    await store.close()


@pytest.mark.needs_program("initdb")
async def test_in_postgresql(postgres: Cluster) -> None:
    """Words and questions find their passage by PostgreSQL's search."""
    store = await PostgresPassages.open(postgres.database())
    await well_found(store)
    await store.close()
