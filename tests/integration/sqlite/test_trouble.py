"""Full disks and readers in the way: told in plain words, nothing half done, and over when the cause is gone."""

import asyncio
import os
from pathlib import Path

import apsw
import pytest

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.sqlite.journal import Journal
from autobot.kernel.core.errors import OperatorError
from autobot.kernel.event_store.audit_chain import verify
from autobot.kernel.event_store.transaction import Append, Erase, Put, Transaction
from autobot.testing.messages import Maker
from autobot.testing.processes import full_disk
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio


async def test_a_full_disk_refuses_commits_and_loses_nothing(tmp_path: Path) -> None:
    """When the file cannot grow, commits raise OperatorError and leave nothing; with space they succeed again."""
    clock = ManualClock()
    store, make = await SqliteEventStore.open(tmp_path / "autobot.db", clock), Maker(clock)
    await store.commit(make.transaction("a", audit=(make.entry(),)))

    def limit(journal: Journal, pages: int) -> None:
        journal.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

    await store._writer.run(lambda journal: limit(journal, 1))
    big = Put(table="t", key="k", document={"text": "x" * 1_000_000})
    writes = [store.commit(make.transaction("a", audit=(make.entry(),), writes=(big,))) for _ in range(3)]
    refused = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(one) for one in refused] == [OperatorError] * 3
    assert "full" in str(refused[0])
    assert await store.head() == 1
    assert await store.get("t", "k") is None
    await store._writer.run(lambda journal: limit(journal, 1_000_000))
    done = await store.commit(make.transaction("a", expected=0, audit=(make.entry(),), writes=(big,)))
    assert done.position == 2
    assert verify(await store.audit())[1:] == (2, None)
    await store.close()


@pytest.mark.parametrize("together", [1, 3, 20])
async def test_appends_to_a_full_disk_leave_nothing(tmp_path: Path, together: int) -> None:
    """Appends that find no space raise OperatorError and count for nothing; with space the log goes on from there."""
    clock = ManualClock()
    store, make = await SqliteEventStore.open(tmp_path / "autobot.db", clock), Maker(clock)

    def limit(journal: Journal, pages: int) -> None:
        journal.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

    def batch() -> list[Transaction]:
        big = [make.message("a", {"text": "x" * 100_000}) for _ in range(together)]
        return [
            Transaction(appends=(Append(stream="a", expected=-2, events=(one,)),), audit=(make.entry(),))
            for one in big
        ]

    await store.commit(make.transaction("a", audit=(make.entry(),)))
    await store._writer.run(lambda journal: limit(journal, 1))
    refused = await asyncio.gather(*map(store.commit, batch()), return_exceptions=True)
    assert [type(one) for one in refused] == [OperatorError] * together
    assert await store.head() == 1
    await store._writer.run(lambda journal: limit(journal, 1_000_000))
    done = await asyncio.gather(*map(store.commit, batch()))
    assert [(one.position, one.revisions) for one in done] == [(2 + n, (1 + n,)) for n in range(together)]
    assert verify(await store.audit())[1:] == (1 + together, None)
    await store.close()


async def test_a_long_reader_does_not_hold_up_commits_after_an_erasure(tmp_path: Path) -> None:
    """While a reader keeps the write-ahead log from being emptied commits go on; when it ends the text goes."""
    clock = ManualClock()
    path = tmp_path / "autobot.db"
    store, make = await SqliteEventStore.open(path, clock), Maker(clock)
    secret = make.message("a", {"text": "xylophonistin"})
    await store.commit(Transaction(appends=(Append(stream="a", expected=-1, events=(secret,)),)))
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN").fetchall()
    reader.execute("SELECT count(*) FROM events").fetchall()
    async with asyncio.timeout(4.5):
        await store.commit(Transaction(erase=(Erase(stream="a"),)))
        for _ in range(50):
            await store.commit(make.transaction("b"))
    reader.execute("ROLLBACK").fetchall()
    reader.close()
    clock.advance(10)
    await store.commit(make.transaction("b"))
    await store._writer.run(lambda journal: None)
    files = [one for one in tmp_path.iterdir() if b"xylophonistin" in one.read_bytes()]
    assert files == []
    await store.close()


async def test_a_full_disk_after_an_erasure_stops_nothing(tmp_path: Path) -> None:
    """When older images cannot be overwritten for want of space commits go on, and the text goes when there is some."""
    clock = ManualClock()
    store, make = await SqliteEventStore.open(tmp_path / "autobot.db", clock), Maker(clock)
    many = tuple(make.message("a", {"text": "x" * 2000}) for _ in range(1500))
    secret = make.message("b", {"text": "xylophonistin"})
    for stream, events in (("a", many), ("b", (secret,))):
        await store.commit(Transaction(appends=(Append(stream=stream, expected=-1, events=events),)))
    await store._writer.run(lambda journal: journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    async with asyncio.timeout(20):
        with full_disk(os.getpid(), 1_000_000):
            clock.advance(10)
            await store.commit(Transaction(erase=(Erase(stream="b"),)))
            # The writer answers this when it has tried to empty the write-ahead log, and failed.
            await store._writer.run(lambda journal: None)
            assert store._writer.durable.erased
        for _ in range(3):
            clock.advance(10)
            await store.commit(make.transaction("c"))
        await store._writer.run(lambda journal: None)
    assert not store._writer.durable.erased
    files = [one for one in tmp_path.iterdir() if b"xylophonistin" in one.read_bytes()]
    assert files == []
    await store.close()
