"""Who changes the file by hand is found."""

from pathlib import Path
from typing import Any

import apsw
import pytest

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.kernel.event_store.audit_chain import GENESIS
from autobot.kernel.event_store.transaction import Erase, Transaction
from autobot.kernel.event_store.verification import Verified, verify_store
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio


async def filled(path: Path) -> None:
    """Write 40 commits, some with two audit records, some with none, and erase a stream."""
    clock = ManualClock()
    store, make = await SqliteEventStore.open(path, clock), Maker(clock)
    for number in range(40):
        entries = tuple(make.entry() for _ in range(number % 3))
        await store.commit(make.transaction(f"s{number % 4}", 1 + number % 2, audit=entries))
    await store.commit(Transaction(erase=(Erase(stream="s2"),), audit=(make.entry(),)))
    await store.close()


async def verified(path: Path) -> Verified:
    """Open and prove."""
    store = await SqliteEventStore.open(path, ManualClock())
    try:
        return await verify_store(store)
    finally:
        await store.close()


async def test_a_sound_store_verifies(tmp_path: Path) -> None:
    """Untouched, every record and event holds, erased ones included; an empty store holds, too."""
    path = tmp_path / "autobot.db"
    assert await verified(path) == Verified(records=0, last_hash=GENESIS, events=0)
    path.unlink()
    await filled(path)
    found = await verified(path)
    assert found.sound
    assert (found.records, found.events) == (40, 60)


@pytest.mark.parametrize(
    ("statement", "bindings", "says"),
    [
        ("UPDATE events SET data = ? WHERE position = 7", (b'{"number":99}',), "payload of event 7"),
        ("UPDATE events SET hash = ? WHERE position = 7", (b"\0" * 32,), "payload of event 7"),
        ("UPDATE events SET data = NULL, hash = ? WHERE position = 4", (b"\0" * 32,), "not in the log"),
        ("DELETE FROM events WHERE position = 12", (), "Event 12 is missing"),
        ("DELETE FROM audit WHERE sequence = 9", (), "record 9: the record is missing"),
        ("UPDATE audit SET hash = ? WHERE sequence = 9", (b"\1" * 32,), "record 9"),
        (
            "UPDATE audit SET body = (SELECT body FROM audit WHERE sequence = 8) WHERE sequence = 9",
            (),
            "record 9",
        ),
    ],
)
async def test_every_change_by_hand_is_found(
    tmp_path: Path, statement: str, bindings: tuple[Any, ...], says: str
) -> None:
    """A changed payload, hash, order or a removed row is found and named."""
    path = tmp_path / "autobot.db"
    await filled(path)
    connection = apsw.Connection(str(path))
    connection.execute(statement, bindings).fetchall()
    connection.close()
    found = await verified(path)
    assert not found.sound
    assert says in found.broken
