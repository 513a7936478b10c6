"""Erased text is nowhere."""

from pathlib import Path

import pytest

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.kernel.event_store.transaction import Append, Delete, Erase, Put, SaveSnapshot, Transaction
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio
WORD = "xylophonistin"


def holders(folder: Path) -> list[str]:
    """Name the files below a folder that hold the word, in any case."""
    return [
        one.name for one in folder.rglob("*") if one.is_file() and WORD.encode() in one.read_bytes().lower()
    ]


async def test_erased_text_is_nowhere_in_the_folder_nor_in_a_new_backup(tmp_path: Path) -> None:
    """After erasure and vacuum no file has the text: not the database, its log, its full text, nor a backup."""
    folder = tmp_path / "data"
    folder.mkdir()
    clock = ManualClock()
    store, make = await SqliteEventStore.open(folder / "autobot.db", clock), Maker(clock)
    for number in range(300):
        message = make.message("chat-1", {"text": f"the {WORD} number {number} " + "and so on " * 50})
        transaction = make.transaction(f"other-{number % 7}", 2)
        appends = (*transaction.appends, Append(stream="chat-1", expected=-2, events=(message,)))
        put = Put(
            table="messages", key=str(number), document={"text": f"{WORD} {number}"}, text=f"{WORD} {number}"
        )
        await store.commit(Transaction(appends=appends, writes=(put,), audit=(make.entry(),)))
    saved = SaveSnapshot(stream="chat-1", revision=299, schema="v1", data=WORD.encode() * 100)
    await store.commit(Transaction(snapshots=(saved,)))
    assert holders(folder) != []
    await store.commit(
        Transaction(
            erase=(Erase(stream="chat-1", reason="asked"),),
            writes=tuple(Delete(table="messages", key=str(number)) for number in range(300)),
        )
    )
    await store.vacuum()
    assert holders(folder) == []
    assert len(await store.read_stream("chat-1")) == 300
    await store.backup(tmp_path / "backup")
    assert holders(tmp_path) == []
    await store.close()
    assert holders(folder) == []


async def test_erasure_empties_the_write_ahead_log_by_itself(tmp_path: Path) -> None:
    """Without a vacuum, too, erased events are gone from every file of the folder soon after the commit."""
    clock = ManualClock()
    store, make = await SqliteEventStore.open(tmp_path / "autobot.db", clock), Maker(clock)
    made = make.message("chat-1", {"text": WORD})
    append = Append(stream="chat-1", expected=-1, events=(made,))
    await store.commit(Transaction(appends=(append,)))
    await store.commit(Transaction(erase=(Erase(stream="chat-1"),)))
    await store.commit(make.transaction("after"))
    await store.close()
    assert holders(tmp_path) == []
