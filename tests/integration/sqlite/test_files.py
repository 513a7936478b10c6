"""Whose file it is, how old it is, whether it is whole: refusals say why and change nothing."""

import hashlib
import random
from pathlib import Path

import apsw
import pytest

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.sqlite.files import Format
from autobot.adapters.sqlite.schema import DDL, VERSION
from autobot.kernel.core.errors import AutoBotError, DataCorrupt, DataNewer, OperatorError
from autobot.kernel.event_store.transaction import Put
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio


async def filled(path: Path, commits: int = 20) -> None:
    """Write a database and close it."""
    clock = ManualClock()
    store, make = await SqliteEventStore.open(path, clock), Maker(clock)
    for number in range(commits):
        put = Put(table="t", key=str(number), document={"text": "x" * 500}, text=f"word {number}")
        await store.commit(make.transaction(f"s{number % 3}", writes=(put,), audit=(make.entry(),)))
    await store.close()


def state(folder: Path) -> dict[str, str]:
    """Return every file of a folder with the hash of its content."""
    return {one.name: hashlib.blake2b(one.read_bytes()).hexdigest() for one in folder.iterdir()}


async def refused(path: Path, form: Format | None = None) -> AutoBotError:
    """Return why opening is refused, after checking that this changed no file and made none."""
    before = state(path.parent)
    with pytest.raises(OperatorError) as error:
        await SqliteEventStore.open(path, ManualClock(), form=form or Format())
    assert state(path.parent) == before
    return error.value


async def test_a_closed_store_is_one_private_file(tmp_path: Path) -> None:
    """After close the folder holds the database alone, readable by its owner only, and it opens again."""
    path = tmp_path / "autobot.db"
    await filled(path)
    assert [one.name for one in tmp_path.iterdir()] == ["autobot.db"]
    assert path.stat().st_mode & 0o777 == 0o600
    store = await SqliteEventStore.open(path, ManualClock())
    assert await store.head() == 20
    assert [one.revision for one in await store.read_stream("s1")] == list(range(7))
    await store.close()


async def test_the_file_keeps_the_settings_that_durability_rests_on(tmp_path: Path) -> None:
    """The writer's connection runs in WAL mode with synchronous=FULL and secure_delete."""
    store = await SqliteEventStore.open(tmp_path / "autobot.db", ManualClock())
    names = ("journal_mode", "synchronous", "secure_delete")

    def ask(journal: object) -> list[object]:
        connection = journal.connection  # type: ignore[attr-defined]
        return [connection.execute(f"PRAGMA {name}").fetchall()[0][0] for name in names]

    assert await store._writer.run(ask) == ["wal", 2, 1]
    await store.close()


async def test_newer_data_is_refused_untouched(tmp_path: Path) -> None:
    """A file of a later format raises DataNewer that names both formats."""
    path = tmp_path / "autobot.db"
    await filled(path)
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA user_version = {VERSION + 1}").fetchall()
    connection.close()
    error = await refused(path)
    assert isinstance(error, DataNewer)
    assert str(VERSION + 1) in error.detail
    assert error.hint


@pytest.mark.parametrize(
    "content", [b"hello", b"x" * 5000, b"SQLite format 3\0", b"SQLite format 3\0" + b"\0" * 4080]
)
async def test_a_file_that_is_no_database_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    """Text, noise or half a header raises DataCorrupt."""
    path = tmp_path / "autobot.db"
    path.write_bytes(content)
    assert isinstance(await refused(path), DataCorrupt)


async def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    """Another program's SQLite file is not ours, whatever its tables are called."""
    path = tmp_path / "autobot.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE events(position INTEGER PRIMARY KEY)").fetchall()
    connection.close()
    error = await refused(path)
    assert isinstance(error, DataCorrupt)
    assert "another program" in error.detail


async def test_a_cut_off_file_is_refused(tmp_path: Path) -> None:
    """A file that lost its end raises DataCorrupt, at a page's border and inside a page."""
    path = tmp_path / "autobot.db"
    await filled(path)
    whole = path.read_bytes()
    for size in (len(whole) // 2, len(whole) // 2 // 4096 * 4096, len(whole) - 1, 4096, 100):
        path.write_bytes(whole[:size])
        assert isinstance(await refused(path), DataCorrupt), size


async def test_damaged_pages_are_refused(tmp_path: Path) -> None:
    """A page overwritten with noise raises DataCorrupt at opening, whichever page of structure it is."""
    path = tmp_path / "autobot.db"
    await filled(path, 60)
    whole = path.read_bytes()
    noise = random.Random(3)
    for page in range(1, len(whole) // 4096):
        if whole[page * 4096] not in {2, 5, 10, 13}:
            continue  # an overflow or free page has no structure that a check could miss
        path.write_bytes(whole[: page * 4096] + noise.randbytes(4096) + whole[(page + 1) * 4096 :])
        assert isinstance(await refused(path), DataCorrupt), page


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A path in a folder that does not exist raises OperatorError, not a foreign error."""
    with pytest.raises(OperatorError):
        await SqliteEventStore.open(tmp_path / "nowhere" / "autobot.db", ManualClock())


# ------------------------------------------------------------------------------------------------ migration


def two_steps(*, fail: bool = False) -> Format:
    """Return a format two versions later."""

    def rename(connection: apsw.Connection) -> None:
        connection.execute("ALTER TABLE snapshots ADD COLUMN taken INTEGER NOT NULL DEFAULT 0").fetchall()

    def fill(connection: apsw.Connection) -> None:
        connection.execute("UPDATE snapshots SET taken = 7").fetchall()
        if fail:
            connection.execute("INSERT INTO missing VALUES (1)").fetchall()

    return Format(version=VERSION + 2, ddl=DDL, steps={VERSION: rename, VERSION + 1: fill})


async def test_older_data_is_backed_up_then_migrated(tmp_path: Path) -> None:
    """Opening older data keeps a copy of it beside it, takes every step, and serves the same events."""
    path = tmp_path / "autobot.db"
    await filled(path)
    store = await SqliteEventStore.open(path, ManualClock(), form=two_steps())
    assert await store.head() == 20
    await store.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["autobot.db", f"autobot.db.format-{VERSION}"]
    copy = await SqliteEventStore.open(tmp_path / f"autobot.db.format-{VERSION}", ManualClock())
    assert await copy.head() == 20
    await copy.close()
    again = await SqliteEventStore.open(path, ManualClock(), form=two_steps())
    assert len(await again.read_stream("s0")) == 7
    await again.close()
    assert isinstance(await refused(path), DataNewer)


async def test_a_step_that_fails_leaves_the_old_format(tmp_path: Path) -> None:
    """When a step fails, opening is refused and the file still opens with the version that wrote it."""
    path = tmp_path / "autobot.db"
    await filled(path)
    with pytest.raises(OperatorError):
        await SqliteEventStore.open(path, ManualClock(), form=two_steps(fail=True))
    store = await SqliteEventStore.open(path, ManualClock())
    assert await store.head() == 20
    await store.close()


async def test_a_missing_step_stops_with_the_reason(tmp_path: Path) -> None:
    """Older data without a way to today's format is refused untouched."""
    path = tmp_path / "autobot.db"
    await filled(path)
    error = await refused(path, Format(version=VERSION + 3, ddl=DDL, steps=two_steps().steps))
    assert f"no way from format {VERSION + 2}" in error.detail
