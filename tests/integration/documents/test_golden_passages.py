"""Today's code finds by words in the index of passages that every merged version wrote, SQLite and PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from autobot.adapters.memory.passages import MemoryPassages
from autobot.adapters.postgres.passages import PostgresPassages
from autobot.adapters.sqlite.files import version_of as format_of
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.contexts.knowledge.ports.index import PassageIndex, Where
from autobot.kernel.core.scripts import READING
from autobot.testing.conformance.passage_index_base import MODEL, NORTH, UP, ids, passages_of, version_of
from autobot.testing.postgres import Cluster
from tests.golden.generate_passages import DATABASE, DUMP, fill

pytestmark = pytest.mark.anyio

FOLDERS = sorted((Path(__file__).resolve().parents[2] / "golden").glob("passages_v*"))

each_format = pytest.mark.parametrize("golden", FOLDERS, ids=lambda one: one.name)
Opens = Callable[[], Awaitable[SqlitePassages | PostgresPassages]]


def test_there_is_golden_data_for_every_way_of_reading() -> None:
    """Ways 1 to today's each have their data."""
    assert [one.name for one in FOLDERS] == [f"passages_v{number}" for number in range(1, READING + 1)]


async def finds(index: PassageIndex) -> dict[str, list[str]]:
    """Return what questions of several scripts find, now and before."""
    now, before = Where(model=MODEL), Where(model=MODEL, as_of=20)
    found = {
        text: ids(await index.lexical(text, now, 10))
        for text in (
            "截止日期",
            "日",
            "harbour",
            "GROSSE schiff",
            "Größe",
            "किताब",
            "大きさ",
            "部分",
            "见",
            "ships",
        )
    }
    found["then"] = ids(await index.lexical("见頃 十一月", before, 10))
    found["vectors"] = ids(await index.nearest(UP, now, 1)) + ids(await index.nearest(NORTH, now, 2))
    found["texts"] = [one.text for one in await index.of_document("cjk", 1)]
    found["words"] = sorted(str(sorted(one.counts)) for one in await index.words(0, 99))
    return found


async def opened_twice(opens: Opens) -> dict[str, list[str]]:
    """Open what an older version wrote, write on, erase, open again; returns what was found first."""
    index = await opens()
    found = await finds(index)
    version = version_of("new", position=50)
    await index.put(version, passages_of(version, "会议室在二楼"), None)
    await index.erase("past")
    await index.close()
    index = await opens()
    assert ids(await index.lexical("会议室", Where(), 9)) == ["new.1.0"]
    assert ids(await index.lexical("截止日期", Where(), 9)) == ["cjk.1.0"]
    await index.close()
    return found


async def as_written_today(index: SqlitePassages | PostgresPassages) -> dict[str, list[str]]:
    """Return what is found in an index that today's code filled with the same."""
    await fill(index)
    found = await finds(index)
    await index.close()
    return found


@each_format
async def test_a_file_is_read_as_todays(tmp_path: Path, golden: Path) -> None:
    """Its texts are read into words anew, so that all is found as in a file of today; no copy of the old file stays."""
    (tmp_path / "old").mkdir()
    path = tmp_path / "old" / DATABASE
    shutil.copy(golden / DATABASE, path)
    found = await opened_twice(lambda: SqlitePassages.open(path))
    assert found == await as_written_today(await SqlitePassages.open(tmp_path / "new.db"))
    assert found["截止日期"] == ["past.2.0", "cjk.1.0"]
    assert format_of(path) == READING
    assert [one.name for one in path.parent.iterdir() if "format" in one.name] == []


@pytest.mark.needs_program("initdb")
@each_format
async def test_a_database_is_read_as_todays(postgres: Cluster, golden: Path) -> None:
    """The same in PostgreSQL. What is read otherwise now gets another number, for lists and graphs that name it."""
    url = postgres.database()
    name = urlsplit(url).path[1:]
    postgres.load((golden / DUMP).read_text(encoding="utf-8"), name)
    numbered = "SELECT number FROM autobot_passages.passages WHERE title {} convert_to('Engines', 'UTF8')"
    plain, others = (postgres.sql(numbered.format(one), name).split() for one in ("=", "<>"))
    found = await opened_twice(lambda: PostgresPassages.open(url))
    assert found == await as_written_today(await PostgresPassages.open(postgres.database()))
    assert found["截止日期"] == ["past.2.0", "cjk.1.0"]
    assert postgres.sql(numbered.format("="), name).split() == plain
    now = postgres.sql(numbered.format("<>"), name).split()
    assert set(now).isdisjoint(others) == (golden == FOLDERS[0])


async def test_what_golden_data_is_asked_is_told_apart_by_it() -> None:
    """The plainest index finds the same in the same documents: the questions have answers."""
    index = MemoryPassages()
    await fill(index)
    found = await finds(index)
    assert found["截止日期"] == ["past.2.0", "cjk.1.0"]
    assert found["किताब"] == ["other.1.0"]
    assert found["见"] == []
    assert all(found[text] for text in ("日", "harbour", "Größe", "大きさ", "部分", "ships"))
