"""A backup proves itself when it is restored."""

import asyncio
import json
from pathlib import Path

import pytest

from autobot.adapters.sqlite.backup import MANIFEST, read_manifest, restore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.kernel.core.errors import DataCorrupt, DataNewer, OperatorError
from autobot.kernel.event_store.audit_chain import verify
from autobot.kernel.event_store.table_hash import table_hash
from autobot.kernel.event_store.transaction import Put
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio


async def opened(folder: Path) -> tuple[SqliteEventStore, Maker]:
    """Open a store with 200 commits in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = ManualClock()
    store, make = await SqliteEventStore.open(folder / "autobot.db", clock), Maker(clock)
    for number in range(200):
        put = Put(
            table=f"table-{number % 2}",
            key=str(number),
            document={"number": number, "text": "ä"},
            sort=str(number % 9),
        )
        await store.commit(make.transaction(f"s-{number % 11}", writes=(put,), audit=(make.entry(),)))
    return store, make


async def test_restoring_into_an_empty_folder_reproduces_every_table_by_hash(tmp_path: Path) -> None:
    """A backup made while commits go on holds one position; the restored log, chain and tables are equal."""
    store, make = await opened(tmp_path / "data")
    key = tmp_path / "secret.key"
    key.write_bytes(b"k" * 32)
    ended = asyncio.Event()

    async def write_on() -> None:
        while not ended.is_set():
            await store.commit(make.transaction("meanwhile", audit=(make.entry(),)))

    async with asyncio.TaskGroup() as group:
        group.create_task(write_on())
        manifest = await store.backup(tmp_path / "backup", {"secret.key": key})
        ended.set()
    assert manifest == read_manifest(tmp_path / "backup")
    assert sorted(one.name for one in (tmp_path / "backup").iterdir()) == [
        "autobot.db",
        MANIFEST,
        "secret.key",
    ]
    report = restore(tmp_path / "backup", tmp_path / "restored")
    assert any("table-0: 100 documents" in line for line in report)
    assert sorted(one.name for one in (tmp_path / "restored").iterdir()) == ["autobot.db", "secret.key"]
    again = await SqliteEventStore.open(tmp_path / "restored" / "autobot.db", ManualClock())
    assert await again.head() == manifest.position >= 200
    for table in ("table-0", "table-1"):
        assert await table_hash(again, table) == await table_hash(store, table)
        assert (await table_hash(again, table))[1] == manifest.tables[table].hash
    assert verify(await again.audit(limit=100_000)) == (manifest.audit_hash, manifest.audited, None)
    assert list(await again.read_all(limit=50)) == list(await store.read_all(limit=50))
    await again.close()
    await store.close()


async def test_a_backup_is_not_written_over_anything(tmp_path: Path) -> None:
    """A folder with something in it is refused; a failed backup leaves nothing."""
    store, _ = await opened(tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(OperatorError, match="not empty"):
        await store.backup(tmp_path / "full")
    with pytest.raises(OperatorError, match="cannot be written"):
        await store.backup(tmp_path / "new", {"missing": tmp_path / "missing"})
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data", "full"]
    await store.close()


async def test_a_backup_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    """A changed, missing or unproven file, or a foreign folder, is refused, and the target stays empty."""
    store, _ = await opened(tmp_path / "data")
    await store.backup(tmp_path / "backup")
    await store.close()
    backup, target = tmp_path / "backup", tmp_path / "restored"
    database, manifest = (backup / "autobot.db").read_bytes(), (backup / MANIFEST).read_text()

    def fails(kind: type[OperatorError], match: str) -> None:
        with pytest.raises(kind, match=match):
            restore(backup, target)
        assert not target.exists() or list(target.iterdir()) == []
        (backup / "autobot.db").write_bytes(database)
        (backup / MANIFEST).write_text(manifest)

    (backup / "autobot.db").write_bytes(database[:9000] + b"X" + database[9001:])
    fails(DataCorrupt, "not the file that was backed up")
    (backup / "autobot.db").unlink()
    fails(DataCorrupt, "missing")
    (backup / MANIFEST).unlink()
    fails(DataCorrupt, "no backup")
    (backup / MANIFEST).write_text(manifest[:100])
    fails(DataCorrupt, "damaged")
    for name, value, match in (
        ("position", 7, "not 7"),
        ("audit_hash", "0" * 64, "does not end"),
        ("tables", {}, "table-0, table-1"),
    ):
        (backup / MANIFEST).write_text(json.dumps({**json.loads(manifest), name: value}))
        fails(DataCorrupt, match)
    (backup / MANIFEST).write_text(json.dumps({**json.loads(manifest), "format": 99}))
    fails(DataNewer, "99")
    (backup / MANIFEST).write_text(json.dumps({**json.loads(manifest), "database": "../x"}))
    fails(DataCorrupt, "outside")
    assert restore(backup, target)
    with pytest.raises(OperatorError, match="not empty"):
        restore(backup, target)
