"""Writes the golden data of today's formats of the index of passages, once for each way of reading texts that is merged.

    python -m tests.golden.generate_passages tests/golden/passages_v2

There are a SQLite file and, as SQL, a PostgreSQL database, with the same content.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

from autobot.adapters.postgres.passages import PostgresPassages
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.testing.conformance.passage_index_base import (
    EAST,
    MODEL,
    NORTH,
    UP,
    labels,
    passages_of,
    version_of,
)
from autobot.testing.postgres import Cluster

DATABASE: Final = "passages.db"
DUMP: Final = "passages.sql"
CHINESE: Final = "本公司的报销截止日期为每月二十五日。"
GERMAN: Final = "Die Größe der Schiffe, und die Häfen."
ENGLISH: Final = "Engines of ships, and their harbours."
HINDI: Final = "हिन्दी की किताब मेज़ पर है"


async def fill(index: PassageIndex) -> None:
    """Put documents of several scripts, one with a past, one with other labels, one that is found no more."""
    for name, texts in {"cjk": (CHINESE, ENGLISH), "latin": (GERMAN, ENGLISH), "other": (HINDI,)}.items():
        version = version_of(name, model=MODEL)
        await index.put(version, passages_of(version, *texts, heading="部分"), (NORTH, EAST)[: len(texts)])
    for number, text in ((1, "旧的截止日期"), (2, "新的截止日期")):
        version = version_of("past", number, position=10 * number, model=MODEL)
        await index.put(version, passages_of(version, text), (UP,))
    await index.label(labels("latin", 30, title="船の大きさ", tags=("ships",)))
    plain = version_of("plain", title="Engines")
    await index.put(plain, passages_of(plain, ENGLISH), None)
    version = version_of("gone", position=15)
    await index.put(version, passages_of(version, "見頃は十一月"), None)
    await index.retire("gone", 40)


async def main(folder: Path) -> None:
    """Write the golden data to a folder; it must not exist."""
    folder.mkdir(parents=True)
    near = await SqlitePassages.open(folder / DATABASE)
    await fill(near)
    await near.vacuum()
    await near.close()
    with Cluster() as cluster:
        shared = await PostgresPassages.open(cluster.url("postgres"))
        await fill(shared)
        await shared.close()
        (folder / DUMP).write_text(cluster.dump() + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
