"""What is erased, deleted or dropped leaves the tables' files."""

from pathlib import Path

import pytest

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.kernel.event_store.transaction import ANY, Append, Delete, Erase, Put, Query, Transaction
from autobot.testing.messages import Maker
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]
SECRET = "xyzzyquux"


def found_in(folder: Path) -> list[str]:
    """Return the files below a folder that hold the secret."""
    return [str(one) for one in folder.rglob("*") if one.is_file() and SECRET.encode() in one.read_bytes()]


async def test_erased_text_is_in_no_table_s_file_after_a_vacuum(postgres: Cluster) -> None:
    """Payloads, documents and their full text are in the tables' files while they are there, and gone after erasing,
    deleting and `vacuum`."""
    url, clock = postgres.emptied(), ManualClock()
    store, make = await PostgresEventStore.open(url, clock), Maker(clock)
    for number in range(5):
        put = Put(table="t", key=str(number), document={"said": SECRET}, text=f"{SECRET} {number}")
        message = make.message("s", {"said": SECRET})
        append = Append(stream="s", expected=ANY, events=(message,))
        await store.commit(Transaction(appends=(append,), writes=(put,)))
    base = postgres.folder / "data" / "base"
    postgres.sql("CHECKPOINT")
    assert found_in(base)
    gone = tuple(Delete(table="t", key=str(number)) for number in range(5))
    await store.commit(Transaction(writes=gone, erase=(Erase(stream="s"),)))
    await store.vacuum()
    postgres.sql("CHECKPOINT")
    assert found_in(base) == []
    assert await store.query(Query(table="t", text=SECRET)) == []
    assert all(one.message.erased for one in await store.read_stream("s"))
    await store.commit(make.transaction("s"))
    await store.close()
